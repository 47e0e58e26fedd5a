# SPDX-License-Identifier: Apache-2.0
"""Where the cells of a layer lie in what the net is fed: the part of the picture that is each one's own, and what it sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.models.net import Net
from pellucid.records import Layer

__all__ = ["Places", "places_of"]

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_PREFIX = 16  # class, distillation and register tokens that a sequence may begin with


@dataclass(frozen=True, eq=False)
class Places:
    """The P cells of a layer, in reading order of its positions.

    Parameters
    ----------
    positions : (P, axes) of each cell on the layer's grid
    own : (P, 4) [x0, y0, x1, y1] in fed pixels: what lies nearer to the cell than to its neighbors; the parts tile the picture.
        An empty one at the origin for a cell that stands nowhere, as a class token
    fields : (P, 4) the receptive field, the union over units, not clipped to the picture
    shape : (rows, columns) of the cells that stand somewhere, where they are a whole grid
    first : of these cells the first; those before it stand nowhere
    """

    positions: Whole
    own: Floats
    fields: Whole
    shape: tuple[int, int]
    first: int = 0

    def __len__(self) -> int:
        return len(self.positions)

    def on_grid(self, values: NDArray[Any]) -> NDArray[Any]:
        """(..., rows, columns) of values (..., P): what cells that stand nowhere have is left out."""
        return values[..., self.first :].reshape(*values.shape[:-1], *self.shape)

    def centers(self) -> tuple[Floats, Floats]:
        """(rows,) y and (columns,) x of the middles of the cells' own parts, in fed pixels."""
        boxes = self.own[self.first :].reshape(*self.shape, 4)
        return (boxes[:, 0, 1] + boxes[:, 0, 3]) / 2, (boxes[0, :, 0] + boxes[0, :, 2]) / 2


def places_of(net: Net, layer: Layer) -> Places | None:
    """Where the cells of a layer lie; None for a layer without positions, or whose positions are no part of the picture.

    Cells of a convolution lie where the middles of their receptive fields are. Where all fields are alike, as behind
    attention, cells lie where those of an earlier layer with the same positions did: tokens on their patches.
    """
    if not layer.grid:
        return None
    positions = np.stack([axis.ravel() for axis in np.indices(layer.grid)], axis=-1)
    fields = net.fields(layer.name).unions().reshape(-1, 4)
    found = _by_fields(fields, layer.grid) or _by_earlier(net, layer) or _evenly(layer.grid)
    if found is None:
        return None
    return Places(positions.astype(np.int64), found.parts(net.input.size), fields, found.shape, found.first)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Centers of rows and columns in fed pixels, to be cut halfway between neighbors; None where they are spread evenly."""

    y: Floats | None
    x: Floats | None
    shape: tuple[int, int]
    first: int

    def behind(self, more: int) -> _Grid:
        """The same with so many more cells in front that stand nowhere."""
        return replace(self, first=self.first + more)

    def parts(self, size: tuple[int, int]) -> Floats:
        """(P, 4) the cells' own parts of a picture of (height, width)."""
        down, across = _cuts(self.y, self.shape[0], size[0]), _cuts(self.x, self.shape[1], size[1])
        boxes = np.zeros((*self.shape, 4))
        boxes[..., 0], boxes[..., 2] = across[None, :-1], across[None, 1:]
        boxes[..., 1], boxes[..., 3] = down[:-1, None], down[1:, None]
        return np.concatenate([np.zeros((self.first, 4)), boxes.reshape(-1, 4)])


def _cuts(centers: Floats | None, count: int, size: int) -> Floats:
    if centers is None or count == 1:
        return np.linspace(0, size, count + 1)
    middles = (centers[1:] + centers[:-1]) / 2
    return np.concatenate([[0], np.clip(middles, 0, size), [size]])


def _by_fields(fields: Whole, grid: tuple[int, ...]) -> _Grid | None:
    """Rows and columns by the middles of receptive fields, where these part the cells."""
    there = (fields[:, 2] > fields[:, 0]) & (fields[:, 3] > fields[:, 1])
    if not there.any():
        return None
    first = int(there.argmax())
    if not there[first:].all() or (first and len(grid) != 1):
        return None
    x, y = (fields[first:, axis] + fields[first:, axis + 2] for axis in (0, 1))  # twice the middles
    shape = (grid[0], grid[1]) if len(grid) == 2 else (len(np.unique(y)), len(np.unique(x)))
    if len(grid) > 2 or shape[0] * shape[1] != len(x):
        return None
    rows, columns = y.reshape(shape), x.reshape(shape)
    alike = (rows == rows[:, :1]).all() and (columns == columns[:1]).all()
    if not alike or (np.diff(rows[:, 0]) <= 0).any() or (np.diff(columns[0]) <= 0).any():
        return None
    return _Grid(rows[:, 0] / 2, columns[0] / 2, shape, first)


def _by_earlier(net: Net, layer: Layer) -> _Grid | None:
    """Rows and columns of an earlier layer whose cells become these: tokens, of which some may stand in front."""
    count, near, folded = int(np.prod(layer.grid)), None, None
    if len(layer.grid) > 2:
        return None
    for each in net.layers():
        if each.name == layer.name:
            break
        more = count - int(np.prod(each.grid)) if each.grid and len(each.grid) <= 2 else -1
        if each.grid != layer.grid and not (len(layer.grid) == 1 and 0 <= more <= MOST_PREFIX):
            continue
        held = _by_fields(net.fields(each.name).unions().reshape(-1, 4), each.grid)
        if held is not None and more == 0:
            return held
        if held is not None:
            near = near or held.behind(more)
        elif len(each.grid) == 2 and more == 0:
            folded = folded or _Grid(None, None, (each.grid[0], each.grid[1]), 0)
    return near or folded


def _evenly(grid: tuple[int, ...]) -> _Grid | None:
    """Two axes spread over the whole picture."""
    if len(grid) != 2:
        return None
    return _Grid(None, None, (grid[0], grid[1]), 0)
