# SPDX-License-Identifier: Apache-2.0
"""Real inputs in order, each with the place in it that counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from PIL import Image, ImageDraw

from pellucid.figures.blob import Blob
from pellucid.figures.markup import Link, data_uri, for_notebook, text
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.strip import Strip
from pellucid.figures.words import value_words

__all__ = ["Item", "Items"]

BREAKS = re.compile(r"(?<=[/_,])(?=[^/_,])")  # where a path may go on in the next line
SHEET_COLUMNS, SHEET_TILE_PX = 9, 128
SMALL_BOX, NEARLY_ALL = 0.08, 0.97  # of the item's longer side, and of its area
BOX, BOX_EDGE = "#ffffff", "#141310"


@dataclass(frozen=True)
class Item:
    """One real input and a unit's response to it.

    `name` is its path in the data; `position` the layer's grid cell, one number per axis; `box` the receptive
    field in the upright item's own pixels, `(x0, y0, x1, y1)` half-open, None where the layer sees it whole;
    `width` and `height` the item's own size. `preview` is a smaller picture of the whole item: a page draws
    crop and box from it.
    """

    name: str
    response: float
    position: tuple[int, ...] = ()
    box: tuple[int, int, int, int] | None = None
    width: int = 0
    height: int = 0
    preview: Blob | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.name,
            "response": self.response,
            "position": list(self.position),
            "box": None if self.box is None else list(self.box),
            "width": self.width,
            "height": self.height,
            "preview": None if self.preview is None else [self.preview.hash, self.preview.mime],
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Item:
        box, preview = row["box"], row["preview"]
        return cls(
            row["item"],
            row["response"],
            tuple(row["position"]),
            None if box is None else (box[0], box[1], box[2], box[3]),
            row["width"],
            row["height"],
            None if preview is None else Blob(*preview),
        )

    def html(self, link: Link, more: str = "") -> str:
        """The crop, the whole item with its box, `more` pictures, the response and the name, as one list item."""
        at = f' title="at {", ".join(map(str, self.position))}"' if self.position else ""
        return (
            f'<li class="item">{self._pictures(link)}{more}'
            f'<p><span class="response"{at}>{text(value_words(self.response))}</span> '
            f'<span class="name" title="{text(self.name)}">{self._name()}</span></p></li>'
        )

    def _name(self) -> str:
        """The name with its folders apart: where there is no room for both, the end of the name tells items from one another."""
        folders, slash, file = self.name.rpartition("/")
        first = f'<span class="folder">{text(folders + slash)}</span>' if slash and file else ""
        return f"{first}{BREAKS.sub('<wbr>', text(file if first else self.name))}"

    @property
    def _part(self) -> tuple[int, int, int, int] | None:
        """The box, unless it holds all of the item but a rim: then there is nothing to crop."""
        if self.box is None:
            return None
        x0, y0, x1, y1 = self.box
        across, down = min(x1, self.width) - max(x0, 0), min(y1, self.height) - max(y0, 0)
        covered = max(across, 0) * max(down, 0)
        return None if covered >= NEARLY_ALL * self.width * self.height else self.box

    @property
    def crop(self) -> tuple[int, int, int, int]:
        """What is shown large: the box, or the whole item."""
        return self._part or (0, 0, self.width or 1, self.height or 1)

    def _pictures(self, link: Link) -> str:
        if self.preview is None:
            return '<p class="missing">no preview kept</p>'
        name, width, height, part = text(self.name), self.width or 1, self.height or 1, self._part
        # Both pictures are drawn in the item's own pixels, whatever the size of the preview.
        source = text(link(self.preview))
        image = f'<image href="{source}" width="{width:d}" height="{height:d}" preserveAspectRatio="none"/>'
        if part is None:
            return _svg("crop", (0, 0, width, height), name, image)
        x0, y0, x1, y1 = part
        place = f'x="{x0:d}" y="{y0:d}" width="{x1 - x0:d}" height="{y1 - y0:d}"'
        edges = f'{place} vector-effect="non-scaling-stroke"'
        boxed = f'{image}<rect class="box-edge" {edges}/><rect class="box" {edges}/>{self._ring(part)}'
        return _svg("crop", (x0, y0, x1 - x0, y1 - y0), f"Crop of {name}", image) + _svg(
            "whole", (0, 0, width, height), f"{name}, whole, the crop boxed", boxed
        )

    def thumbnail(self, link: Link) -> str:
        """The crop alone, cut to a square; nothing to read, for what is around it names it. Empty without a preview."""
        if self.preview is None:
            return ""
        x0, y0, x1, y1 = self.crop
        return (
            f'<svg viewBox="{x0:d} {y0:d} {x1 - x0:d} {y1 - y0:d}" width="96" height="96" '
            f'preserveAspectRatio="xMidYMid slice" aria-hidden="true"><image href="{text(link(self.preview))}" '
            f'width="{self.width or 1:d}" height="{self.height or 1:d}" preserveAspectRatio="none"/></svg>'
        )

    def _ring(self, part: tuple[int, int, int, int]) -> str:
        """A circle around a box that is too small to be found."""
        x0, y0, x1, y1 = part
        longest = max(self.width, self.height)
        if max(x1 - x0, y1 - y0) > longest * SMALL_BOX:
            return ""
        place = f'cx="{(x0 + x1) / 2:g}" cy="{(y0 + y1) / 2:g}" r="{longest * SMALL_BOX:g}"'
        edges = f'{place} vector-effect="non-scaling-stroke"'
        return f'<circle class="box-edge" {edges}/><circle class="box" {edges}/>'

    def tiles(self) -> tuple[Image.Image, Image.Image | None]:
        """The crop and the whole item with its box drawn; without a box the whole item and None."""
        if self.preview is None:
            return Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), "#e9e6de"), None
        whole = self.preview.image().convert("RGB")
        if self._part is None:
            return whole, None
        across, down = whole.width / self.width, whole.height / self.height
        box = [edge * scale for edge, scale in zip(self._part, (across, down) * 2, strict=True)]
        left, top = min(max(box[0], 0), whole.width - 1), min(max(box[1], 0), whole.height - 1)
        inside = (left, top, min(max(box[2], left + 1), whole.width), min(max(box[3], top + 1), whole.height))
        small = _enlarged(whole, (0, 0, whole.width, whole.height))
        scale = max(small.size) / max(whole.size)
        _draw_box(small, tuple(round(edge * scale) for edge in inside))
        return _enlarged(whole, inside), small


def _svg(shape: str, view: tuple[int, int, int, int], label: str, body: str) -> str:
    x, y, width, height = view
    return (
        f'<svg class="{shape}" viewBox="{x:d} {y:d} {width:d} {height:d}" width="104" height="104" '
        f'preserveAspectRatio="xMidYMin" role="img" aria-label="{label}">{body}</svg>'
    )


def _enlarged(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """What lies in the box, its longer side as long as a tile."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = SHEET_TILE_PX / max(width, height)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return image.resize(size, Image.Resampling.BICUBIC, box)


