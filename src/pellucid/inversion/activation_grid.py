# SPDX-License-Identifier: Apache-2.0
"""The activation grid: what a layer sees at each spot of an image, every cell's whole vector of responses made a picture."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import Climbed, Goal, direction
from pellucid.errors import InputError
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.inversion.grid import laid_out, pooled
from pellucid.inversion.remade import file_name, shown_image
from pellucid.inversion.wishes import Progress, Wishes, climbed_all, fitting_canvas, wishes_of
from pellucid.models import Model, Net, OneImage
from pellucid.records import Layer, Provenance, UnitQuery

__all__ = ["ActivationGrid", "activation_grid"]

DEFAULTS: dict[str, Any] = {
    "steps": 48,
    "transforms": "auto",
    "learning_rate": 0.08,
    "cooling": 0.5,
    "regularize": {"roughness": 0.5},
}
# Sides of a cell's picture, in pixels, the first that the net takes: small ones say what a cell sees, and there are many.
SIDES = (64, 96, 128)
SMALL_ON_PURPOSE = "small_canvas"
MOST_CELLS = (14, 14)
POWER = 2.0
CELL_PX = 64
PAPER = (253, 252, 249)  # that of the sheet


@dataclass(frozen=True, eq=False)
class ActivationGrid:
    """A picture for each cell of a layer's grid.

    Parameters
    ----------
    layer : its name
    pictures : (rows, columns, H, W, C) uint8; gray where the layer answers nothing at all
    norms : (rows, columns) float64, the length of each cell's vector of responses
    values : (rows, columns) float64, how far the layer's responses to each picture point along the cell's vector, times the
        cosine to its power, per position and in units of the vector's own length: 1 is as strong as in the image. NaN for a cell
        that answers nothing
    original : (H, W, C) uint8, the image as the net is fed it
    pooled_from : (rows, columns) of the layer's own grid
    scaled : whether cells are drawn in proportion to their norms
    doubtful : (row, column, diagnosis) of cells whose picture has a known fault, as for optima
    """

    layer: str
    pictures: NDArray[np.uint8] = field(repr=False)
    norms: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)
    original: NDArray[np.uint8] = field(repr=False)
    pooled_from: tuple[int, int]
    scaled: bool
    seconds: float
    provenance: Provenance = field(repr=False)
    doubtful: tuple[tuple[int, int, str], ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pictures.shape[0], self.pictures.shape[1]

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<{rows}x{columns} cells of {self.layer} in {self.seconds:.1f} s>"

    def cell(self, row: int, column: int) -> Image.Image:
        """The picture of one cell."""
        rows, columns = self.shape
        if not (0 <= row < rows and 0 <= column < columns):
            raise InputError(f"cell {row},{column} of {self.layer}: there are {rows}x{columns}, from 0")
        return shown_image(self.pictures[row, column])

    @property
    def picture(self) -> Image.Image:
        """All cells in their places, edge to edge; where they are scaled, each as wide as its norm is of the largest."""
        rows, columns = self.shape
        sheet = Image.new("RGB", (columns * CELL_PX, rows * CELL_PX), PAPER)
        largest = float(self.norms.max())
        for row, column in np.ndindex(rows, columns):
            share = float(self.norms[row, column]) / largest if self.scaled and largest > 0 else 1.0
            side = round(CELL_PX * share)
            if side < 1:
                continue
            small = self.cell(row, column).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            gap = (CELL_PX - side) // 2
            sheet.paste(small, (column * CELL_PX + gap, row * CELL_PX + gap))
        return sheet

    def plot(self) -> Image.Image:
        """The image beside the grid."""
        rows, columns = self.shape
        tall, wide = self.pooled_from
        cells = f"{rows}x{columns} cells" + ("" if (rows, columns) == (tall, wide) else f" of {tall}x{wide}")
        tiles = [
            (shown_image(self.original), "the image"),
            (self.picture, f"{self.layer}, {cells}"),
        ]
        side = CELL_PX * max(rows, columns)
        return contact_sheet(tiles, tile_px=max(480, min(side, 896)), title=self.provenance.net, columns=2)

    def png(self) -> bytes:
        """The grid as a PNG that carries its provenance."""
        return write_png(self.picture, self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the grid as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def save_cells(self, directory: str | Path) -> list[Path]:
        """One PNG for each cell, `LAYER-ROW-COLUMN.png`; the paths row by row."""
        home, source = folder(directory), self.provenance.to_json()
        return [
            write(
                home / f"{file_name(self.layer)}-{row}-{column}.png",
                write_png(self.cell(row, column), {**source, "unit": f"{self.layer}@{row},{column}"}),
            )
            for row, column in np.ndindex(*self.shape)
        ]

    def to_json(self) -> dict[str, Any]:
        values = [[None if np.isnan(each) else float(each) for each in row] for row in self.values]
        return {
            "layer": self.layer,
            "cells": list(self.shape),
            "grid": list(self.pooled_from),
            "norms": self.norms.tolist(),
            "values": values,
            "scaled": self.scaled,
            "doubtful": [{"cell": [row, column], "diagnosis": what} for row, column, what in self.doubtful],
            "seconds": round(self.seconds, 3),
        }

    def _repr_png_(self) -> bytes:
        return write_png(self.plot(), self.provenance.to_json())


def activation_grid(
    net: Model,
    image: OneImage,
    layer: str,
    *,
    cells: int | tuple[int, int] | None = None,
    power: float = POWER,
    scaled: bool = False,
    progress: Progress | None = None,
    **asked: Any,
) -> ActivationGrid:
    """Make a picture of what a layer sees at each cell of its grid: the cell's whole vector of responses, as a direction.

    All cells are climbed together, as many in a batch as the memory holds. Cells of equal vectors share a picture.

    Parameters
    ----------
    layer : one with rows and columns of positions; tokens of a transformer lie as their patches do
    cells : rows and columns, or one number for both; None for the layer's own, at most 14 by 14. Fewer than the layer has are
        means of its responses over equal parts of the area
    power : of the cosine; with 0 one strong unit may stand for the whole vector
    scaled : draw each cell in proportion to the length of its vector
    asked : what `pellucid.ascent.ClimbSettings` holds; `size` is a cell's, in pixels

    Raises
    ------
    UnknownName : no such layer or file
    InputError : a layer without rows of positions, more cells than it has, an image that the net cannot be fed, or a setting that
        does not exist

    References
    ----------
    Olah et al. 2018, "The Building Blocks of Interpretability", doi:10.23915/distill.00010. Differs: the power of the cosine,
    which its notebooks offer, is on by default; no whitening, which takes a data set.

    Examples
    --------
    >>> import pellucid as pl
    >>> from PIL import Image
    >>> grid = pl.activation_grid("demo", Image.radial_gradient("L"), "conv5", cells=3, steps=8)
    >>> grid.shape, grid.norms.shape
    ((3, 3), (3, 3))
    """
    started = time.monotonic()
    size = asked.pop("size", None)
    wishes = wishes_of(net, image, asked, defaults=DEFAULTS, own={}, kind="activation_grid")
    found = wishes.net.layer(layer)
    side = _side(wishes.net, found) if size is None else (size, size) if isinstance(size, int) else size
    wishes = replace(wishes, climbing=replace(wishes.climbing, size=side))
    maps = laid_out(wishes.net, found, wishes.answers(found.name).numpy())
    own = (maps.shape[1], maps.shape[2])
    shape = _shape(found.name, own, cells)
    vectors = pooled(maps, shape)
    norms = np.linalg.norm(vectors, axis=0)
    goals = {
        (row, column): _goal(found.name, vectors[:, row, column], norms[row, column], power)
        for row, column in np.ndindex(*shape)
        if norms[row, column] > 0
    }
    wanted = list(dict.fromkeys(goals.values()))
    canvas = asked.get("canvas") or fitting_canvas(found)
    climbed = climbed_all(wishes, wanted, canvases=[canvas] * len(wanted), progress=progress)
    made = dict(zip(wanted, climbed, strict=True))
    placed = {place: made[goal] for place, goal in goals.items()}
    pictures, values = _cells(wishes, shape, placed)
    changed = {"cells": list(shape), "power": power, "canvas": canvas, "size": list(pictures.shape[2:4])}
    source = _provenance(wishes, found.name, changed)
    return ActivationGrid(
        found.name,
        pictures,
        norms,
        values,
        wishes.original,
        own,
        scaled,
        time.monotonic() - started,
        source,
        tuple(
            (*place, one.diagnosis)
            for place, one in placed.items()
            if one.diagnosis not in (None, SMALL_ON_PURPOSE)
        ),
    )


def _shape(layer: str, own: tuple[int, int], cells: int | tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of the cells."""
    if cells is None:
        return min(own[0], MOST_CELLS[0]), min(own[1], MOST_CELLS[1])
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    if not (1 <= rows <= own[0] and 1 <= columns <= own[1]):
        raise InputError(f"{rows}x{columns} cells of {layer} were asked; it has {own[0]}x{own[1]}")
    return rows, columns


