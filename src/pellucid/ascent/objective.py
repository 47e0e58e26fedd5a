# SPDX-License-Identifier: Apache-2.0
"""What is to be raised or lowered: values that add up, describe themselves, and are computed for a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.records import Unit

__all__ = ["OBJECTIVES", "Goal", "Objective", "Scores", "Term", "channel", "excitation", "logit", "plain"]

# From responses (n, K, *positions), each item's unit index, and 1 or -1 where it is to be raised or lowered, to (n,) values.
Reading = Callable[[Tensor, Tensor, Tensor], Tensor]


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
    return _over_positions("channel", unit)


def excitation(unit: Unit) -> Objective:
    """A channel's mean, with positions on the side not asked for counted three tenths.

    The side is above zero where the objective is raised, below where it is lowered. A channel's plain mean can be raised
    only by what pleases every position at once: a linear edge filter answers each edge with its opposite next to it, so
    that its mean shows flat color. What follows a rectifier is left nearly alone by this.
    """
    return _over_positions("excitation", unit)


def logit(unit: Unit) -> Objective:
    """A class's output before any softmax."""
    if unit.layer != "logits":
        raise InputError(
            f"{unit} is no class; write logits:INDEX or logits:LABEL, or ask for objective channel"
        )
    return Objective((Term("logit", unit),))


def _over_positions(kind: str, unit: Unit) -> Objective:
    if unit.position is not None:
        raise InputError(f"{unit} names one position, objective {kind} is over all; leave out what follows @")
    return Objective((Term(kind, unit),))


# On SqueezeNet's early layers 0.3 keeps more of the plain mean than 0.1 at the same responses on the side asked for; 0 leaves
# units that start on the other side without a gradient.
OTHER_SIDE = 0.3


def _mean(responses: Tensor, indices: Tensor, directions: Tensor) -> Tensor:
    return _picked(responses, indices).flatten(1).mean(1)


def _mean_of_side(responses: Tensor, indices: Tensor, directions: Tensor) -> Tensor:
    picked = _picked(responses, indices).flatten(1)
    return torch.where(picked * directions[:, None] > 0, picked, OTHER_SIDE * picked).mean(1)


def _picked(responses: Tensor, indices: Tensor) -> Tensor:
    """Each item's own unit: (n, *positions), one position if there is none."""
    picked = responses[torch.arange(len(indices), device=responses.device), indices]
    return picked if picked.ndim > 1 else picked[:, None]


OBJECTIVES: Mapping[str, Callable[[Unit], Objective]] = {
    "channel": channel,
    "excitation": excitation,
    "logit": logit,
}
READINGS: Mapping[str, Reading] = {"channel": _mean, "excitation": _mean_of_side, "logit": _mean}


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
    """The objectives of a batch of goals as one function of responses.

    Terms of the same kind and layer are read together, whichever items they belong to: one batch may hold any mixture.
    """

    def __init__(self, goals: Sequence[Goal], device: torch.device | str = "cpu") -> None:
        self.items = len(goals)
        self.layers = tuple(dict.fromkeys(layer for goal in goals for layer in goal.aim.layers))
        gathered: dict[tuple[str, str], list[tuple[int, int, float, int]]] = {}
        for item, goal in enumerate(goals):
            for term in goal.aim.terms:
                row = (item, term.unit.index, term.weight, goal.sign if term.weight >= 0 else -goal.sign)
                gathered.setdefault((term.kind, term.unit.layer), []).append(row)
        self._groups = [_Group(kind, layer, rows, device) for (kind, layer), rows in gathered.items()]

    def __call__(self, responses: Mapping[str, Tensor]) -> Tensor:
        """The value of each goal's objective: (N,), from {layer: (N, K, *positions)}."""
        if not self._groups:
            raise InputError("an objective without terms has no value")
        total = torch.zeros(())
        for group in self._groups:
            rows, values = group(responses[group.layer])
            total = total.to(values).expand(self.items).index_add(0, rows, values)
        return total


class _Group:
    """Terms of one kind and layer."""

    def __init__(
        self, kind: str, layer: str, rows: list[tuple[int, int, float, int]], device: torch.device | str
    ) -> None:
        items, indices, weights, directions = zip(*rows, strict=True)
        self.layer = layer
        self._reading = READINGS[kind]
        self._items = torch.tensor(items, device=device)
        self._indices = torch.tensor(indices, device=device)
        self._weights = torch.tensor(weights, dtype=torch.float32, device=device)
        self._directions = torch.tensor(directions, device=device)
        self._in_order = items == tuple(range(len(items)))

    def __call__(self, responses: Tensor) -> tuple[Tensor, Tensor]:
        """Which items the terms belong to, and what each adds."""
        whole = self._in_order and len(self._items) == len(responses)
        # Picking all items in order would copy every response for nothing.
        chosen = responses if whole else responses[self._items]
        return self._items, self._weights * self._reading(chosen, self._indices, self._directions)