def _draw_box(image: Image.Image, box: tuple[int, ...]) -> None:
    x0, y0, x1, y1 = box
    x1, y1 = min(x1, image.width) - 1, min(y1, image.height) - 1
    pen = ImageDraw.Draw(image)
    for inset, color in ((-1, BOX_EDGE), (0, BOX), (1, BOX_EDGE)):
        if x0 + inset <= x1 - inset and y0 + inset <= y1 - inset:
            pen.rectangle((x0 + inset, y0 + inset, x1 - inset, y1 - inset), outline=color)


@dataclass(frozen=True)
class Items:
    """Real inputs, the most telling first; `maps` shows for each in turn where the unit responds."""

    type: ClassVar[str] = "items"

    items: tuple[Item, ...]
    maps: Strip | None = None

    def blobs(self) -> Iterator[Blob]:
        yield from (item.preview for item in self.items if item.preview is not None)
        if self.maps is not None:
            yield self.maps.blob

    def html(self, link: Link) -> str:
        """A list of crops, each over the whole item with its box, and over its response map."""
        if not self.items:
            return '<p class="missing">no item</p>'
        items = "".join(item.html(link, self._map(link, place)) for place, item in enumerate(self.items))
        return f'<ol class="items">{items}</ol>'

    def _map(self, link: Link, place: int) -> str:
        if self.maps is None or self.items[place].preview is None:
            return ""
        return self.maps.html(link, place, f"Response map of {text(self.items[place].name)}")

    def png(self) -> bytes:
        """A contact sheet, nine items in a row: crops with responses, below them the whole items boxed."""
        return write_png(self.sheet(), {})

    def sheet(self, title: str = "") -> Image.Image:
        """The contact sheet under a title."""
        tiles: list[tuple[Image.Image, str]] = []
        columns = min(len(self.items), SHEET_COLUMNS)
        for start in range(0, len(self.items), SHEET_COLUMNS):
            row = self.items[start : start + SHEET_COLUMNS]
            pictures = [item.tiles() for item in row]
            boxed = any(whole for _, whole in pictures)
            blank = [(Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), "#fdfcf9"), "")] * (columns - len(row))
            words = [
                value_words(item.response) if boxed else f"{value_words(item.response)}\n{item.name}"
                for item in row
            ]
            tiles += [*zip((crop for crop, _ in pictures), words, strict=True), *blank]
            if boxed:
                wholes = (whole or crop for crop, whole in pictures)
                tiles += [*zip(wholes, (item.name for item in row), strict=True), *blank]
            if self.maps is not None:
                tiles += [(self._map_tile(start + place), "") for place in range(len(row))] + blank
        return contact_sheet(tiles, columns=columns or None, tile_px=SHEET_TILE_PX, title=title)

    def _map_tile(self, place: int) -> Image.Image:
        """The map enlarged to a tile, its cells sharp."""
        if self.maps is None or self.maps.blob.data is None:
            return Image.new("RGB", (SHEET_TILE_PX, SHEET_TILE_PX), "#e9e6de")
        image = self.maps.image(place)
        factor = SHEET_TILE_PX / max(image.size)
        size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
        return image.resize(size, Image.Resampling.NEAREST)

    def _repr_html_(self) -> str:
        return for_notebook(self.html(data_uri))

    def to_json(self) -> dict[str, Any]:
        row = {"type": self.type, "items": [item.to_json() for item in self.items]}
        return row if self.maps is None else {**row, "maps": self.maps.to_json()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Items:
        maps = row.get("maps")
        return cls(
            tuple(Item.from_json(item) for item in row["items"]),
            None if maps is None else Strip.from_json(maps),
        )
