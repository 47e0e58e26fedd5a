# SPDX-License-Identifier: Apache-2.0
"""An atlas as a dictionary of units: of each the picture that says what it looks for, and what it does over the data."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from pellucid.errors import InputError, NotAnAtlas
from pellucid.figures import Blob, Item, Picture
from pellucid.look.spread import Spread, spread_from
from pellucid.models import Net
from pellucid.store import Atlas
from pellucid.store.peek import peek

__all__ = ["Dictionary", "Entry"]

OPTIMUM, EXAMPLES = "optimum", "examples"
BLANK = "#e9e6de"
MOST_KEPT = 600  # decoded pictures, some 100 MB


@dataclass(frozen=True)
class Entry:
    """What an atlas knows of one unit: its picture (an optimum, else its strongest real input), and its spread."""

    picture: Picture | Item | None
    spread: Spread | None

    @property
    def what(self) -> str:
        """In words what the picture is."""
        if self.picture is None:
            return "no picture"
        return "optimum" if isinstance(self.picture, Picture) else "strongest example"


class Dictionary:
    """The entries of an atlas, read layer by layer when asked for, and kept.

    Parameters
    ----------
    atlas : opened, and of this net

    Raises
    ------
    InputError : the atlas is of another network, or of other weights of it
    """

    def __init__(self, atlas: Atlas, net: Net) -> None:
        card = atlas.card
        if card.get("weights_digest") != net.weights_digest:
            raise InputError(
                f"{atlas.path} is of {card.get('name', 'another network')} with weights {_short(card.get('weights_digest'))}, "
                f"{net.name} here has {_short(net.weights_digest)}; give an atlas of these weights, as "
                "`pellucid survey` makes it"
            )
        self.atlas = atlas
        self._names = {
            net.layer(layer.name).name: layer.name
            for layer in atlas.layers()
            if layer.name in net.trace.calls
        }
        self._cells = {
            net.layer(layer.name).name: math.prod(layer.grid)
            for layer in atlas.layers()
            if layer.name in net.trace.calls
        }
        self._ordinals = {layer.name: place for place, layer in enumerate(atlas.layers(), start=1)}
        self._turn = threading.RLock()
        self._read: dict[str, dict[int, Entry]] = {}
        self._decoded: dict[str, Image.Image] = {}
        self._small: dict[tuple[str, int, int], Image.Image] = {}

    @classmethod
    def open(cls, path: str | Path, net: Net) -> Dictionary:
        """The dictionary in the atlas file at `path`."""
        return cls(Atlas.open(path), net)

    @cached_property
    def digest(self) -> str:
        """Of the atlas's content."""
        return self.atlas.digest()

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of evidence that it holds."""
        return frozenset(kind.name for kind in self.atlas.kinds())

    def entries(self, layer: str) -> Mapping[int, Entry]:
        """The entries of a layer's units by index; empty where the atlas has nothing about the layer."""
        with self._turn:
            if layer not in self._read:
                self._read[layer] = self._entries(layer) if layer in self._names else {}
            return self._read[layer]

    def _entries(self, layer: str) -> dict[int, Entry]:
        optima, examples = (
            dict(self.atlas.texts(kind, self._names[layer])) if kind in self.kinds else {}
            for kind in (OPTIMUM, EXAMPLES)
        )
        cells = self._cells[layer]
        try:
            return {
                index: Entry(
                    _picture(optima.get(index, ""), examples.get(index, "")),
                    spread_from(examples.get(index, ""), cells, self._sheet),
                )
                for index in sorted({*optima, *examples})
            }
        except (LookupError, TypeError, ValueError) as error:
            raise NotAnAtlas(f"{self.atlas.path} is damaged: a figure of {layer} is none: {error}") from error

    def _sheet(self, blob: Blob) -> Image.Image:
        with self._turn:
            return self.atlas.blob(blob.hash).image()

    def has_statistics(self, layer: str) -> bool:
        """Whether there is a spread for every unit that it knows of the layer, and it knows some."""
        entries = self.entries(layer)
        return bool(entries) and all(entry.spread is not None for entry in entries.values())

    def page(self, layer: str, index: int) -> str | None:
        """Where a site of the atlas has the unit's page; None where it has none."""
        return f"layer/{self._ordinals[layer]}/{index}.html" if index in self.entries(layer) else None

    def thumbnails(self, units: Iterable[tuple[str, int]], side: int) -> dict[tuple[str, int], Image.Image]:
        """The pictures of units by (layer, index), square, `side` px; those without a picture are left out."""
        with self._turn:  # a page and figures may be made side by side
            return self._thumbnails(units, side)

    def _thumbnails(self, units: Iterable[tuple[str, int]], side: int) -> dict[tuple[str, int], Image.Image]:
        wanted: dict[tuple[str, int], Picture | Item] = {}
        for layer, index in units:
            entry = self.entries(layer).get(index)
            if entry is not None and entry.picture is not None:
                wanted[layer, index] = entry.picture
        missing = {unit: each for unit, each in wanted.items() if (*unit, side) not in self._small}
        blobs = {blob.hash for each in missing.values() if (blob := _blob(each)) is not None}
        self._decode(blobs - self._decoded.keys())
        with ThreadPoolExecutor(2) as pool:
            made = pool.map(lambda each: _thumbnail(each, self._decoded, side), missing.values())
            self._small |= {(*unit, side): image for unit, image in zip(missing, made, strict=True)}
        return {unit: self._small[*unit, side] for unit in wanted}

    def _decode(self, hashes: set[str]) -> None:
        """Pictures that several units share are decoded once; some hundred are kept."""
        if len(self._decoded) + len(hashes) > MOST_KEPT:
            self._decoded.clear()
        encoded = [self.atlas.blob(each) for each in sorted(hashes)]
        with ThreadPoolExecutor(2) as pool:
            images = pool.map(lambda blob: blob.image().convert("RGB"), encoded)
            self._decoded |= {blob.hash: image for blob, image in zip(encoded, images, strict=True)}

    def close(self) -> None:
        """Let go of the file."""
        self.atlas.close()


