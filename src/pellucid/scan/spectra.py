# SPDX-License-Identifier: Apache-2.0
"""What spots tell about every unit of a layer: histogram, quantiles, sparsity, levels, middle bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pellucid.records import Layer
from pellucid.scan.bands import BAND_ITEMS, Band, Entry
from pellucid.scan.bars import Bars, bars_of
from pellucid.scan.bins import EDGES, LARGEST_ERROR, ZERO, middles
from pellucid.scan.draw import Tickets, places, rows_of
from pellucid.scan.exact import LOWEST
from pellucid.scan.responses import Floats, Integers
from pellucid.scan.sampling import quantile_ranks

__all__ = ["MIDDLE_BANDS", "QUANTILES", "Level", "Spectra", "SpotStatistics"]

MIDDLE_BANDS = ("slightly_positive", "near_zero", "slightly_negative")
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
# How far, 19 times in 20, the share of n spots below any value is from the share of all responses, times the root of n:
# the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant.
_CONFIDENCE = float(np.sqrt(np.log(2 / 0.05) / 2))


@dataclass(frozen=True)
class SpotStatistics:
    """What one unit's spots say about its responses.

    Parameters
    ----------
    spots : finite ones; all that follows is about these, and None without any
    quantiles : by `p1` to `p99`; the quantile of the spots is at most `quantile_error` of the value away from it, and where
        the value is 0 at most 2**-126
    quantile_error : a share, the same for all
    intervals : by `p1` to `p99`; 19 times in 20 the quantile of all responses lies between the two numbers, either None where
        the spots are too few to tell
    rank_error : 19 times in 20, the share of all responses below any value is at most this far from the share of the spots
    sparsity : lifetime sparsity of the responses above zero, in 0..1: 0 where all are alike, 1 where one spot of many answers;
        None where none is above zero
    """

    spots: int
    quantiles: Mapping[str, float | None]
    quantile_error: float
    intervals: Mapping[str, tuple[float | None, float | None]]
    rank_error: float | None
    sparsity: float | None

    def to_json(self) -> dict[str, Any]:
        intervals = {name: list(ends) for name, ends in self.intervals.items()}
        return {**vars(self), "quantiles": dict(self.quantiles), "intervals": intervals}


@dataclass(frozen=True)
class Level:
    """How many spots of a unit lie in `low <= response < high`, and nine of them, drawn by chance, the strongest first."""

    low: float
    high: float
    count: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, eq=False)
class Spectra:
    """All of it for the K units of a layer, from B bins that any of them has met.

    Parameters
    ----------
    bins, counts : (B,) ascending, and (B, K) spots in each
    tickets, responses : (B, K, 9) of the spots that stand for a bin, ascending by ticket; as many as the bin has spots
    nearest : (K,) counts, (K, 9) tickets and responses of the spots nearest to zero
    sums, squares : of the spots above zero, exactly, in units of 2**-320
    """

    layer: Layer
    seed: int
    bins: Integers
    counts: Integers
    tickets: Tickets
    responses: Floats
    nearest: tuple[Integers, Tickets, Floats]
    sums: Sequence[int]
    squares: Sequence[int]

    @cached_property
    def bands(self) -> Mapping[str, Band]:
        """The middle bands of all units."""
        counts, tickets, responses = self.nearest
        return {
            "slightly_positive": self._median_band(1),
            "near_zero": self._band(counts, tickets, responses),
            "slightly_negative": self._median_band(-1),
        }

    def _median_band(self, sign: int) -> Band:
        """Of each unit the spots that stand for the bin with the median of all spots of this sign; the strongest first."""
        side = np.flatnonzero(sign * (self.bins - ZERO) > 0)[::sign]  # by size
        counts = self.counts[side]
        total = counts.sum(0)
        if not len(side):
            empty = np.zeros((self.layer.units, BAND_ITEMS))
            return self._band(total, empty.astype(np.uint32), empty.astype(np.float32))
        at = (counts.cumsum(0) > (total - 1) // 2).argmax(0)
        units = np.arange(self.layer.units)
        taken = np.minimum(counts[at, units], BAND_ITEMS) * (total > 0)
        tickets, responses = self.tickets[side[at], units], self.responses[side[at], units]
        missing = np.arange(BAND_ITEMS) >= taken[:, None]
        order = np.lexsort((tickets, np.where(missing, np.inf, -sign * responses)), 1)
        return self._band(
            taken, np.take_along_axis(tickets, order, 1), np.take_along_axis(responses, order, 1)
        )

    def _band(self, counts: Integers, tickets: Tickets, responses: Floats) -> Band:
        taken = np.arange(BAND_ITEMS) < counts[:, None]
        rows = rows_of(self.seed, tickets)
        axes = self._axes(rows.ravel()).reshape(*rows.shape, len(self.layer.grid))
        return Band(
            counts.astype(np.int64),
            np.where(taken, rows, -1),
            np.where(taken, responses, np.float32(0)),
            np.where(taken[..., None], axes, 0),
        )

    def _axes(self, rows: Integers) -> Integers:
        """(n, axes) the position of each item's spot."""
        grid = self.layer.grid
        flat = places(self.seed, self.layer.name, rows, int(np.prod(grid, dtype=np.int64)))
        return np.stack(np.unravel_index(flat, grid), -1) if grid else np.empty((len(rows), 0), np.int64)

    def bars(self, unit: int) -> Bars:
        """One unit's histogram."""
        return bars_of(self.bins, self.counts[:, unit])

    def levels(self, unit: int) -> tuple[Level, ...]:
        """The inputs behind each bar of the histogram, from the lowest response to the highest; empty bars are left out."""
        bars = self.bars(unit)
        return tuple(
            Level(bars.edges[bar], bars.edges[bar + 1], count, self._entries(unit, bars.bins[bar]))
            for bar, count in enumerate(bars.counts)
            if count
        )

    def _entries(self, unit: int, bins: Integers) -> tuple[Entry, ...]:
        """Of several bins taken together the nine spots of smallest ticket, the strongest first."""
        taken = np.minimum(self.counts[bins, unit], BAND_ITEMS)[:, None] > np.arange(BAND_ITEMS)
        tickets, responses = self.tickets[bins, unit][taken], self.responses[bins, unit][taken]
        first = np.argsort(tickets)[:BAND_ITEMS]
        chosen = first[np.lexsort((tickets[first], -np.abs(responses[first])))]
        rows = rows_of(self.seed, tickets[chosen])
        return tuple(
            Entry(int(row), float(response), tuple(axes.tolist()))
            for row, response, axes in zip(rows, responses[chosen], self._axes(rows), strict=True)
        )

    def statistics(self, unit: int) -> SpotStatistics:
        """One unit's quantiles and sparsity."""
        below = self.counts[:, unit].cumsum()
        spots = int(below[-1]) if len(below) else 0
        values = middles(self.bins)

        def bin_of(rank: int) -> int:
            return int(np.searchsorted(below, rank))

        quantiles: dict[str, float | None] = {}
        intervals: dict[str, tuple[float | None, float | None]] = {}
        for percent in QUANTILES:
            name, (low, high) = f"p{percent}", quantile_ranks(spots, percent) if spots else (None, None)
            quantiles[name] = float(values[bin_of(-(-spots * percent // 100))]) if spots else None
            intervals[name] = (
                None if low is None else float(EDGES[self.bins[bin_of(low)]]),
                None if high is None else float(EDGES[self.bins[bin_of(high)] + 1]),
            )
        return SpotStatistics(
            spots,
            quantiles,
            LARGEST_ERROR,
            intervals,
            min(_CONFIDENCE / spots**0.5, 1.0) if spots else None,
            _sparsity(spots, self.sums[unit], self.squares[unit]),
        )


def _sparsity(count: int, total: int, squares: int) -> float | None:
    """Treves and Rolls 1991's sparseness a = mean(r)**2 / mean(r**2), as Vinje and Gallant 2000 turn it: (1 - a) / (1 - 1/n)."""
    if count < 2 or not squares:
        return None
    activity = total * total / (count * squares << -LOWEST)
    return min(max((1 - activity) / (1 - 1 / count), 0.0), 1.0)
