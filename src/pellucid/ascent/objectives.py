# SPDX-License-Identifier: Apache-2.0
"""The objectives that there are: each from a unit, a layer or a class to a value that may be climbed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pellucid.ascent.given import Given
from pellucid.ascent.objective import Objective, Target, Term
from pellucid.errors import InputError
from pellucid.records import Unit, UnitQuery

__all__ = [
    "OBJECTIVES",
    "channel",
    "direction",
    "distance",
    "excitation",
    "interpolation",
    "layer",
    "likeness",
    "logit",
    "neuron",
    "plain",
    "probability",
]

OUTPUT = "logits"


def channel(unit: str | Target, index: int | None = None) -> Objective:
    """A channel's mean over all positions; of a layer without positions, the unit's response.

    Parameters
    ----------
    unit : as `features.7:10`, or the layer's name beside `index`

    Examples
    --------
    >>> str(channel("features.7", 10))
    'channel features.7:10'
    """
    return _over_positions("channel", _one_unit(unit, index))


def excitation(unit: str | Target, index: int | None = None) -> Objective:
    """A channel's mean, with positions on the side not asked for counted three tenths.

    The side is above zero where the objective is raised, below where it is lowered. A channel's plain mean can be raised
    only by what pleases every position at once: a linear edge filter answers each edge with its opposite next to it, so
    that its mean shows flat color. What follows a rectifier is left nearly alone by this.
    """
    return _over_positions("excitation", _one_unit(unit, index))


def neuron(unit: str | Target, index: int | None = None) -> Objective:
    """A channel's response at one position, the center if none is named: that at (h//2, w//2) of the layer's grid.

    >>> str(neuron("features.7:10")), str(neuron("features.7:10@4,5"))
    ('neuron features.7:10@center', 'neuron features.7:10@4,5')
    """
    one = _one_unit(unit, index)
    return Objective((Term("neuron", one if one.position is not None else replace(one, position="center")),))


def layer(name: str | Target) -> Objective:
    """All of a layer at once, as DeepDream does: the mean of its squared responses.

    >>> str(layer("features.7"))
    'layer features.7'
    """
    target = _target(name, None)
    if not isinstance(target, UnitQuery) or target.indices is not None or target.label is not None:
        raise InputError(
            f"{target} names a unit, objective layer is about all of a layer; write {target.layer}"
        )
    return Objective((Term("layer", target),))


def direction(name: str | UnitQuery, vector: Sequence[float], *, power: float = 0.0) -> Objective:
    """How far a layer's responses point along a vector: the mean over positions of <a, v> max(0.1, cos(a, v))^power.

    Parameters
    ----------
    name : the layer; with `@center` or `@4,5` behind it, one position instead of the mean
    vector : one number for each unit of the layer, not all zero; its length scales the objective
    power : of the cosine, at least 0; a higher one asks for the direction more than for its strength

    References
    ----------
    lucid `optvis/objectives.py` `direction`, with both norms in the cosine, each plus 1e-4.
    """
    text, _, at = name.partition("@") if isinstance(name, str) else (name, "", "")
    target = _target(text, None) if not at else UnitQuery.parse(f"{text}:0@{at}")
    numbers = tuple(float(each) for each in vector)
    if not numbers or not all(map(np.isfinite, numbers)) or not any(numbers):
        raise InputError(f"a vector of {len(numbers)} numbers; finite ones, not all zero, give a direction")
    _check_power(power)
    whole = UnitQuery(target.layer, position=target.position)
    return Objective((Term("direction", whole, 1.0, numbers, float(power)),))


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
    _check_power(power)
    return Objective((Term("likeness", layer(name).terms[0].unit, 1.0, (), float(power), given),))


def logit(unit: str | int | Target, index: int | None = None) -> Objective:
    """A class's output before any softmax, by index, by label or as `logits:LABEL`.

    >>> str(logit(281)), str(logit("tabby")), str(logit("logits:281"))
    ('logit logits:281', 'logit logits:tabby', 'logit logits:281')
    """
    return _of_class("logit", unit, index)


def probability(unit: str | int | Target, index: int | None = None) -> Objective:
    """A class's share of the softmax over all outputs. It is easily raised by lowering rivals: logits look better."""
    return _of_class("probability", unit, index)


def interpolation(first: Objective, second: Objective, steps: int) -> list[Objective]:
    """The way from one objective to another: `steps` objectives, the i-th with i/(steps-1) of the second.

    >>> [str(each) for each in interpolation(channel("a:1"), channel("a:2"), 3)]
    ['channel a:1', '0.5 x channel a:1 + 0.5 x channel a:2', 'channel a:2']
    """
    if steps < 2:
        raise InputError(f"an interpolation of {steps} steps has no two ends; 2 or more have")
    between = [place / (steps - 1) for place in range(1, steps - 1)]
    return [first, *((1 - share) * first + share * second for share in between), second]


def _check_power(power: float) -> None:
    if power < 0 or not np.isfinite(power):
        raise InputError(f"power {power:g} of the cosine; 0 or more is one")


def _target(unit: str | Target, index: int | None) -> Target:
    """The one unit or whole layer that is written."""
    text = unit if index is None else f"{unit}:{index}"
    query = UnitQuery.parse(text) if isinstance(text, str) else text
    if isinstance(query, Unit) or query.indices is None:
        return query
    if len(query.indices) != 1:
        raise InputError(
            f"{query} names {len(query.indices)} units, an objective is about one; add several up"
        )
    return Unit(query.layer, query.indices[0], query.position)


def _one_unit(unit: str | Target, index: int | None) -> Target:
    target = _target(unit, index)
    if isinstance(target, UnitQuery) and target.label is None:
        raise InputError(f"{target} names a whole layer, this objective is about one unit; write {target}:0")
    return target


def _over_positions(kind: str, unit: Target) -> Objective:
    if unit.position is not None:
        raise InputError(
            f"{unit} names one position, objective {kind} is over all; leave out what follows @, or ask for neuron"
        )
    return Objective((Term(kind, unit),))


def _of_class(kind: str, unit: str | int | Target, index: int | None) -> Objective:
    if isinstance(unit, int):
        target: Target = Unit(OUTPUT, unit)
    elif isinstance(unit, str) and index is None and not unit.startswith(f"{OUTPUT}:"):
        target = UnitQuery(OUTPUT, label=unit)
    else:
        target = _one_unit(unit, index)
    if target.layer != OUTPUT:
        raise InputError(
            f"{target} is no class; write logits:INDEX or logits:LABEL, or ask for objective channel"
        )
    return _over_positions(kind, target)


# What can be asked of a unit or a layer by name alone.
OBJECTIVES: Mapping[str, Callable[[Target], Objective]] = {
    "channel": channel,
    "excitation": excitation,
    "neuron": neuron,
    "layer": layer,
    "logit": logit,
    "probability": probability,
}


def plain(unit: Target) -> Objective:
    """The objective of a unit when none is named: a class's logit, a position's neuron, a channel; a layer's squares."""
    if isinstance(unit, UnitQuery) and unit.label is None:
        return layer(unit)
    if unit.position is not None:
        return neuron(unit)
    return logit(unit) if unit.layer == OUTPUT else channel(unit)
