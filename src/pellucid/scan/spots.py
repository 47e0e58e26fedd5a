# SPDX-License-Identifier: Apache-2.0
"""One position per item, drawn by chance: the fair sample that histograms, quantiles, levels and middle bands are made of."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch

from pellucid.records import Layer
from pellucid.scan.draw import places, tickets
from pellucid.scan.exact import ExactSums
from pellucid.scan.levels import LEVEL_ITEMS, Levels
from pellucid.scan.nearest import Nearest
from pellucid.scan.responses import Floats, Integers, Responses
from pellucid.scan.spectra import Spectra
from pellucid.scan.subscriber import PLAIN, Arrays, Given, Reading, Subscriber
from pellucid.scan.tally import Tally

__all__ = ["Spots"]


class Spots(Subscriber):
    """The running value behind the histogram, the levels and the middle bands.

    Which position of an item is its spot, and which spots stand for a bin, is decided by a hash of seed, layer and
    row. Spots that are not finite enter nothing; -0.0 is 0.0.
    """

    def __init__(self, layer: Layer, given: Given = PLAIN) -> None:
        super().__init__(layer, given)
        self.tally = Tally(layer.units)
        self.levels = Levels()
        self.nearest = Nearest(layer.units)
        # Sums and, below them, sums of squares of what is above zero.
        self.powers = ExactSums(2 * layer.units)

    def reading(self, responses: Responses) -> Reading:
        rows, spots = responses.rows, self._drawn(responses)
        return lambda: self._enter(rows, spots)

    def _enter(self, rows: Integers, spots: Floats) -> None:
        order = np.argsort(drawn := tickets(self.given.seed, rows))
        drawn, spots = drawn[order], spots[order]
        cells = self.tally.add(spots)
        self.levels.grow(self.tally.counts.size)
        items, units = np.nonzero(cells >= 0)
        self.levels.enter(cells[items, units], drawn[items], spots[items, units])
        self.nearest.enter(spots, drawn)
        above = np.where(np.isfinite(spots), np.maximum(spots, 0), 0).astype(np.float64)
        self.powers.add(np.concatenate([above, above * above], 1))

    def _drawn(self, responses: Responses) -> Floats:
        """(n, K) the response of each unit at each item's spot."""
        at = places(self.given.seed, self.layer.name, responses.rows, responses.values.shape[2])
        slots, at_positions = torch.from_numpy(responses.slots), torch.from_numpy(at)
        found: Floats = responses.values[slots, :, at_positions].cpu().numpy()
        return found + np.float32(0)  # -0.0 becomes 0.0

    def merge(self, other: Self) -> Self:
        merged = type(self).from_arrays(self.layer, self.arrays(), self.given)
        units = self.layer.units
        rows = merged.tally.rows(other.tally.bins)
        merged.tally.counts[rows] += other.tally.counts
        merged.levels.grow(merged.tally.counts.size)
        cells = (rows[:, None] * units + np.arange(units)).ravel()
        taken = np.minimum(other.tally.counts.ravel(), LEVEL_ITEMS)
        for place in range(LEVEL_ITEMS):
            there = taken > place
            theirs = other.levels.tickets[there, place], other.levels.responses[there, place]
            merged.levels.enter(cells[there], *theirs)
        merged.nearest.take(other.nearest.keys)
        merged.powers.limbs += other.powers.limbs
        return merged

    def arrays(self) -> Arrays:
        order = self.tally.settle()
        self.levels.settle(order, self.layer.units)
        shape = (len(order), self.layer.units, LEVEL_ITEMS)
        return {
            "bins": self.tally.bins,
            "counts": self.tally.counts,
            "tickets": self.levels.tickets.reshape(shape),
            "responses": self.levels.responses.reshape(shape),
            "nearest": self.nearest.keys,
            "powers": self.powers.settled(),
        }

    def arrays_like(self, arrays: Arrays) -> Arrays:
        self.tally.grow_like(arrays.get("bins"))
        self.levels.grow(self.tally.counts.size)
        return self.arrays()

    def result(self) -> Spectra:
        """Histogram, quantiles, levels and middle bands of every unit."""
        kept, powers = self.arrays(), self.powers.exact()
        return Spectra(
            layer=self.layer,
            seed=self.given.seed,
            bins=self.tally.bins,
            counts=self.tally.counts,
            tickets=kept["tickets"],
            responses=kept["responses"],
            nearest=self.nearest.entries(),
            sums=powers[: self.layer.units],
            squares=powers[self.layer.units :],
        )
