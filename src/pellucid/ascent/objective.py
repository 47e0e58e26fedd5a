# SPDX-License-Identifier: Apache-2.0
"""What is to be raised or lowered: values that add up and describe themselves. How they are computed is in `readings`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.ascent.given import Given
from pellucid.errors import InputError
from pellucid.records import Unit, UnitQuery

__all__ = [
    "OBJECTIVES",
    "Objective",
    "Target",
    "Term",
    "channel",
    "check_power",
    "direction",
    "excitation",
    "interpolation",
    "layer",
    "logit",
    "neuron",
    "plain",
    "probability",
]

OUTPUT = "logits"

# A unit; or a query that names a whole layer, or a class by its label until a net has said which index that is.
Target = Unit | UnitQuery


@dataclass(frozen=True)
class Term:
    """One part of an objective: `weight` times what the kind reads at the unit, or in the whole layer.

    A direction has a `vector` with one number for each unit of the layer, and the `power` of its cosine. What is compared with
    a given picture has that.
    """

    kind: str
    unit: Target
    weight: float = 1.0
    vector: tuple[float, ...] = ()
    power: float = 0.0
    given: Given | None = None

    @property
    def what(self) -> str:
        """The term without its weight, in words; a vector goes by the first digits of its digest."""
        words = f"{self.kind} {self.unit}"
        if self.vector:
            words += f" along {hashlib.sha256(np.array(self.vector, '<f8').tobytes()).hexdigest()[:8]}"
        if self.given is not None:
            words += f" with {self.given}"
        return words + (f" power {self.power:g}" if self.power else "")

    def __str__(self) -> str:
        return ("" if self.weight == 1 else f"{self.weight:g} x ") + self.what

    def to_json(self) -> dict[str, Any]:
        """JSON values from which the term can be made again."""
        row: dict[str, Any] = {"kind": self.kind, "unit": str(self.unit), "weight": self.weight}
        if self.given is not None:
            row |= {"given": self.given.digest, "power": self.power}
        return row | ({"vector": list(self.vector), "power": self.power} if self.vector else {})


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms. `+`, `-`, `*` and `/` give new objectives.

    Examples
    --------
    >>> str(channel("features.7", 3) - 0.5 * channel("features.7:4"))
    'channel features.7:3 + -0.5 x channel features.7:4'
    """

    terms: tuple[Term, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that must be read, each once."""
        return tuple(dict.fromkeys(term.unit.layer for term in self.terms))

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    def __sub__(self, other: Objective) -> Objective:
        return self + -1.0 * other if isinstance(other, Objective) else NotImplemented

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        return Objective(tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        return self * (1 / divisor)

    def __neg__(self) -> Objective:
        return -1.0 * self

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms))


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
    check_power(power)
    whole = UnitQuery(target.layer, position=target.position)
    return Objective((Term("direction", whole, 1.0, numbers, float(power)),))


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


def check_power(power: float) -> None:
    """Refuse what is no power of a cosine."""
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
