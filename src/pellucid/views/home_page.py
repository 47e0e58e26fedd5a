# SPDX-License-Identifier: Apache-2.0
"""The first page: the net and its facts, the pictures of its first layer, and every layer as a strip of units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pellucid.figures import Picture
from pellucid.records import Kind
from pellucid.views.addresses import HOME
from pellucid.views.book import Book, Chapter
from pellucid.views.facts import net_facts, survey_facts
from pellucid.views.tile import Tile, tile
from pellucid.views.typeset import typeset

__all__ = ["home_page"]

STRIP = 36  # units of a strip
MOST_SKIPPED = 200  # names of skipped items that a page lists


@dataclass(frozen=True)
class Strip:
    """A layer with pages, and some of its units."""

    chapter: Chapter
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Between:
    """Neighboring layers without pages."""

    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Plate:
    """The pictures by which a kind of evidence shows all units of the one layer that it is about."""

    kind: Kind
    chapter: Chapter
    tiles: tuple[Tile, ...]


def home_page(book: Book) -> bytes:
    """The first page of the site."""
    skipped = book.atlas.skipped()
    data = book.plan.get("data")
    return typeset(
        "home.html",
        HOME,
        book=book,
        facts=net_facts(book.card, book.plan, labels=len(book.labels), items=book.atlas.item_count),
        made=survey_facts(book.card, book.plan),
        notes=_texts(book.card.get("notes")),
        credits=_texts(data.get("credits") if isinstance(data, dict) else None),
        plates=list(_plates(book)),
        course=list(_course(book)),
        units=sum(len(chapter.units) for chapter in book.shown),
        skipped=skipped[:MOST_SKIPPED],
        skipped_count=len(skipped),
    )


def _texts(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []


def _plates(book: Book) -> Iterator[Plate]:
    """Of small sharp pictures of one layer only, as first-layer filters are: they are read all at once."""
    for kind in book.kinds:
        about = [chapter for chapter in book.shown if _is_sharp(book, kind, chapter)]
        if len(about) == 1:
            records = book.atlas.records(kind=kind.name, layer=about[0].layer.name)
            tiles = (
                tile(each.index, "", [kind], {kind.name: each}) for each in records if each.index is not None
            )
            yield Plate(kind, about[0], tuple(each for each in tiles if each.picture is not None))


def _is_sharp(book: Book, kind: Kind, chapter: Chapter) -> bool:
    record = book.atlas.record(kind.name, chapter.layer.name, chapter.units[0])
    picture = record.figures.get(kind.thumbnail or "") if record is not None else None
    return isinstance(picture, Picture) and picture.pixelated


def _course(book: Book) -> Iterator[Strip | Between]:
    """All layers in call order: those with pages as strips, the others between them in runs."""
    waiting: list[Chapter] = []
    for chapter in book.chapters:
        if not chapter.units:
            waiting.append(chapter)
            continue
        if waiting:
            yield Between(tuple(waiting))
            waiting = []
        some = _spread(chapter.units)
        yield Strip(chapter, tuple(book.tile(chapter, index, book.records(chapter, index)) for index in some))
    if waiting:
        yield Between(tuple(waiting))


def _spread(units: Sequence[int]) -> list[int]:
    """Units for a strip, evenly spread over the layer: joined branches all have their share."""
    count = min(len(units), STRIP)
    return [units[place * len(units) // count] for place in range(count)]
