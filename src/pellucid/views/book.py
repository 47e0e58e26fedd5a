# SPDX-License-Identifier: Apache-2.0
"""An atlas as its pages read it: the net's facts, its layers as chapters, and records unit by unit."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pellucid.figures import Item, Picture
from pellucid.figures.partners import Look, Neighbor
from pellucid.records import Kind, Layer, Record
from pellucid.store import Atlas
from pellucid.views.addresses import layer_data_path, layer_path, unit_path
from pellucid.views.discretion import discreet
from pellucid.views.tile import Tile, tile

__all__ = ["Book", "Chapter"]


@dataclass(frozen=True)
class Chapter:
    """A layer with its place among all in call order, counted from 1; it has pages when `units` is not empty."""

    ordinal: int
    layer: Layer
    units: tuple[int, ...]

    @property
    def path(self) -> str:
        return layer_path(self.ordinal)

    @property
    def data_path(self) -> str:
        return layer_data_path(self.ordinal)

    def unit_path(self, index: int) -> str:
        return unit_path(self.ordinal, index)

    def has(self, index: int) -> bool:
        """Whether the unit has a page."""
        place = bisect_left(self.units, index)
        return place < len(self.units) and self.units[place] == index

    def neighbors(self, index: int) -> tuple[int | None, int | None]:
        """The units with a page before and after `index`."""
        place = bisect_left(self.units, index)
        after = self.units[place + 1] if place + 1 < len(self.units) else None
        return (self.units[place - 1] if place else None), after


class Book:
    """An atlas as it was when the book was made; records are read anew each time.

    `net` is the name shown; `card` and `plan` are without absolute paths; `chapters` are all layers in call order and
    `shown` those with pages.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        card = atlas.card
        labels = card.pop("labels", None)  # names, and not paths even where they look like some
        self.labels = [str(label) for label in labels] if isinstance(labels, list) else []
        self.card, self.plan = discreet(card), discreet(atlas.plan)
        self.net = str(self.card.get("name") or "a network")
        self.written_by = atlas.written_by
        self.kinds = atlas.kinds()
        self.chapters = [
            Chapter(place, layer, tuple(atlas.units(layer.name)))
            for place, layer in enumerate(atlas.layers(), start=1)
        ]
        self.shown = [chapter for chapter in self.chapters if chapter.units]
        self._by_ordinal = {chapter.ordinal: chapter for chapter in self.shown}
        self._by_name = {chapter.layer.name: chapter for chapter in self.shown}
        self._kinds_about: dict[int, list[Kind]] = {}
        self._pictures: dict[tuple[int, int], Picture | Item | None] = {}
        self._turns = {chapter.ordinal: turn for turn, chapter in enumerate(self.shown)}

    def chapter(self, ordinal: int) -> Chapter | None:
        """The chapter of that place, where it has pages."""
        return self._by_ordinal.get(ordinal)

    def neighbors(self, chapter: Chapter) -> tuple[Chapter | None, Chapter | None]:
        """The chapters with pages before and after this one."""
        turn = self._turns[chapter.ordinal]
        after = self.shown[turn + 1] if turn + 1 < len(self.shown) else None
        return (self.shown[turn - 1] if turn else None), after

    def feeding(self, chapter: Chapter) -> list[tuple[str, Chapter | None]]:
        """The layers that feed a rectified one, each with its chapter where it has pages."""
        return [(name, self._by_name.get(name)) for name in chapter.layer.fed_by]

    def label(self, layer: str, index: int) -> str:
        """The class that a unit of the network's output stands for; empty elsewhere."""
        return self.labels[index] if layer == "logits" and index < len(self.labels) else ""

    def kinds_about(self, chapter: Chapter) -> list[Kind]:
        """The kinds of which there is a record about any unit of the layer."""
        if chapter.ordinal not in self._kinds_about:
            about = (kind for kind in self.kinds if kind.scope == "unit")
            found = (
                kind for kind in about if any(self.atlas.records(kind=kind.name, layer=chapter.layer.name))
            )
            self._kinds_about[chapter.ordinal] = list(found)
        return self._kinds_about[chapter.ordinal]

    def records(self, chapter: Chapter, index: int | None) -> dict[str, Record]:
        """The records about one unit (or, with None, about the layer itself) by kind."""
        found = ((kind.name, self.atlas.record(kind.name, chapter.layer.name, index)) for kind in self.kinds)
        return {name: record for name, record in found if record is not None}

    def all_records(self, chapter: Chapter) -> Iterator[tuple[int | None, dict[str, Record]]]:
        """All records of a layer, unit by unit, in one reading; the layer's own come first, under None."""
        for index, held in itertools.groupby(
            self.atlas.records(layer=chapter.layer.name), lambda each: each.index
        ):
            yield index, {record.kind: record for record in held}

    def tile(self, chapter: Chapter, index: int, records: Mapping[str, Record]) -> Tile:
        """One unit in little."""
        return tile(index, self.label(chapter.layer.name, index), self.kinds, records)

    def look_from(self, path: str) -> Look:
        """What a page at `path` knows of other units: where their pages are, and their pictures."""
        root = "../" * path.count("/")

        def look(address: str) -> Neighbor | None:
            name, _, number = address.rpartition(":")
            chapter = self._by_name.get(name)
            if chapter is None or not number.isdecimal() or not chapter.has(int(number)):
                return None
            index = int(number)
            href = root + chapter.unit_path(index)
            return Neighbor(href, self._picture(chapter, index), self.label(name, index))

        return look

    def _picture(self, chapter: Chapter, index: int) -> Picture | Item | None:
        """The picture that stands for a unit; units share partners, so it is kept."""
        key = chapter.ordinal, index
        if key not in self._pictures:
            records = self.records(chapter, index)
            self._pictures[key] = _filter(self.kinds, records) or self.tile(chapter, index, records).picture
        return self._pictures[key]


def _filter(kinds: list[Kind], records: Mapping[str, Record]) -> Picture | None:
    """The filter among the pictures that may stand for a unit: as a part of another it says more than its optimum."""
    for kind in kinds:
        picture = records[kind.name].figures.get(kind.thumbnail or "") if kind.name in records else None
        if isinstance(picture, Picture) and picture.pixelated:
            return picture
    return None
