# SPDX-License-Identifier: Apache-2.0
"""What one layer answered to one batch, with the reductions that subscribers share, each made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Doubles", "Floats", "Integers", "Responses", "Totals"]

Integers = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float32]]
Doubles = np.ndarray[Any, np.dtype[np.float64]]

# How many responses are summed at a time on a CPU: as float64 they stay in its last cache. Whole layers at once
# took five times as long, nearly all of it page faults; a quarter of this took a quarter longer, in more calls.
CACHED = 1 << 19


@dataclass(frozen=True, eq=False)
class Totals:
    """Per item and unit, over positions: finite responses, zeros among them, their sum and sum of squares.

    Each is (n, K); sums are float64 and finite.
    """

    counts: Integers
    zeros: Integers
    sums: Doubles
    squares: Doubles


@dataclass(frozen=True, eq=False)
class Responses:
    """One layer's responses to one batch.

    They live only as long as the layer's call: the network may overwrite them afterwards.

    Parameters
    ----------
    values : (N, K, P) float32, positions flattened in row-major order; N counts every slot of the batch
    rows : (n,) the items, ascending
    slots : (n,) where each of them lies in `values`
    """

    values: Tensor
    rows: Integers
    slots: Integers

    @classmethod
    def of(cls, response: Tensor, rows: Integers, slots: Integers) -> Responses:
        """From (N, K, *positions) of any floating point type; float32 holds halves exactly."""
        values = response.detach().float()
        if values.device.type == "mps":
            values = values.cpu()  # no float64 there, and sums need it
        return cls(values.flatten(2) if values.ndim > 2 else values[..., None], rows, slots)

    @property
    def peaks(self) -> Floats:
        """(n, K), the largest finite response over positions; -inf where none is finite."""
        return self._extremes[0]

    @property
    def troughs(self) -> Floats:
        """(n, K), the smallest finite response over positions; inf where none is finite."""
        return self._extremes[1]

    @cached_property
    def totals(self) -> Totals:
        """Counts and sums over the finite responses of each item."""
        shape = (len(self.slots), self.values.shape[1])
        zeros, sums, squares = (self._by_item(total) for total in self._summed())
        totals = Totals(np.full(shape, self.values.shape[2], np.int64), zeros.astype(np.int64), sums, squares)
        for item in self._broken:
            values = self.values[self.slots[item]].double()
            finite = values.isfinite()
            values = values.where(finite, 0)
            totals.counts[item] = finite.sum(-1).cpu().numpy()
            totals.zeros[item] = ((values == 0) & finite).sum(-1).cpu().numpy()
            totals.sums[item] = values.sum(-1).cpu().numpy()
            totals.squares[item] = values.square().sum(-1).cpu().numpy()
        return totals

    @cached_property
    def _raw_extremes(self) -> tuple[Floats, Floats]:
        # Two vectorized passes: torch.aminmax took nine times as long, topk and argmax longer still.
        return self._by_item(self.values.amax(-1)), self._by_item(self.values.amin(-1))

    @cached_property
    def _broken(self) -> list[int]:
        """Items with a response that is not finite; amax and amin let NaN and infinities through."""
        peaks, troughs = self._raw_extremes
        return [int(item) for item in np.flatnonzero(~(np.isfinite(peaks) & np.isfinite(troughs)).all(1))]

    @cached_property
    def _extremes(self) -> tuple[Floats, Floats]:
        peaks, troughs = (extreme + np.float32(0) for extreme in self._raw_extremes)  # -0.0 becomes 0.0
        for item in self._broken:
            values = self.values[self.slots[item]]
            finite = values.isfinite()
            peaks[item] = values.where(finite, -torch.inf).amax(-1).cpu().numpy()
            troughs[item] = values.where(finite, torch.inf).amin(-1).cpu().numpy()
        return peaks, troughs

    def _summed(self) -> tuple[Tensor, Tensor, Tensor]:
        """(N, K) zeros, sums and sums of squares as float64."""
        zeros, sums, squares = (
            self.values.new_empty(self.values.shape[:2], dtype=torch.float64) for _ in range(3)
        )
        for block, scratch in self._blocks():
            scratch.copy_(self.values[block])
            torch.sum(scratch, -1, out=sums[block])
            torch.sum(scratch.mul_(scratch), -1, out=squares[block])
            torch.sum(scratch.eq_(0), -1, out=zeros[block])  # no float32 is so small that its square is zero
        return zeros, sums, squares

    def _blocks(self) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
        """Parts of `values` by items and units, each with room for a float64 copy."""
        items, units, positions = self.values.shape
        most = CACHED if self.values.device.type == "cpu" else self.values.numel()
        unit_step = max(1, min(units, most // positions))
        item_step = max(1, most // (unit_step * positions))
        room = self.values.new_empty(item_step * unit_step * positions, dtype=torch.float64)
        for item in range(0, items, item_step):
            for unit in range(0, units, unit_step):
                block = (slice(item, item + item_step), slice(unit, unit + unit_step))
                shape = self.values[block].shape
                yield block, room[: shape.numel()].view(shape)

    def _by_item(self, reduced: Tensor) -> np.ndarray[Any, Any]:
        """(n, K) on the CPU, without the slots that hold no item; a copy of its own."""
        return reduced.cpu().numpy()[self.slots]
