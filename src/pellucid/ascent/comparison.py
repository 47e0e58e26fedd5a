# SPDX-License-Identifier: Apache-2.0
"""Objectives that compare a layer's responses with those to a given picture."""

from __future__ import annotations

from pellucid.ascent.given import Given
from pellucid.ascent.objective import Objective, Target, Term, check_power, layer

__all__ = ["distance", "likeness"]


def distance(name: str | Target, given: Given) -> Objective:
    """How far a layer's responses are from those to a given picture: |a - b|^2 / |b|^2, over all units and positions.

    Lowered, it inverts the layer: the picture becomes one that the layer cannot tell from the given one.

    References
    ----------
    Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them", eq. 4.
    """
    return Objective((Term("distance", layer(name).terms[0].unit, given=given),))


def likeness(name: str | Target, given: Given, *, power: float = 0.0) -> Objective:
    """How far a layer's responses point along those to a given picture: <a, b> / <b, b> max(0.1, cos(a, b))^power.

    For the given picture itself it is 1. Raised, it makes a caricature: more of everything that the layer sees in that picture.

    Parameters
    ----------
    power : of the cosine, at least 0; a higher one asks for the same proportions more than for strength

    References
    ----------
    lucid, notebook "Feature inversion / caricatures". Differs: the cosine has both norms, and the product is
    divided by the given picture's own.
    """
    check_power(power)
    return Objective((Term("likeness", layer(name).terms[0].unit, 1.0, (), float(power), given),))
