# SPDX-License-Identifier: Apache-2.0
"""The page of one unit: everything that the atlas holds about it."""

from __future__ import annotations

from collections.abc import Mapping

from pellucid.records import Record
from pellucid.views.book import Book, Chapter
from pellucid.views.panels import panel_views, sources
from pellucid.views.typeset import link_from, typeset

__all__ = ["unit_page"]


def unit_page(book: Book, chapter: Chapter, index: int, records: Mapping[str, Record]) -> bytes:
    """The page of the unit with these records (by kind)."""
    path = chapter.unit_path(index)
    before, after = chapter.neighbors(index)
    return typeset(
        "unit.html",
        path,
        book=book,
        chapter=chapter,
        index=index,
        tile=book.tile(chapter, index, records),
        before=before,
        after=after,
        panels=panel_views(book.kinds, records, link_from(path), book.look_from(path)),
        sources=sources(book.kinds, records),
        missing=[kind.title for kind in book.kinds_about(chapter) if kind.name not in records],
    )
