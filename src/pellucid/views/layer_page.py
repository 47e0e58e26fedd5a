# SPDX-License-Identifier: Apache-2.0
"""The page of a layer: all its units in little, and the data by which they are sorted and filtered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

from pellucid.records import Record
from pellucid.views.book import Book, Chapter
from pellucid.views.panels import panel_views, sources
from pellucid.views.tile import Tile, sort_keys
from pellucid.views.typeset import link_from, typeset

__all__ = ["layer_data", "layer_page"]


def layer_page(book: Book, chapter: Chapter, tiles: Sequence[Tile], records: Mapping[str, Record]) -> bytes:
    """The page of a layer with these units; `records` are those about the layer itself, by kind."""
    before, after = book.neighbors(chapter)
    return typeset(
        "layer.html",
        chapter.path,
        book=book,
        chapter=chapter,
        tiles=tiles,
        keys=[
            (title, list(keys))
            for title, keys in groupby(sort_keys(book.kinds, tiles), lambda key: key.group)
        ],
        before=before,
        after=after,
        panels=panel_views(book.kinds, records, link_from(chapter.path)),
        sources=sources(book.kinds, records),
    )


def layer_data(book: Book, tiles: Sequence[Tile]) -> bytes:
    """What the page's script sorts and filters by, as a script of its own: from file:// nothing else can be read.

    `units`, `words` and each list of `numbers` run in the order of the page.
    """
    keys = [key.key for key in sort_keys(book.kinds, tiles)]
    numbers = {
        key: [None if (figure := tile.numbers.get(key)) is None else figure.value for tile in tiles]
        for key in keys
    }
    data = {
        "units": [tile.index for tile in tiles],
        "words": [tile.words.lower() for tile in tiles],
        "numbers": numbers,
    }
    # ASCII only: no encoding, line separator or end tag within a text can end the script early.
    return f"window.pellucidUnits = {json.dumps(data, separators=(',', ':'))};\n".replace(
        "<", "\\u003c"
    ).encode()
