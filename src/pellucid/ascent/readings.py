# SPDX-License-Identifier: Apache-2.0
"""From responses to the values of objectives, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pellucid.ascent.goal import Goal
from pellucid.ascent.objective import Term
from pellucid.errors import InputError
from pellucid.records import Unit

__all__ = ["COMPARISONS", "READINGS", "Scores", "departure"]

# On SqueezeNet's early layers 0.3 keeps more of the plain mean than 0.1 at the same responses on the side asked for; 0 leaves
# units that start on the other side without a gradient.
OTHER_SIDE = 0.3
# Both from lucid: the least cosine that a power is taken of, and what is added to each norm.
LEAST_COSINE = 0.1
NORM_EPSILON = 1e-4


@dataclass(frozen=True, eq=False)
class Rows:
    """Terms of one kind and layer: which item each belongs to, and whether more or less of it is wanted (1 or -1)."""

    terms: tuple[Term, ...]
    items: tuple[int, ...]
    signs: tuple[int, ...]
    device: torch.device | str

    @cached_property
    def indices(self) -> Tensor:
        """(n,) each term's unit."""
        found = [term.unit.index if isinstance(term.unit, Unit) else 0 for term in self.terms]
        return torch.tensor(found, device=self.device)

    @cached_property
    def directions(self) -> Tensor:
        """(n,) 1 or -1."""
        return torch.tensor(self.signs, device=self.device)

    @cached_property
    def vectors(self) -> Tensor:
        """(n, K) float32."""
        return torch.tensor([term.vector for term in self.terms], dtype=torch.float32, device=self.device)

    @cached_property
    def powers(self) -> Tensor:
        """(n, 1) float32."""
        return torch.tensor([[term.power] for term in self.terms], dtype=torch.float32, device=self.device)

    def picked(self, responses: Tensor) -> Tensor:
        """Each term's own unit: (n, P) from (n, K, *positions), one position if there is none."""
        picked = responses[torch.arange(len(self.items), device=responses.device), self.indices]
        return picked.flatten(1) if picked.ndim > 1 else picked[:, None]

    def placed(self, values: Tensor, grid: Sequence[int]) -> Tensor:
        """(n,) from (n, P): the term's position on the grid, or the mean over all."""
        mean = values.mean(1)
        places = [_flat_place(term, grid) for term in self.terms]
        if all(place is None for place in places):
            return mean
        at = torch.tensor([place or 0 for place in places], device=values.device)
        here = torch.tensor([place is not None for place in places], device=values.device)
        return torch.where(here, values.gather(1, at[:, None])[:, 0], mean)


