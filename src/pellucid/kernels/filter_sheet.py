# SPDX-License-Identifier: Apache-2.0
"""All filters of a layer on one page, in an order one can read, fit for a paper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError
from pellucid.figures.lettering import fitted, typeface
from pellucid.kernels.bank import Bank
from pellucid.kernels.order import filter_order
from pellucid.kernels.page import PALE_INK, Frame, Label, Page, Raster
from pellucid.kernels.reading import FilterReading, LayerReading
from pellucid.kernels.tiles import Bands, filter_tiles, scale_words, style_of

__all__ = ["SheetStyle", "filter_sheet"]

MARGIN, GAP, TITLE, LETTERS = 20, 8, 16, 9
TILE, LEAST_WEIGHT, MOST_TILE = 44, 3, 128
HAIRLINE = "#b9b4a8"
HEAD, LINE, HEADING, CAPTION = 26, 15, 24, 13


@dataclass(frozen=True)
class SheetStyle:
    """How a sheet of filters is drawn.

    `order` of ORDERS, `scale` of SCALES, `style` of STYLES (None: what suits the channels), `bands` the colors of
    channels, `tile` the longer side of a filter on the page (None: 44, more where it is made of panels), `columns`
    (None: a page a little wider than high).
    """

    order: str = "family"
    scale: str = "own"
    style: str | None = None
    bands: Bands | None = None
    tile: int | None = None
    columns: int | None = None


def filter_sheet(
    bank: Bank, reading: LayerReading, *, style: SheetStyle | None = None, title: str = ""
) -> Page:
    """All filters of a layer on one page, each with its index below; by family, each family under its name.

    The lines under the title say what the layer holds and how its colors are to be read.

    Raises
    ------
    UnknownName : an order, scale or style that there is none of
    InputError : a tile or column count below 1, or a page too large
    """
    style = style or SheetStyle()
    if any(number is not None and number < 1 for number in (style.tile, style.columns)):
        raise InputError(f"tiles of {style.tile} in {style.columns} columns were asked; both start at 1")
    tiles = filter_tiles(bank, scale=style.scale, style=style.style, bands=style.bands)
    order = filter_order(bank, reading, style.order)
    grouped = style.order == "family" and not reading.deeper
    groups = _groups(order, reading) if grouped else [("", order)]
    layout = _Layout.of(tiles[0].shape, bank.count, style)
    captions = [_caption(row) for row in reading.filters]
    marks: list[Raster | Frame | Label] = list(_head(bank, reading, style, title, layout))
    height: float = MARGIN + HEAD + LINE * (len(marks) - 1)
    for name, units in groups:
        if name:
            marks.append(Label(MARGIN, height + HEADING - 8, f"{name} · {len(units)}", 11))
            height += HEADING
        marks += layout.tiles(units, tiles, captions, height)
        height += layout.height(len(units))
    words = f"{title or bank.layer or 'first layer'}: {reading.verdict}"
    return Page(layout.page_width, round(height) + MARGIN - GAP, tuple(marks), words)


def _groups(order: Sequence[int], reading: LayerReading) -> list[tuple[str, tuple[int, ...]]]:
    family = {row.unit: row.family for row in reading.filters}
    return [(name, tuple(unit for unit in order if family[unit] == name)) for name in reading.counts]


def _head(
    bank: Bank, reading: LayerReading, style: SheetStyle, title: str, layout: _Layout
) -> Iterator[Label]:
    room = layout.page_width - 2 * MARGIN
    yield Label(MARGIN, MARGIN + TITLE - 4, fitted(title or bank.layer or "first layer", TITLE, room), TITLE)
    colors = scale_words(bank, scale=style.scale, style=style.style or style_of(bank, style.bands))
    twice = next((row for row in reading.filters if _caption(row) != str(row.unit)), None)
    legend = f" {_caption(twice)}: {_legend(twice)}." if twice else ""
    words = ("; ".join((bank.words, *colors)) + ".", reading.health + legend)
    lines = [line for part in words for line in _wrapped(part, room)]
    for number, line in enumerate(lines):
        yield Label(MARGIN, MARGIN + HEAD + 6 + LINE * number, fitted(line, 10, room), 10, PALE_INK)


def _caption(row: FilterReading) -> str:
    """The index, and beside it the filter that is the same or the negative."""
    if row.duplicate_of is not None:
        return f"{row.unit} = {row.duplicate_of}"
    return f"{row.unit}" if row.negated_by is None else f"{row.unit} = -{row.negated_by}"


def _legend(row: FilterReading) -> str:
    return "one filter twice" if row.duplicate_of is not None else "a filter and its negative"


def _fits(words: str, room: float) -> bool:
    """Whether a caption can stand below a tile."""
    return float(typeface(LETTERS).getlength(words)) <= room + GAP


def _wrapped(words: str, room: float) -> Iterator[str]:
    """The words in lines that fit."""
    line = ""
    for word in words.split():
        longer = f"{line} {word}".strip()
        if line and typeface(10).getlength(longer) > room:
            yield line
            longer = word
        line = longer
    yield line


@dataclass(frozen=True)
class _Layout:
    """Where tiles stand: so many in a row, each so large."""

    columns: int
    tile_width: int
    tile_height: int

    @classmethod
    def of(cls, shape: Sequence[int], count: int, style: SheetStyle) -> _Layout:
        """Tiles a whole number of times as large as the kernel, so that every weight is a square of one size."""
        longest = max(shape[:2])
        # Tiles of panels and charts are large already; a single kernel's weights are to be seen as squares.
        usual = TILE if longest > TILE else max(TILE, LEAST_WEIGHT * longest)
        factor: float = max(round((style.tile or usual) / longest), 1)
        if longest > MOST_TILE and style.tile is None:
            factor = MOST_TILE / longest
        height, width = (max(round(side * factor), 1) for side in shape[:2])
        pitch = (width + GAP) / (height + GAP + CAPTION)
        columns = style.columns or math.ceil(math.sqrt(count * 1.6 / pitch))
        return cls(max(min(columns, count), 1), width, height)

    @property
    def page_width(self) -> int:
        return max(self.columns * (self.tile_width + GAP) - GAP + 2 * MARGIN, 440)

    def height(self, count: int) -> int:
        return math.ceil(count / self.columns) * (self.tile_height + CAPTION + GAP)

    def tiles(
        self, units: Sequence[int], tiles: Sequence[NDArray[np.uint8]], captions: Sequence[str], top: float
    ) -> Iterator[Raster | Frame | Label]:
        for number, unit in enumerate(units):
            row, column = divmod(number, self.columns)
            x = MARGIN + column * (self.tile_width + GAP)
            y = top + row * (self.tile_height + CAPTION + GAP)
            sharp = tiles[unit].shape[0] <= self.tile_height
            yield Raster(x, y, self.tile_width, self.tile_height, tiles[unit], sharp)
            yield Label(
                x + self.tile_width / 2,
                y + self.tile_height + LETTERS + 1,
                captions[unit] if _fits(captions[unit], self.tile_width) else str(unit),
                LETTERS,
                PALE_INK,
                "middle",
            )
