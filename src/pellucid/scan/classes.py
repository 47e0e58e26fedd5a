# SPDX-License-Identifier: Apache-2.0
"""What each unit answers to each class of the data: mean peaks, selectivity, and on request the best item of each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pellucid.records import Layer
from pellucid.scan.bands import NO_RANK, Entry, first_places, ranked, unranked
from pellucid.scan.group_sums import GroupSums
from pellucid.scan.responses import Floats, Integers, Responses
from pellucid.scan.subscriber import PLAIN, Arrays, Given, Reading, Subscriber

__all__ = ["TOP_CLASSES", "ClassMeans", "Classes", "ClassesFound"]

TOP_CLASSES = 5
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class ClassMeans:
    """One unit's classes, the strongest first: those that excite it most.

    Parameters
    ----------
    classes : their numbers
    means : their mean peaks
    selectivity : in 0..1, (b - o) / (b + o), with b the best class mean and o the mean of the others', each at least 0; None
        where b is 0 or there is one class only
    """

    classes: tuple[int, ...]
    means: tuple[float, ...]
    selectivity: float | None


@dataclass(frozen=True, eq=False)
class ClassesFound:
    """What a pass found about classes.

    Parameters
    ----------
    means : (classes, K) mean peaks; NaN where no item of the class has a finite one
    best : (classes, K) ranks and (classes, K) flat positions of the best items; None unless asked
    """

    layer: Layer
    means: np.ndarray[Any, np.dtype[np.float64]]
    best: tuple[Integers, Integers] | None

    def top(self, unit: int) -> ClassMeans:
        """The five classes that excite the unit most."""
        means = self.means[:, unit]
        known = np.flatnonzero(np.isfinite(means))
        order = known[np.lexsort((known, -means[known]))]
        return ClassMeans(
            tuple(int(each) for each in order[:TOP_CLASSES]),
            tuple(float(means[each]) for each in order[:TOP_CLASSES]),
            _selectivity(np.maximum(means[order], 0)),
        )

    def best_items(self, unit: int) -> Mapping[int, Entry]:
        """The item of highest peak of each class, by class; nothing unless it was asked."""
        if self.best is None:
            return {}
        ranks, places = (kept[:, unit] for kept in self.best)
        responses, rows = unranked(ranks)
        return {
            int(each): Entry(
                int(rows[each]),
                float(responses[each]),
                tuple(int(axis) for axis in np.unravel_index(places[each], self.layer.grid))
                if self.layer.grid
                else (),
            )
            for each in np.flatnonzero(ranks != NO_RANK)
        }


def _selectivity(means: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    """Morcos et al. 2018's class selectivity index, of mean peaks, the best class first."""
    if len(means) < 2 or means[0] == 0:
        return None
    others = means[1:].mean()
    return float((means[0] - others) / (means[0] + others))


class Classes(Subscriber):
    """The running value: exact sums of peaks by class and unit. Items without a class enter nothing."""

    def __init__(self, layer: Layer, given: Given = PLAIN) -> None:
        super().__init__(layer, given)
        cells = (given.class_count, layer.units)
        self.counts: Integers = np.zeros(cells, np.int64)
        self.sums = GroupSums(given.class_count * layer.units)
        kept = cells if given.per_class else (0, layer.units)
        self.ranks: Integers = np.full(kept, NO_RANK, np.int64)
        self.places: Integers = np.full(kept, -1, np.int64)

    @classmethod
    def wanted(cls, given: Given) -> bool:
        return given.classes is not None

    def reading(self, responses: Responses) -> Reading:
        classes = _NONE if self.given.classes is None else self.given.classes[responses.rows]
        order = np.argsort(classes, kind="stable")
        order = order[classes[order] >= 0]
        if not len(order):
            return lambda: None
        first = np.flatnonzero(np.diff(classes[order], prepend=-1))  # where another class begins
        met, peaks = classes[order][first], responses.peaks[order]
        best = self._better(responses, order, first, met) if self.given.per_class else None

        def enter() -> None:
            finite = np.isfinite(peaks)
            self.counts[met] += np.add.reduceat(finite.astype(np.int64), first)
            cells = (met[:, None] * self.layer.units + np.arange(self.layer.units)).ravel()
            self.sums.add(np.where(finite, peaks, 0).astype(np.float64), first, cells)
            if best is not None:
                at, self.ranks[at], self.places[at] = best

        return enter

    def _better(
        self, responses: Responses, order: Integers, first: Integers, met: Integers
    ) -> tuple[tuple[Integers, Integers], Integers, Integers]:
        """The classes and units whose best item changes, and its rank and place."""
        ranks = np.maximum.reduceat(ranked(responses.peaks[order], responses.rows[order]), first)
        groups, units = np.nonzero(ranks > self.ranks[met])
        found = ranks[groups, units]
        items = np.searchsorted(responses.rows, unranked(found)[1])
        peaks: Floats = responses.peaks[items, units]
        return (met[groups], units), found, first_places(responses, items, units, peaks)

    def merge(self, other: Self) -> Self:
        merged = type(self).from_arrays(self.layer, self.arrays(), self.given)
        merged.counts += other.counts
        merged.sums.take(other.sums)
        theirs = other.ranks > merged.ranks
        merged.ranks[theirs], merged.places[theirs] = other.ranks[theirs], other.places[theirs]
        return merged

    def arrays(self) -> Arrays:
        self.sums.settled()
        return self._kept()

    def arrays_like(self, arrays: Arrays) -> Arrays:
        self.sums.reach_like(arrays.get("sums"), arrays.get("sums.low"))
        return self._kept()

    def _kept(self) -> Arrays:
        return {"counts": self.counts, **self.sums.arrays(), "ranks": self.ranks, "places": self.places}

    def result(self) -> ClassesFound:
        """Mean peaks by class, and the best items where they were asked."""
        totals = self.sums.rounded().reshape(self.counts.shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = totals / self.counts
        best = (self.ranks, self.places) if self.given.per_class else None
        return ClassesFound(self.layer, means, best)
