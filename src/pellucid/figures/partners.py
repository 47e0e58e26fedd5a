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
from pellucid.figures.drawing import LETTERS_PX, Box, Drawing, Line, Words
from pellucid.figures.items import Item
from pellucid.figures.lettering import broken, fitted
from pellucid.figures.map import SIGNED
from pellucid.figures.markup import Link, data_uri, for_notebook, text
from pellucid.figures.picture import Picture
from pellucid.figures.sheet import PIXELATED_UP_TO_PX, contact_sheet, letters_px
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["Look", "Neighbor", "Partner", "Partners", "small_map"]

MOST_MAP_PX = 15  # a side of a small map
SHEET_COLUMNS, SHEET_TILE_PX = 8, 112
MAP_PX = 48  # on a sheet
BAR_PX = 20
NAMES, BARS = 0.3, 0.66  # of a chart's width
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
    """A unit by its address, with a signed value; `map` rows of signed numbers, empty where there are no positions.

    `label` is the class that it stands for, empty where it stands for none; `picture` one that is known without an atlas: its
    weights on the pixels, where it reads the input itself.
    """

    unit: str
    value: float
    map: Rows = ()
    label: str = ""
    picture: Blob | None = None

    @property
    def name(self) -> str:
        """The class, or the address where it stands for none."""
        return self.label or self.unit

    def to_json(self) -> dict[str, Any]:
        row = {"unit": self.unit, "value": self.value, "map": [list(line) for line in self.map]}
        if self.label:
            row["label"] = self.label
        if self.picture is not None:
            row["picture"] = [self.picture.hash, self.picture.mime]
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Partner:
        picture = Blob(*row["picture"]) if "picture" in row else None
        rows = tuple(tuple(line) for line in row["map"])
        return cls(row["unit"], row["value"], rows, row.get("label", ""), picture)


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
        yield from (one.picture for one in self.partners if one.picture is not None)

    @property
    def reach(self) -> float:
        """The largest size of a number in any map."""
        return max((abs(v) for one in self.partners for row in one.map for v in row), default=0.0)

    def html(self, link: Link, look: Look | None = None) -> str:
        """A list of units: picture, map, value and address. Where there is no picture of any of them one line says so."""
        if not self.partners:
            return f'<p class="missing">none {text(self.label)}</p>'
        known = [None if look is None else look(one.unit) for one in self.partners]
        shown = [_picture(one, there, link) for one, there in zip(self.partners, known, strict=True)]
        bare = not any(shown)
        rows = zip(self.partners, known, shown, strict=True)
        entries = "".join(self._entry(one, there, bare, picture) for one, there, picture in rows)
        sort = "partners bare" if bare else "partners"
        listed = f'<ol class="{sort}" aria-label="{text(self.label)}">{entries}</ol>'
        return f'{listed}<p class="words">{text(self.label)}{text(self._why_bare()) if bare else ""}</p>'

    def _why_bare(self) -> str:
        layers = dict.fromkeys(one.unit.rpartition(":")[0] for one in self.partners)
        if all(one.label for one in self.partners):
            return ""  # a class is known by its name
        return f". There are no pictures of them here: survey {', '.join(layers)} as well to see some."

    def _entry(self, one: Partner, known: Neighbor | None, bare: bool, picture: str) -> str:
        label = one.label or (known.label if known else "")
        name = f'<span class="name" title="{text(one.unit)}">{text(one.unit)}</span>'
        if label:
            name = f'<bdi title="{text(one.unit)}">{text(label)}</bdi>'
        shown = "" if bare else picture or '<span class="blank">no picture</span>'
        if known is not None and shown:
            shown = f'<a href="{text(known.href)}">{shown}</a>'
        elif known is not None:
            name = f'<a href="{text(known.href)}">{name}</a>'
        return (
            f'<li class="partner">{shown}{self._map(one)}'
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
        shown = {one.unit: picture for one in self.partners if (picture := _own(one, pictures or {}))}
        if self.partners and not self.reach and not shown:
            return self._bars(title or self.label)
        tiles = [
            (
                self._tile(one, shown.get(one.unit)),
                f"{_signed(one.value)}\n{broken(one.name, letters_px(SHEET_TILE_PX), SHEET_TILE_PX)}",
            )
            for one in self.partners
        ] or [(Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), BLANK), "none")]
        while len(tiles) < SHEET_COLUMNS:
            tiles.append((Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), PAPER), ""))
        return contact_sheet(tiles, columns=SHEET_COLUMNS, tile_px=SHEET_TILE_PX, title=title or self.label)

    def _bars(self, title: str) -> Image.Image:
        """A bar for each unit, to the right where its value is positive; as wide as a sheet of tiles, on the same margins."""
        blank = [(Image.new("RGB", (1, 1), PAPER), "")] * SHEET_COLUMNS
        sheet = contact_sheet(blank, columns=SHEET_COLUMNS, tile_px=SHEET_TILE_PX, title=title)
        margin, letters = SHEET_TILE_PX // 4, letters_px(SHEET_TILE_PX)
        head = margin + round(3.2 * letters)
        chart = self._chart(sheet.width - 2 * margin).image(1)
        page = Image.new("RGB", (sheet.width, head + chart.height + margin), PAPER)
        page.paste(sheet.crop((0, 0, sheet.width, head)), (0, 0))
        page.paste(chart, (margin, head))
        return page

    def _chart(self, width: int) -> Drawing:
        longest = max(abs(one.value) for one in self.partners) or 1
        right = any(one.value > 0 for one in self.partners)
        left = any(one.value < 0 for one in self.partners)
        first, room = NAMES * width, BARS * width / (1 + (left and right))
        zero = first + (room if left else 0)
        marks: list[Box | Line | Words] = []
        for row, one in enumerate(self.partners):
            length, top = room * abs(one.value) / longest, row * BAR_PX
            start = zero if one.value > 0 else zero - length
            marks.append(Box(start, top + 3, max(length, 0.5), BAR_PX - 6, "bar"))
            base = top + BAR_PX / 2 + 4
            marks.append(Words(0, base, fitted(one.name, LETTERS_PX, round(0.7 * first)), anchor="start"))
            marks.append(Words(first - 8, base, _signed(one.value), anchor="end"))
        height = BAR_PX * len(self.partners)
        marks.append(Line(((zero, 0), (zero, height)), "axis"))
        return Drawing(width, height, tuple(marks), self.label)

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


def _picture(one: Partner, known: Neighbor | None, link: Link) -> str:
    """The picture that a page knows, or the partner's own; nothing where there is neither."""
    picture = None if known is None else known.picture
    if picture is None:
        if one.picture is None:
            return ""
        return f'<img class="picture pixelated" src="{text(link(one.picture))}" alt="" loading="lazy" decoding="async">'
    if isinstance(picture, Item):
        return picture.thumbnail(link)
    shape = "picture pixelated" if picture.pixelated else "picture"
    return (
        f'<img class="{shape}" src="{text(link(picture.blob))}" width="{picture.width:d}" height="{picture.height:d}" '
        'alt="" loading="lazy" decoding="async">'
    )


def _own(one: Partner, pictures: Mapping[str, Image.Image]) -> Image.Image | None:
    if one.unit in pictures or one.picture is None:
        return pictures.get(one.unit)
    return one.picture.image() if one.picture.data is not None else None


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
