# SPDX-License-Identifier: Apache-2.0
"""A unit in little: its picture, and what a layer's page sorts and filters by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pellucid.figures import Item, Items, Number, Picture
from pellucid.records import Kind, Record
from pellucid.views.panels import DIAGNOSIS, NOTE

__all__ = ["SortKey", "Tile", "sort_keys", "tile"]


# A value that is a word or two, as a filter's family, is what people look for; a sentence is not.
LONGEST_WORD = 30


@dataclass(frozen=True)
class Tile:
    """One unit as strips and grids show it.

    `picture` may be an item: the one that stands first among real inputs. `reason` says why there is no picture;
    `flags` are the first words of its true truth values' labels (as `dead`) and of its diagnoses; `numbers` the
    sortable ones by `KIND.NAME`; `words` what a text filter looks through.
    """

    index: int
    label: str
    picture: Picture | Item | None
    reason: str
    flags: tuple[str, ...]
    numbers: Mapping[str, Number]
    words: str


@dataclass(frozen=True)
class SortKey:
    """A number by which units can be put in order; `group` is the title of its kind."""

    key: str
    group: str
    label: str


def tile(index: int, label: str, kinds: Sequence[Kind], records: Mapping[str, Record]) -> Tile:
    """The unit with these records (by kind) in little."""
    picture, reason = _picture(kinds, records)
    flags: dict[str, None] = {}
    names: list[str] = []
    numbers: dict[str, Number] = {}
    said: dict[str, None] = {}
    for kind in kinds:
        figures = records[kind.name].figures if kind.name in records else {}
        for name, figure in figures.items():
            if isinstance(figure, Number):
                flags |= dict.fromkeys(_flags(name, figure))
                if isinstance(figure.value, str) and len(figure.value) <= LONGEST_WORD:
                    said[figure.value] = None
                if name in kind.sortable and isinstance(figure.value, int | float):
                    numbers[f"{kind.name}.{name}"] = figure
        first = next((figure for figure in figures.values() if isinstance(figure, Items)), Items(()))
        names += [item.name for item in first.items]
    words = "\n".join(filter(None, (label, *flags, *said, *names)))
    return Tile(index, label, picture, reason, tuple(flags), numbers, words)


def _picture(kinds: Sequence[Kind], records: Mapping[str, Record]) -> tuple[Picture | Item | None, str]:
    """The thumbnail of the first kind that has one, smooth pictures before filters; else a real input; or why there is none."""
    sharp, reason = None, ""
    for kind in kinds:
        figures = records[kind.name].figures if kind.thumbnail and kind.name in records else {}
        picture, note = figures.get(kind.thumbnail or ""), figures.get(f"{kind.thumbnail}{NOTE}")
        if isinstance(picture, Picture) and not picture.pixelated:
            return picture, ""
        if isinstance(picture, Picture):
            sharp = sharp or picture
        elif isinstance(note, Number) and isinstance(note.value, str):
            reason = reason or note.value
    if sharp or reason:
        return sharp, "" if sharp else reason
    item = _first_item(records)
    return item, "" if item else "no picture yet"


def _first_item(records: Mapping[str, Record]) -> Item | None:
    every = (figure for record in records.values() for figure in record.figures.values())
    items = (item for figure in every if isinstance(figure, Items) for item in figure.items[:1])
    return next((item for item in items if item.preview is not None), None)


def _flags(name: str, figure: Number) -> list[str]:
    if figure.value is True:
        words = figure.label
    elif name.startswith(DIAGNOSIS) and isinstance(figure.value, str):
        words = figure.value
    else:
        return []
    return [words.partition(":")[0]]  # "dead: never changes on this data" is flagged as dead


def sort_keys(kinds: Sequence[Kind], tiles: Iterable[Tile]) -> list[SortKey]:
    """The numbers that any of the units has, with the label that the first such unit gives them."""
    labels: dict[str, str] = {}
    for each in tiles:
        for key, figure in each.numbers.items():
            labels.setdefault(key, figure.label)
    every = [(f"{kind.name}.{name}", kind.title) for kind in kinds for name in kind.sortable]
    return [SortKey(key, title, labels[key]) for key, title in every if key in labels]
