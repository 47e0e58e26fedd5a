# SPDX-License-Identifier: Apache-2.0
"""The site of an atlas: a pure function from a path to the bytes of a file.

Export writes what `files` gives, the server answers what `render` gives, and both are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pellucid.errors import UnknownName
from pellucid.figures import Blob
from pellucid.records import Record
from pellucid.store import Atlas
from pellucid.views.addresses import HOME, MANIFEST, MIMES, UNKNOWN_PICTURE, Address, address_of, blob_path
from pellucid.views.book import Book, Chapter
from pellucid.views.home_page import home_page
from pellucid.views.layer_page import layer_data, layer_page
from pellucid.views.manifest import manifest
from pellucid.views.unit_page import unit_page

__all__ = ["Site"]

STATIC = Path(__file__).parent / "static"


class Site:
    """The files of an atlas's site.

    The list of layers and units is that of the moment the site was made; what a page says is read when it is asked for.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._book = Book(atlas)
        self._static = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}

    def paths(self) -> Iterator[str]:
        """The path of every file, the manifest last."""
        yield from (path for path, _ in self.files())
        yield MANIFEST

    def render(self, path: str) -> tuple[bytes, str] | None:
        """The bytes of one file and its MIME type, or None where the site has no such file."""
        address = address_of(path)
        body = None if address is None else self._body(address)
        return None if body is None else (body, MIMES[path.rpartition(".")[2]])

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file but the manifest, each once; the records are read once."""
        yield from ((f"static/{name}", data) for name, data in self._static.items())
        yield HOME, home_page(self._book)
        seen = {UNKNOWN_PICTURE}
        for chapter in self._book.shown:
            own: Mapping[str, Record] = {}
            tiles = []
            for index, records in self._book.all_records(chapter):
                if index is None:
                    own = records
                else:
                    tiles.append(self._book.tile(chapter, index, records))
                    yield chapter.unit_path(index), unit_page(self._book, chapter, index, records)
                for blob in _blobs(records):
                    if (path := blob_path(blob)) not in seen:
                        seen.add(path)
                        yield path, self._atlas.blob(blob.hash).data or b""
            yield chapter.path, layer_page(self._book, chapter, tiles, own)
            yield chapter.data_path, layer_data(self._book, tiles)

    def _body(self, address: Address) -> bytes | None:
        if address.form == HOME:
            return home_page(self._book)
        if address.form == MANIFEST:
            return manifest({path: hashlib.sha256(data).hexdigest() for path, data in self.files()})
        if address.form == "static":
            return self._static.get(address.parts[0])
        if address.form == "blob":
            return self._blob(*address.parts)
        chapter = self._book.chapter(int(address.parts[0]))
        return None if chapter is None else self._chapter_page(chapter, address)

    def _chapter_page(self, chapter: Chapter, address: Address) -> bytes | None:
        if address.form == "unit":
            index = int(address.parts[1])
            records = self._book.records(chapter, index) if chapter.has(index) else {}
            return unit_page(self._book, chapter, index, records) if records else None
        held = dict(self._book.all_records(chapter))
        own = held.pop(None, {})
        tiles = [self._book.tile(chapter, index, held[index]) for index in held if index is not None]
        page = address.form == "layer"
        return layer_page(self._book, chapter, tiles, own) if page else layer_data(self._book, tiles)

    def _blob(self, name: str, ending: str) -> bytes | None:
        try:
            blob = self._atlas.blob(name)
        except UnknownName:
            return None
        return blob.data if blob_path(blob) == f"blob/{name}.{ending}" else None


def _blobs(records: Mapping[str, Record]) -> Iterator[Blob]:
    for record in records.values():
        for figure in record.figures.values():
            yield from figure.blobs()
