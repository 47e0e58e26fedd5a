# SPDX-License-Identifier: Apache-2.0
"""How high each unit's peaks stand and how low its troughs, item by item: the scale on which an optimum is placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pellucid.records import Layer
from pellucid.scan.bars import Bars, bars_of
from pellucid.scan.responses import Integers, Responses
from pellucid.scan.subscriber import PLAIN, Arrays, Given, Reading, Subscriber
from pellucid.scan.tally import Tally

__all__ = ["ENDS", "PeakCounts", "Peaks"]

ENDS = ("peaks", "troughs")


@dataclass(frozen=True, eq=False)
class PeakCounts:
    """For `peaks` and `troughs` the bins met and (B, K) items in each."""

    bins: Mapping[str, Integers]
    counts: Mapping[str, Integers]

    def bars(self, end: str, unit: int) -> Bars:
        """One unit's histogram."""
        return bars_of(self.bins[end], self.counts[end][:, unit])


class Peaks(Subscriber):
    """The running value: an item counts once, with its largest finite response, and once with its smallest."""

    def __init__(self, layer: Layer, given: Given = PLAIN) -> None:
        super().__init__(layer, given)
        self.tallies = {end: Tally(layer.units) for end in ENDS}

    def reading(self, responses: Responses) -> Reading:
        found = (responses.peaks, responses.troughs)

        def enter() -> None:
            # An item without a finite response has infinite extremes, which a tally leaves out.
            for end, extremes in zip(ENDS, found, strict=True):
                self.tallies[end].add(extremes)

        return enter

    def merge(self, other: Self) -> Self:
        merged = type(self).from_arrays(self.layer, self.arrays(), self.given)
        for end in ENDS:
            theirs = other.tallies[end]
            rows = merged.tallies[end].rows(theirs.bins)
            merged.tallies[end].counts[rows] += theirs.counts
        return merged

    def arrays(self) -> Arrays:
        kept: dict[str, Integers] = {}
        for end, tally in self.tallies.items():
            tally.settle()
            kept |= {f"{end}.bins": tally.bins, f"{end}.counts": tally.counts}
        return kept

    def arrays_like(self, arrays: Arrays) -> Arrays:
        for end, tally in self.tallies.items():
            tally.grow_like(arrays.get(f"{end}.bins"))
        return self.arrays()

    def result(self) -> PeakCounts:
        """The histograms of every unit."""
        kept = self.arrays()
        return PeakCounts(
            {end: kept[f"{end}.bins"] for end in ENDS}, {end: kept[f"{end}.counts"] for end in ENDS}
        )
