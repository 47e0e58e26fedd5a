# SPDX-License-Identifier: Apache-2.0
"""What is to be raised or lowered: values that add up, multiply and describe themselves.

What there is to choose from is in `objectives`, how it is computed in `readings`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from pellucid.ascent.given import Given
from pellucid.errors import InputError
from pellucid.records import Unit, UnitQuery

__all__ = ["Objective", "Target", "Term"]

# A unit; or a query that names a whole layer, or a class by its label until a net has said which index that is.
Target = Unit | UnitQuery


@dataclass(frozen=True)
class Term:
    """One part of an objective: `weight` times what the kind reads at the unit, or in the whole layer.

    A direction has a `vector` with one number for each unit of the layer, and the `power` of its cosine. What is compared with
    a given picture has that. A product is its first factor with the others as `factors`, which have weight 1.
    """

    kind: str
    unit: Target
    weight: float = 1.0
    vector: tuple[float, ...] = ()
    power: float = 0.0
    given: Given | None = None
    factors: tuple[Term, ...] = ()

    @property
    def readings(self) -> tuple[Term, ...]:
        """What is read to be multiplied: of what is no product, the one thing."""
        return (replace(self, weight=1.0, factors=()), *self.factors)

    def times(self, other: Term) -> Term:
        """The product of two terms."""
        return replace(self, weight=self.weight * other.weight, factors=self.factors + other.readings)

    @property
    def what(self) -> str:
        """The term without its weight, in words; a vector goes by the first digits of its digest."""
        return " x ".join(each._words for each in self.readings)

    @property
    def _words(self) -> str:
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
        if self.vector:
            row |= {"vector": list(self.vector), "power": self.power}
        return row | ({"times": [each.to_json() for each in self.factors]} if self.factors else {})


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms and a number. `+`, `-`, `*` and `/` give new objectives, of objectives and of numbers.

    Products of sums are written out. A product of two channels asks for both at once; of two that are below zero it is as high as
    of two above.

    Raises
    ------
    InputError : a number that is not finite, or 0 to divide by

    Examples
    --------
    >>> from pellucid.ascent import channel, logit
    >>> str(channel("features.7", 3) - 0.5 * channel("features.7:4"))
    'channel features.7:3 + -0.5 x channel features.7:4'
    >>> str(channel("a", 3) * (logit(5) + 1) / 2)
    '0.5 x channel a:3 x logit logits:5 + 0.5 x channel a:3'
    >>> str(sum([channel("a", 3), channel("a", 4)]))
    'channel a:3 + channel a:4'
    """

    terms: tuple[Term, ...]
    constant: float = 0.0

    # NumPy's numbers leave arithmetic with an objective to it.
    __array_ufunc__ = None

    @property
    def readings(self) -> tuple[Term, ...]:
        """All that is read, factors of products one by one."""
        return tuple(each for term in self.terms for each in term.readings)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that must be read, each once."""
        return tuple(dict.fromkeys(each.unit.layer for each in self.readings))

    def __add__(self, other: Objective | float) -> Objective:
        if isinstance(other, Real):
            return Objective(self.terms, _finite(self.constant + float(other), other))
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective(self.terms + other.terms, self.constant + other.constant)

    __radd__ = __add__

    def __sub__(self, other: Objective | float) -> Objective:
        return self + -1.0 * other if isinstance(other, Real | Objective) else NotImplemented

    def __rsub__(self, other: float) -> Objective:
        return -self + other

    def __mul__(self, factor: Objective | float) -> Objective:
        if isinstance(factor, Real):
            number = _finite(float(factor), factor)
            weighted = (replace(term, weight=_finite(term.weight * number, factor)) for term in self.terms)
            return Objective(tuple(weighted), self.constant * number)
        if not isinstance(factor, Objective):
            return NotImplemented
        products = [one.times(other) for one in self.terms for other in factor.terms]
        rest = [
            replace(term, weight=term.weight * constant)
            for terms, constant in ((self.terms, factor.constant), (factor.terms, self.constant))
            for term in terms
            if constant
        ]
        return Objective((*products, *rest), self.constant * factor.constant)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        if not isinstance(divisor, Real):
            return NotImplemented
        if not divisor:
            raise InputError(f"{self} divided by 0; another number works")
        return self * (1 / float(divisor))

    def __neg__(self) -> Objective:
        return -1.0 * self

    def __str__(self) -> str:
        return " + ".join([*map(str, self.terms), *([f"{self.constant:g}"] if self.constant else [])])


def _finite(number: float, asked: Real) -> float:
    if not math.isfinite(number):
        raise InputError(f"an objective was to be reckoned with {asked}; finite numbers work")
    return number
