# SPDX-License-Identifier: Apache-2.0
"""What is kept: a layer whose answers may not wander far from those to a given picture, and what wandering costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.ascent.given import Given
from pellucid.errors import InputError

__all__ = ["Kept"]


@dataclass(frozen=True)
class Kept:
    """A price on how far a layer departs from its answers to a given picture.

    Parameters
    ----------
    layer : its name
    given : the picture that it departs from
    strength : of the price. At 1 its slope is as strong as the objective's, as measured once, after the first few steps, which
        are free

    Raises
    ------
    InputError : a strength below 0, or not finite

    References
    ----------
    Hamblin et al. 2024, "Feature Accentuation", arXiv:2402.10039. Differs: the balance is struck after eight steps.
    """

    layer: str
    given: Given
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength < math.inf:
            raise InputError(f"strength {self.strength:g} of what is kept: 0 or more is needed")
