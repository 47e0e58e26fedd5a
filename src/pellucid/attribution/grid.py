# SPDX-License-Identifier: Apache-2.0
"""Where the cells of a layer lie on the image: maps in any order of axes, and tokens in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.models import Net
from pellucid.records import Layer

__all__ = ["CellGrid", "cell_grid"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# Fields that cover the whole image may tell the wrong step; the cells of a grid span at least so much of the image.
LEAST_SPAN = 0.6


@dataclass(frozen=True, eq=False)
class CellGrid:
    """A layer's cells in rows and columns.

    `places` (h, w): which of the layer's positions, laid out in a row, each cell is; positions that are no part of the
    image (a class token) are none. `rows` (h,) and `columns` (w,): the cells' centers in fed pixels.
    """

    places: Whole
    rows: Floats
    columns: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Cells down and across."""
        height, width = self.places.shape
        return height, width

    def spread(self, cells: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Numbers (h, w) for the cells as a map (H, W) for the pixels: linear between centers, level beyond the outer ones.

        For cells that tile the image evenly that is bilinear resizing.
        """
        height, width = (np.arange(side) + 0.5 for side in size)
        down = np.stack([np.interp(height, self.rows, column) for column in cells.T], 1)
        return np.stack([np.interp(width, self.columns, row) for row in down]).astype(np.float32)


def cell_grid(net: Net, layer: Layer) -> CellGrid | None:
    """How the layer's positions lie on the image, None where they are no grid of more than one cell."""
    if len(layer.grid) == 2 and layer.grid[0] * layer.grid[1] > 1:
        return _of_map(net, layer)
    if len(layer.grid) == 1 and layer.grid[0] > 1:
        return _of_tokens(net, layer)
    return None


def _of_map(net: Net, layer: Layer) -> CellGrid | None:
    height, width = layer.grid
    places = np.arange(height * width).reshape(height, width)
    boxes = _boxes(net, layer).reshape(height, width, 4)
    rows, columns = _centers(boxes)
    whole = layer.receptive_field is None
    if rows is not None and columns is not None and not (whole and not _spans(rows, columns, net)):
        return CellGrid(places, rows, columns)
    # What fields cannot tell, the sides can: cells that tile the image are as many down and across as it is high and wide.
    tall, wide = net.input.size
    if whole and abs(height * wide - width * tall) < max(tall, wide):
        return CellGrid(places, *_even((height, width), net.input.size))
    return None


def _of_tokens(net: Net, layer: Layer) -> CellGrid | None:
    """Tokens lie as they do in the first layer that has as many, where each still sees its own patch only."""
    for call in net.trace.calls.values():
        other = call.layer
        if other.grid == layer.grid and (found := _of_patches(_boxes(net, other))) is not None:
            return found
        if len(other.grid) == 2 and other.grid[0] * other.grid[1] == layer.grid[0]:
            return _of_map(net, other)  # a map whose cells were put in a row
        if other.name == layer.name:
            break
    return None


def _of_patches(boxes: Whole) -> CellGrid | None:
    """Tokens (T, 4) that see one patch each, in any order; those that see nothing stand for no part of the image."""
    seen = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    patches, where = boxes[seen], np.flatnonzero(seen)
    rows, row = np.unique(patches[:, [1, 3]].mean(1), return_inverse=True)
    columns, column = np.unique(patches[:, [0, 2]].mean(1), return_inverse=True)
    if len(patches) < 2 or len(rows) * len(columns) != len(patches):
        return None
    places = np.full((len(rows), len(columns)), -1)
    places[row, column] = where
    return None if (places < 0).any() else CellGrid(places, rows, columns)


def _boxes(net: Net, layer: Layer) -> Whole:
    """(P, 4) the fields of the layer's first unit, positions in a row."""
    positions = list(np.ndindex(*layer.grid))
    return net.fields(layer.name).boxes([0] * len(positions), positions)


def _centers(boxes: Whole) -> tuple[Floats | None, Floats | None]:
    """Where rows and columns lie, for boxes (h, w, 4); None along an axis that does not move steadily."""
    middles = (boxes[..., 1] + boxes[..., 3]) / 2, (boxes[..., 0] + boxes[..., 2]) / 2
    down, across = middles[0], middles[1].T
    found = []
    for lines in (down, across):
        steady = bool((lines == lines[:, :1]).all() and (np.diff(lines[:, 0]) > 0).all())
        found.append(lines[:, 0].astype(float) if steady else None)
    return found[0], found[1]


def _spans(rows: Floats, columns: Floats, net: Net) -> bool:
    """Whether the cells reach over most of the image."""
    return all(
        len(lines) == 1 or np.diff(lines).mean() * len(lines) >= LEAST_SPAN * side
        for lines, side in zip((rows, columns), net.input.size, strict=True)
    )


def _even(shape: tuple[int, int], size: tuple[int, int]) -> tuple[Floats, Floats]:
    rows, columns = ((np.arange(count) + 0.5) * side / count for count, side in zip(shape, size, strict=True))
    return rows, columns