def _goal(layer: str, vector: NDArray[np.float64], norm: float, power: float) -> Goal:
    """Along the vector, in units of its length: 1 is what the cell itself answers."""
    along = direction(layer, (vector / norm).tolist(), power=power)
    return Goal(UnitQuery(layer), 1, along / float(norm))


def _cells(
    wishes: Wishes, shape: tuple[int, int], made: dict[tuple[int, int], Climbed]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Pictures and values of all cells; gray and NaN where nothing was made."""
    first = next(iter(made.values()), None)
    height, width = wishes.climbing.size or (CELL_PX, CELL_PX)
    one = (height, width, wishes.net.input.channels) if first is None else first.picture.shape
    pictures = np.full((*shape, *one), 128, np.uint8)
    values = np.full(shape, np.nan)
    for (row, column), each in made.items():
        pictures[row, column] = each.picture
        values[row, column] = np.nan if each.activation is None else each.activation
    return pictures, values


def _side(net: Net, layer: Layer) -> tuple[int, int]:
    """(height, width) of a cell's picture: small, where the net takes that; else its own."""
    height, width = net.input.size
    sizes = [(min(side, height), min(side, width)) for side in SIDES]
    return next((each for each in sizes if net.accepts(each, layer.name)), (height, width))


def _provenance(wishes: Wishes, layer: str, changed: Mapping[str, Any]) -> Provenance:
    settings = {**wishes.settings, **changed, "image": wishes.given.digest}
    net, seed = wishes.net, wishes.settings["seed"]
    versions = net.card()["versions"]
    return Provenance(net.name, net.weights_digest, "activation grid", settings, seed, versions, layer)
