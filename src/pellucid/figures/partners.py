# SPDX-License-Identifier: Apache-2.0
"""Other units that one unit is connected to, each with a signed value, its own picture, and a small signed map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.figures.blob import Blob
from pellucid.figures.drawing import Box, Drawing, Line, Words
from pellucid.figures.items import Item
from pellucid.figures.lettering import fitted
from pellucid.figures.map import SIGNED
from pellucid.figures.markup import Link, data_uri, for_notebook, text
from pellucid.figures.picture import Picture
from pellucid.figures.sheet import PIXELATED_UP_TO_PX, contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["Look", "Neighbor", "Partner", "Partners", "small_map"]

MOST_MAP_PX = 15  # a side of a small map
SHEET_COLUMNS, SHEET_TILE_PX = 8, 112
MAP_PX = 48  # on a sheet
BARS_PX, BAR_PX = 480, 22
PAPER, HAIRLINE, BLANK = "#fdfcf9", "#dedad0", "#e9e6de"

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Neighbor:
    """How a page shows another unit: where its page is, its picture, and the class that it stands for."""

    href: str
    picture: Picture | Item | None = None
    label: str = ""


# What a page knows of a unit by its address; None where it knows nothing.
Look = Callable[[str], "Neighbor | None"]


@dataclass(frozen=True)
class Partner:
    """A unit by its address, with a signed value; `map` rows of signed numbers, empty where there are no positions."""

    unit: str
    value: float
    map: Rows = ()

    def to_json(self) -> dict[str, Any]:
        return {"unit": self.unit, "value": self.value, "map": [list(row) for row in self.map]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Partner:
        return cls(row["unit"], row["value"], tuple(tuple(line) for line in row["map"]))


@dataclass(frozen=True)
class Partners:
    """Units, the strongest first; `label` says what their values are.

    They are kept by address: a page shows each with the picture that its own records hold, and links to it. All maps of one
    figure are drawn to one scale, blue below zero, red above.
    """

    type: ClassVar[str] = "partners"

    partners: tuple[Partner, ...]
    label: str

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    @property
    def reach(self) -> float:
        """The largest size of a number in any map."""
        return max((abs(v) for one in self.partners for row in one.map for v in row), default=0.0)

    def html(self, link: Link, look: Look | None = None) -> str:
        """A list of units: picture, map, value and address; what `look` does not know is shown without a picture."""
        if not self.partners:
            return f'<p class="missing">none {text(self.label)}</p>'
        entries = "".join(self._entry(one, link, look) for one in self.partners)
        return f'<ol class="partners" aria-label="{text(self.label)}">{entries}</ol><p class="words">{text(self.label)}</p>'

    def _entry(self, one: Partner, link: Link, look: Look | None) -> str:
        known = None if look is None else look(one.unit)
        name = f'<span class="name" title="{text(one.unit)}">{text(one.unit)}</span>'
        picture = _picture(known, link)
        if known is not None:
            label = f" <bdi>{text(known.label)}</bdi>" if known.label else ""
            picture, name = f'<a href="{text(known.href)}">{picture}</a>', f"{name}{label}"
        return (
            f'<li class="partner">{picture}{self._map(one)}'
            f'<p><span class="response">{text(_signed(one.value))}</span> {name}</p></li>'
        )

    def _map(self, one: Partner) -> str:
        if not one.map:
            return ""
        image = signed_image(one.map, self.reach)
        source = data_uri(Blob.of(write_png(image, {})))
        words = text(f"weights from {one.unit}, {_signed(one.value)}")
        return f'<img class="kernel pixelated" src="{source}" width="{image.width}" height="{image.height}" alt="{words}">'

    def sheet(self, pictures: Mapping[str, Image.Image] | None = None, title: str = "") -> Image.Image:
        """The same on paper, eight in a row; where there are neither pictures nor maps, values as bars."""
        if (
            self.partners
            and not self.reach
            and not any(one.unit in (pictures or {}) for one in self.partners)
        ):
            return contact_sheet(
                [(self._bars().image(), "")], columns=1, tile_px=2 * BARS_PX, title=title or self.label
            )
        tiles = [
            (self._tile(one, (pictures or {}).get(one.unit)), f"{_signed(one.value)}\n{one.unit}")
            for one in self.partners
        ] or [(Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), BLANK), "none")]
        while len(tiles) < SHEET_COLUMNS:
            tiles.append((Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), PAPER), ""))
        return contact_sheet(tiles, columns=SHEET_COLUMNS, tile_px=SHEET_TILE_PX, title=title or self.label)

    def _bars(self) -> Drawing:
        """A bar for each unit, to the right where its value is positive."""
        longest = max(abs(one.value) for one in self.partners)
        middle, room = BARS_PX * 0.6, BARS_PX * 0.36
        marks: list[Box | Line | Words] = []
        for row, one in enumerate(self.partners):
            width = room * abs(one.value) / (longest or 1)
            left = middle if one.value > 0 else middle - width
            top = row * BAR_PX + 3
            marks.append(Box(left, top, max(width, 0.5), BAR_PX - 6, "bar"))
            words = f"{one.unit}  {_signed(one.value)}"
            marks.append(Words(0, top + BAR_PX - 9, fitted(words, 11, round(BARS_PX * 0.24)), anchor="start"))
        height = BAR_PX * len(self.partners)
        marks.append(Line(((middle, 0), (middle, height)), "axis"))
        return Drawing(BARS_PX, height, tuple(marks), self.label)

    def _tile(self, one: Partner, picture: Image.Image | None) -> Image.Image:
        """The picture with the map in its lower left corner, or the map alone."""
        side = SHEET_TILE_PX
        tile = Image.new("RGB", (side, side), BLANK)
        if picture is not None:
            few = max(picture.size) <= PIXELATED_UP_TO_PX  # a filter: its pixels are the message
            how = Image.Resampling.NEAREST if few else Image.Resampling.LANCZOS
            tile.paste(picture.convert("RGB").resize((side, side), how))
        if one.map:
            room = side if picture is None else MAP_PX
            image = signed_image(one.map, self.reach)
            factor = room / max(image.size)
            size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
            small = image.resize(size, Image.Resampling.NEAREST)
            framed = Image.new("RGB", (size[0] + 2, size[1] + 2), PAPER)
            framed.paste(small, (1, 1))
            tile.paste(framed if picture is not None else small, (0, side - size[1] - (2 if picture else 0)))
        return tile

    def png(self) -> bytes:
        """The sheet, without pictures: their bytes are elsewhere."""
        return write_png(self.sheet(), {})

    def _repr_html_(self) -> str:
        return for_notebook(self.html(str))

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "partners": [one.to_json() for one in self.partners],
            "label": self.label,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Partners:
        return cls(tuple(map(Partner.from_json, row["partners"])), row["label"])


def _signed(value: float) -> str:
    """The value with its sign, also where it is positive."""
    return f"+{value_words(value)}" if value > 0 else value_words(value)


def _picture(known: Neighbor | None, link: Link) -> str:
    picture = None if known is None else known.picture
    if picture is None:
        return '<span class="blank">no picture</span>'
    if isinstance(picture, Item):
        return picture.thumbnail(link)
    shape = "picture pixelated" if picture.pixelated else "picture"
    return (
        f'<img class="{shape}" src="{text(link(picture.blob))}" width="{picture.width:d}" height="{picture.height:d}" '
        'alt="" loading="lazy" decoding="async">'
    )


def signed_image(values: Rows, reach: float) -> Image.Image:
    """One pixel per number: blue at -reach, white at zero, red at +reach."""
    shares = np.asarray(values, float) / (reach or 1) / 2 + 0.5
    stops = np.linspace(0, 1, len(SIGNED))
    channels = [np.interp(shares, stops, SIGNED[:, channel]) for channel in range(3)]
    return Image.fromarray(np.stack(channels, -1).round().astype(np.uint8))


def small_map(values: NDArray[Any]) -> Rows:
    """The rows of a map small enough to be shown beside a picture, five digits each.

    Empty for a single number, and for a map that is the same everywhere, as behind a mean over all positions: the value says
    it all. A map of one axis becomes one row; of a larger map neighbors are averaged, so that a side has at most 15.

    >>> small_map(np.array([[0.5, -1.0], [0.0, 2.0]]))
    ((0.5, -1.0), (0.0, 2.0))
    >>> small_map(np.full((7, 7), 0.25))
    ()
    """
    grid = np.atleast_2d(np.asarray(values, np.float64))
    if grid.ndim > 2 or grid.size == 1:
        return ()
    if np.ptp(grid) <= 1e-5 * np.abs(grid).max():
        return ()
    for axis in (0, 1):
        size = grid.shape[axis]
        if size > MOST_MAP_PX:
            starts = np.arange(MOST_MAP_PX) * size // MOST_MAP_PX
            widths = np.diff([*starts, size])
            grid = np.add.reduceat(grid, starts, axis) / np.expand_dims(widths, 1 - axis)
    return tuple(tuple(float(f"{value:.5g}") for value in row) for row in grid)