def _flat_place(term: Term, grid: Sequence[int]) -> int | None:
    """Where the term's position stands when the grid is laid out in a row."""
    at = term.unit.position
    if at is None:
        return None
    if at == "center":
        at = tuple(size // 2 for size in grid)
    if len(at) != len(grid) or any(place >= size for place, size in zip(at, grid, strict=True)):
        there = "x".join(map(str, grid)) or "no positions"
        raise InputError(
            f"{term.unit}: on pictures of this size {term.unit.layer} has {there}, counted from 0; ask for another "
            "position or --size"
        )
    flat = 0
    for place, size in zip(at, grid, strict=True):
        flat = flat * size + place
    return flat


def _mean(responses: Tensor, rows: Rows) -> Tensor:
    return rows.picked(responses).mean(1)


def _mean_of_side(responses: Tensor, rows: Rows) -> Tensor:
    picked = rows.picked(responses)
    return torch.where(picked * rows.directions[:, None] > 0, picked, OTHER_SIDE * picked).mean(1)


def _at_position(responses: Tensor, rows: Rows) -> Tensor:
    return rows.placed(rows.picked(responses), responses.shape[2:])


def _mean_square(responses: Tensor, rows: Rows) -> Tensor:
    return responses.flatten(1).square().mean(1)


def _along(responses: Tensor, rows: Rows) -> Tensor:
    here = responses.flatten(2) if responses.ndim > 2 else responses[:, :, None]  # (n, K, P)
    dot = torch.einsum("nkp,nk->np", here, rows.vectors)
    if any(term.power for term in rows.terms):
        # The root of what cannot be zero: a response of zeros has a gradient, too.
        norms = (here.square().sum(1) + NORM_EPSILON**2).sqrt()
        lengths = rows.vectors.norm(dim=1, keepdim=True)
        cosine = dot / (norms + NORM_EPSILON) / (lengths + NORM_EPSILON)
        dot = dot * cosine.clamp(min=LEAST_COSINE) ** rows.powers
    return rows.placed(dot, responses.shape[2:])


def _share(responses: Tensor, rows: Rows) -> Tensor:
    return rows.picked(responses.softmax(1)).mean(1)


# From responses (n, K, *positions) and what is wanted of them to (n,) values.
READINGS: Mapping[str, Callable[[Tensor, Rows], Tensor]] = {
    "channel": _mean,
    "excitation": _mean_of_side,
    "neuron": _at_position,
    "layer": _mean_square,
    "direction": _along,
    "logit": _mean,
    "probability": _share,
}


def _distance(responses: Tensor, given: Tensor, rows: Rows) -> Tensor:
    gap, size = ((each.flatten(1).square().sum(1)) for each in (responses - given, given))
    return torch.where(size > 0, gap / size, gap)


def _likeness(responses: Tensor, given: Tensor, rows: Rows) -> Tensor:
    here, there = responses.flatten(1), given.flatten(1)
    dot, own = (here * there).sum(1), there.square().sum(1)
    value = torch.where(own > 0, dot / own, dot)
    if any(term.power for term in rows.terms):
        norm = (here.square().sum(1) + NORM_EPSILON**2).sqrt()
        cosine = dot / (norm + NORM_EPSILON) / (there.norm(dim=1) + NORM_EPSILON)
        value = value * cosine.clamp(min=LEAST_COSINE) ** rows.powers[:, 0]
    return value


# From responses (n, K, *positions), those to the given pictures, and what is wanted to (n,) values.
COMPARISONS: Mapping[str, Callable[[Tensor, Tensor, Rows], Tensor]] = {
    "distance": _distance,
    "likeness": _likeness,
}


def departure(responses: Tensor, given: Tensor) -> Tensor:
    """How far responses (n, K, *positions) are from others: at each position over all units, the mean of these; (n,).

    Its slope at no distance at all is zero.

    References
    ----------
    Hamblin et al. 2024, "Feature Accentuation", the regularizer with p = 2.

    Examples
    --------
    >>> departure(torch.tensor([[[3.0, 0.0], [4.0, 0.0]]]), torch.zeros(1, 2, 2))
    tensor([2.5000])
    """
    gap = responses - given
    squares = (gap.flatten(2) if gap.ndim > 2 else gap[:, :, None]).square().sum(1)
    # A root has no slope at 0; what stands there for it never reaches the result.
    return torch.where(squares > 0, squares.where(squares > 0, 1.0).sqrt(), 0.0).mean(1)


class Scores:
    """The objectives of a batch of goals as one function of responses.

    Terms of the same kind and layer are read together, whichever items they belong to: one batch may hold any mixture.

    Attributes
    ----------
    layers : what must be read, each once
    """

    def __init__(self, goals: Sequence[Goal], device: torch.device | str = "cpu") -> None:
        self.items = len(goals)
        self.layers = tuple(dict.fromkeys(layer for goal in goals for layer in goal.layers))
        found = [
            (term, item, goal.sign if term.weight >= 0 else -goal.sign)
            for item, goal in enumerate(goals)
            for term in goal.aim.terms
        ]
        self._parts: list[_Group | _Products] = [
            *_groups([row for row in found if not row[0].factors], device)
        ]
        products = [row for row in found if row[0].factors]
        if products:
            self._parts.append(_Products(products, device))
        constants = [goal.aim.constant for goal in goals]
        self._constants = torch.tensor(constants, device=device) if any(constants) else None

    def __call__(self, responses: Mapping[str, Tensor], given: Mapping[str, Tensor] | None = None) -> Tensor:
        """The value of each goal's objective: (N,), from {layer: (N, K, *positions)} and those to the given pictures."""
        if not self._parts:
            raise InputError("an objective without terms has no value")
        total = torch.zeros(())
        for part in self._parts:
            rows, values = part(responses, given or {})
            total = total.to(values).expand(self.items).index_add(0, rows, values)
        return total if self._constants is None else total + self._constants.to(total)


Row = tuple[Term, int, int]


def _groups(rows: Sequence[Row], device: torch.device | str) -> list[_Group]:
    """Terms with their items and signs, those of one kind and layer together."""
    gathered: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        gathered.setdefault((row[0].kind, row[0].unit.layer), []).append(row)
    return [_Group(*key, found, device) for key, found in gathered.items()]


class _Products:
    """Terms with several factors: all of these are read like any term, and then multiplied."""

    def __init__(self, rows: Sequence[Row], device: torch.device | str) -> None:
        self._most = max(len(term.readings) for term, _, _ in rows)
        placed: dict[tuple[str, str], list[tuple[int, Row]]] = {}
        for place, (term, item, sign) in enumerate(rows):
            for turn, each in enumerate(term.readings):
                key = (each.kind, each.unit.layer)
                placed.setdefault(key, []).append((place * self._most + turn, (each, item, sign)))
        self._factors = [_Group(*key, [row for _, row in found], device) for key, found in placed.items()]
        self._places = [
            torch.tensor([place for place, _ in found], device=device) for found in placed.values()
        ]
        self._items = torch.tensor([item for _, item, _ in rows], device=device)
        self._weights = torch.tensor([term.weight for term, _, _ in rows], device=device)

    def __call__(self, responses: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Which items the terms belong to, and what each adds."""
        factors = torch.ones(len(self._items) * self._most, device=self._items.device)
        for group, places in zip(self._factors, self._places, strict=True):
            _, values = group(responses, given)
            factors = factors.to(values).index_copy(0, places, values)
        return self._items, self._weights.to(factors) * factors.view(-1, self._most).prod(1)


class _Group:
    """Terms of one kind and layer."""

    def __init__(self, kind: str, layer: str, rows: Sequence[Row], device: torch.device | str) -> None:
        terms, items, signs = zip(*rows, strict=True)
        self.layer = layer
        self._kind = kind
        self._rows = Rows(terms, items, signs, device)
        self._items = torch.tensor(items, device=device)
        weights = [term.weight for term in terms]
        self._weights = torch.tensor(weights, dtype=torch.float32, device=device)
        self._in_order = items == tuple(range(len(items)))

    def __call__(self, every: Mapping[str, Tensor], compared: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Which items the terms belong to, and what each adds."""
        responses, given = every[self.layer], compared.get(self.layer)
        whole = self._in_order and len(self._items) == len(responses)
        # Picking all items in order would copy every response for nothing.
        chosen = responses if whole else responses[self._items]
        if self._kind in READINGS:
            return self._items, self._weights * READINGS[self._kind](chosen, self._rows)
        if given is None:
            raise InputError(f"{self._rows.terms[0]} needs the responses to that picture")
        others = given if whole else given[self._items]
        return self._items, self._weights * COMPARISONS[self._kind](chosen, others, self._rows)
