# SPDX-License-Identifier: Apache-2.0
"""Receptive fields of one layer: which part of the input can influence a unit at a position."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Fields"]

Whole = np.ndarray[Any, np.dtype[np.int64]]


class Fields:
    """The union of influence for every unit and position, in fed pixels, not clipped to the input.

    Independent of weights and data: as if all weights were positive, zeros counted, a max-pool counting its whole window.
    By unit where a concatenation joins branches of unlike reach. A position that reads beyond the input's edge counts
    what it would read there, so that a box has its full size everywhere.

    Parameters
    ----------
    low, high : for each input axis (y, x), int64 arrays (K, *positions): the half-open span that is reached
    extent : the input's size along each of these axes
    """

    def __init__(self, low: tuple[Tensor, ...], high: tuple[Tensor, ...], extent: tuple[int, ...]) -> None:
        self._low, self._high = low, high
        self.extent = extent

    def boxes(self, indices: Any, positions: Any) -> Whole:
        """(M, 4) int64 [x0, y0, x1, y1], half-open, for M unit indices and (M, axes) positions.

        A place that no input reaches (a class token before the first attention) has an empty box at the origin.
        """
        unit = np.asarray(indices, dtype=np.int64).reshape(-1)
        place = np.asarray(positions, dtype=np.int64).reshape(len(unit), self._low[0].ndim - 1)
        at = (unit, *place.T)
        low = [axis.numpy()[at] for axis in reversed(self._low)]
        high = [axis.numpy()[at] for axis in reversed(self._high)]
        boxes = np.stack([*low, *high], axis=1)
        empty = (np.stack(high) <= np.stack(low)).any(axis=0)
        boxes[empty] = 0
        return boxes

    def box(self, index: int, position: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The box (x0, y0, x1, y1) of one unit at one position."""
        return tuple(int(edge) for edge in self.boxes([index], [position])[0])

    def unions(self) -> Whole:
        """(*positions, 4) int64 [x0, y0, x1, y1], half-open: at each position what any unit there can be influenced by.

        Positions that no input reaches have an empty box at the origin, as in `boxes`.
        """
        alike = all(edges.stride(0) == 0 for edges in (*self._low, *self._high))
        units = slice(0, 1 if alike else None)  # where all units have the same, one tells it
        lows, highs = ([axis[units] for axis in edges] for edges in (self._low, self._high))
        # A unit that no input reaches has low above high, and must not widen the union.
        reach = [(low < high) for low, high in zip(lows, highs, strict=True)]
        low = [_kept(axis, here, "low") for axis, here in zip(lows, reach, strict=True)]
        high = [_kept(axis, here, "high") for axis, here in zip(highs, reach, strict=True)]
        boxes = np.stack([*reversed(low), *reversed(high)], axis=-1)
        boxes[~np.stack([here.any(0).numpy() for here in reach]).all(0)] = 0
        return boxes

    def size(self, index: int | None = None) -> tuple[int, ...] | None:
        """The largest field of a unit (of any, without `index`) per input axis; None when it covers the whole input."""
        units = slice(None) if index is None else slice(index, index + 1)
        sizes = tuple(
            max(int(_difference(high[units], low[units]).max()), 0)
            for low, high in zip(self._low, self._high, strict=True)
        )
        return None if all(size >= whole for size, whole in zip(sizes, self.extent, strict=True)) else sizes


def _difference(high: Tensor, low: Tensor) -> Tensor:
    """high - low, once along axes where both only repeat themselves, as along the units of most layers."""
    for axis in range(high.ndim):
        if high.stride(axis) == low.stride(axis) == 0:
            high, low = high.narrow(axis, 0, 1), low.narrow(axis, 0, 1)
    return high - low


def _kept(edges: Tensor, here: Tensor, side: str) -> Whole:
    """The outermost edge over all units that are reached."""
    far = torch.iinfo(torch.int64)
    if side == "low":
        found = torch.where(here, edges, far.max).amin(0)
    else:
        found = torch.where(here, edges, far.min).amax(0)
    whole: Whole = found.numpy()
    return whole
