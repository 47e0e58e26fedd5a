# SPDX-License-Identifier: Apache-2.0
"""What is to be raised or lowered: values that add up, describe themselves, and are computed for a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.records import Unit

__all__ = ["OBJECTIVES", "Goal", "Objective", "Scores", "Term", "channel", "logit", "plain"]

# From responses (n, K, *positions) and one unit index for each item to a number for each item: (n,).
Reading = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """One part of an objective: `weight` times what the kind reads at the unit."""

    kind: str
    unit: Unit
    weight: float = 1.0

    def __str__(self) -> str:
        sign = "" if self.weight == 1 else f"{self.weight:g} x "
        return f"{sign}{self.kind} {self.unit}"


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms. `+`, `-` and `*` give new objectives.

    Examples
    --------
    >>> str(channel(Unit("features.7", 3)) - 0.5 * channel(Unit("features.7", 4)))
    'channel features.7:3 + -0.5 x channel features.7:4'
    """

    terms: tuple[Term, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that must be read, each once."""
        return tuple(dict.fromkeys(term.unit.layer for term in self.terms))

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms)

    def __sub__(self, other: Objective) -> Objective:
        return self + -1.0 * other

    def __mul__(self, factor: float) -> Objective:
        return Objective(tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1.0 * self

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms))


def channel(unit: Unit) -> Objective:
    """A channel's mean over all positions; of a layer without positions, the unit's response."""
    if unit.position is not None:
        raise InputError(
            f"{unit} names one position, a channel is the mean over all; leave out what follows @"
        )
    return Objective((Term("channel", unit),))


def logit(unit: Unit) -> Objective:
    """A class's output before any softmax."""
    if unit.layer != "logits":
        raise InputError(
            f"{unit} is no class; write logits:INDEX or logits:LABEL, or ask for objective channel"
        )
    return Objective((Term("logit", unit),))


def _mean_of_channel(responses: Tensor, indices: Tensor) -> Tensor:
    picked = responses[torch.arange(len(indices), device=responses.device), indices]
    return picked.flatten(1).mean(1) if picked.ndim > 1 else picked


OBJECTIVES: Mapping[str, Callable[[Unit], Objective]] = {"channel": channel, "logit": logit}
READINGS: Mapping[str, Reading] = {"channel": _mean_of_channel, "logit": _mean_of_channel}


def plain(unit: Unit) -> Objective:
    """The objective of a unit when none is named: its logit for a class, its channel otherwise."""
    return logit(unit) if unit.layer == "logits" else channel(unit)


@dataclass(frozen=True)
class Goal:
    """One picture to be made: an objective to raise (`sign` 1) or to lower (-1); without one, the unit's plain objective."""

    unit: Unit
    sign: int = 1
    objective: Objective | None = None

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise InputError(f"sign {self.sign} for {self.unit}: 1 raises the objective, -1 lowers it")

    @property
    def aim(self) -> Objective:
        """The objective, written out."""
        return plain(self.unit) if self.objective is None else self.objective

    def __str__(self) -> str:
        return f"{'+' if self.sign > 0 else '-'} {self.aim}"


class Scores:
    """The objectives of a batch as one function of responses.

    Terms of the same kind and layer are read together, whichever items they belong to: one batch may hold any mixture.
    """

    def __init__(self, objectives: Sequence[Objective], device: torch.device | str = "cpu") -> None:
        self.items = len(objectives)
        self.layers = tuple(dict.fromkeys(layer for each in objectives for layer in each.layers))
        gathered: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
        for item, objective in enumerate(objectives):
            for term in objective.terms:
                row = (item, term.unit.index, term.weight)
                gathered.setdefault((term.kind, term.unit.layer), []).append(row)
        self._groups = [
            (READINGS[kind], layer, *_columns(rows, device)) for (kind, layer), rows in gathered.items()
        ]

    def __call__(self, responses: Mapping[str, Tensor]) -> Tensor:
        """The value of each item's objective: (N,), from {layer: (N, K, *positions)}."""
        total: Tensor | None = None
        for reading, layer, rows, indices, weights in self._groups:
            values = weights * reading(_rows(responses[layer], rows), indices)
            start = values.new_zeros(self.items) if total is None else total
            total = start.index_add(0, rows, values)
        if total is None:
            raise InputError("an objective without terms has no value")
        return total


def _columns(rows: list[tuple[int, int, float]], device: torch.device | str) -> tuple[Tensor, Tensor, Tensor]:
    items, indices, weights = zip(*rows, strict=True)
    return (
        torch.tensor(items, device=device),
        torch.tensor(indices, device=device),
        torch.tensor(weights, dtype=torch.float32, device=device),
    )


def _rows(responses: Tensor, rows: Tensor) -> Tensor:
    """The items that have the term; the tensor itself, without a copy, where that is all of them in order."""
    if len(rows) == len(responses) and bool((rows == torch.arange(len(rows), device=rows.device)).all()):
        return responses
    return responses[rows]