def _short(digest: object) -> str:
    return str(digest or "unknown").removeprefix("sha256:")[:12]


def _picture(optimum: str, examples: str) -> Picture | Item | None:
    """The optimum; without one the strongest example."""
    made = peek(optimum, "positive")
    if made is not None and made["type"] == Picture.type:
        return Picture.from_json(made)
    item = _first_item(examples)
    return None if item is None or item["preview"] is None else Item.from_json(item)


def _first_item(examples: str) -> dict[str, Any] | None:
    """The first of the strongest items, without reading the others."""
    start = '"max":{"items":['
    at = examples.find(start)
    if at < 0 or examples[at + len(start)] != "{":
        return None
    found: dict[str, Any] = json.JSONDecoder().raw_decode(examples, at + len(start))[0]
    return found


def _blob(picture: Picture | Item) -> Blob | None:
    return picture.blob if isinstance(picture, Picture) else picture.preview


def _thumbnail(picture: Picture | Item, decoded: Mapping[str, Image.Image], side: int) -> Image.Image:
    """The optimum whole, or of an example what the unit saw; cut to a square from the middle."""
    blob = _blob(picture)
    image = Image.new("RGB", (1, 1), BLANK) if blob is None else decoded[blob.hash]
    box: tuple[float, float, float, float] = (0, 0, image.width, image.height)
    if isinstance(picture, Item):
        across, down = image.width / (picture.width or 1), image.height / (picture.height or 1)
        x0, y0, x1, y1 = picture.crop
        box = (x0 * across, y0 * down, x1 * across, y1 * down)
    return image.resize((side, side), Image.Resampling.BICUBIC, _square(box, image.size))


def _square(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The largest square in the middle of a box, within the picture and at least a pixel."""
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], size[0]), min(box[3], size[1])
    half = max(min(x1 - x0, y1 - y0), 1) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    left, top = min(max(x - half, 0), size[0] - 2 * half), min(max(y - half, 0), size[1] - 2 * half)
    return left, top, left + 2 * half, top + 2 * half
