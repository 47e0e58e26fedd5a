# SPDX-License-Identifier: Apache-2.0
"""Statistics of every unit over all positions of all items: count, mean, variance, extremes, zeros, dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pellucid.records import Layer
from pellucid.scan.exact import LOWEST, ExactSums
from pellucid.scan.responses import Integers, Responses
from pellucid.scan.subscriber import PLAIN, Arrays, Given, Reading, Subscriber

__all__ = ["Moments", "Statistics"]


@dataclass(frozen=True)
class Statistics:
    """One unit's responses to the data, over all positions of all items that could be read.

    Parameters
    ----------
    count : finite responses; all numbers below are about these
    mean : None where count is 0, as the next four
    variance : of the responses themselves, divided by count (ddof 0)
    min, max : the extremes
    zero_share : responses that are exactly zero, in 0..1
    nonfinite : responses that are NaN or infinite, which enter nothing else
    dead : there are two responses or more, and all are equal: on this data the unit never changes
    """

    count: int
    mean: float | None
    variance: float | None
    min: float | None
    max: float | None
    zero_share: float | None
    nonfinite: int
    dead: bool

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


class Moments(Subscriber):
    """The running value behind Statistics.

    An item's responses are summed in float64, items exactly: the mean is right to about 1e-15 of the mean
    magnitude, and equal to the last bit for every split and order of the items.
    """

    def __init__(self, layer: Layer, given: Given = PLAIN) -> None:
        super().__init__(layer, given)
        self.counts: Integers = np.zeros(layer.units, np.int64)
        self.nonfinite = self.counts.copy()
        self.zeros = self.counts.copy()
        self.smallest = np.full(layer.units, np.inf, np.float32)
        self.largest = np.full(layer.units, -np.inf, np.float32)
        self.sums = ExactSums(layer.units)
        self.squares = ExactSums(layer.units)

    def reading(self, responses: Responses) -> Reading:
        totals, troughs, peaks = responses.totals, responses.troughs, responses.peaks
        values = len(responses.rows) * responses.values.shape[2]

        def enter() -> None:
            counts = totals.counts.sum(0)
            self.counts += counts
            self.nonfinite += values - counts
            self.zeros += totals.zeros.sum(0)
            np.minimum(self.smallest, troughs.min(0, initial=np.inf), out=self.smallest)
            np.maximum(self.largest, peaks.max(0, initial=-np.inf), out=self.largest)
            self.sums.add(totals.sums)
            self.squares.add(totals.squares)

        return enter

    def merge(self, other: Self) -> Self:
        merged = type(self).from_arrays(self.layer, self.arrays(), self.given)
        for mine, theirs in ((merged.counts, other.counts), (merged.nonfinite, other.nonfinite)):
            mine += theirs
        merged.zeros += other.zeros
        np.minimum(merged.smallest, other.smallest, out=merged.smallest)
        np.maximum(merged.largest, other.largest, out=merged.largest)
        merged.sums.limbs += other.sums.limbs
        merged.squares.limbs += other.squares.limbs
        return merged

    def arrays(self) -> Arrays:
        return {
            "counts": self.counts,
            "nonfinite": self.nonfinite,
            "zeros": self.zeros,
            "smallest": self.smallest,
            "largest": self.largest,
            "sums": self.sums.settled(),
            "squares": self.squares.settled(),
        }

    def result(self) -> tuple[Statistics, ...]:
        """The statistics of every unit."""
        sums, squares = self.sums.exact(), self.squares.exact()
        return tuple(self._unit(unit, sums[unit], squares[unit]) for unit in range(self.layer.units))

    def _unit(self, unit: int, total: int, squares: int) -> Statistics:
        count, nonfinite = int(self.counts[unit]), int(self.nonfinite[unit])
        if count == 0:
            return Statistics(0, None, None, None, None, None, nonfinite, dead=False)
        smallest, largest = float(self.smallest[unit]), float(self.largest[unit])
        # Exact integers up to the division, which rounds once: no cancellation for a large mean.
        spread = (count * squares << -LOWEST) - total * total
        constant = smallest == largest
        return Statistics(
            count=count,
            mean=total / (count << -LOWEST),
            variance=0.0 if constant else max(0, spread) / (count * count << -2 * LOWEST),
            min=smallest,
            max=largest,
            zero_share=int(self.zeros[unit]) / count,
            nonfinite=nonfinite,
            dead=constant and count > 1,
        )
