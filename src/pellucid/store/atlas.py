# SPDX-License-Identifier: Apache-2.0
"""Reading an atlas: the card, the layers, the records and the pictures of one net's evidence."""

from __future__ import annotations

import hashlib
import itertools
import operator
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pellucid.errors import NotAnAtlas, UnknownName, did_you_mean
from pellucid.figures import Blob
from pellucid.records import Kind, Layer, Record
from pellucid.store.content import TABLES
from pellucid.store.digest import Value, content_digest
from pellucid.store.reader import Reader
from pellucid.store.record_json import (
    blobs_of,
    json_value,
    kind_from_text,
    layer_from_text,
    record_from_text,
)
from pellucid.store.verify import problems

__all__ = ["Atlas"]

_PAGE = 256  # rows fetched at once: no read lasts long enough to hold up a writer's checkpoint
_LAYER_ITSELF = -1  # what stands for a record's index None


class Atlas:
    """An atlas opened for reading. Any number of them may read while one `AtlasWriter` writes.

    A record's blobs carry names only; `blob` fetches the bytes. Threads may share an atlas, forked processes
    may not. Every answer is checked: what has changed since it was written raises `NotAnAtlas`.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.path = reader.path

    @classmethod
    def open(cls, path: str | Path) -> Atlas:
        """Open the atlas at `path`; it may lie in a read-only folder, and may be being written.

        Raises
        ------
        UnknownName : there is no such file
        NotAnAtlas : it is no atlas, is damaged, or was written by a newer version
        StorageError : the file may not be read, or the disk failed
        """
        return cls(Reader(Path(path)))

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Atlas({str(self.path)!r})"

    @property
    def is_empty(self) -> bool:
        """Whether no work is in it: no finished job, no record, nothing half done. A plan alone is no work."""
        return not any(
            self._reader.rows(f"SELECT 1 FROM {table} LIMIT 1") for table in ("job", "record", "state")
        )

    @property
    def written_by(self) -> str:
        """The version of Pellucid that made the file."""
        rows = self._reader.rows("SELECT version FROM written_by LIMIT 1")
        return str(rows[0][0]) if rows else ""

    @property
    def card(self) -> dict[str, Any]:
        """The net's card, as `put_card` was given it; empty before that."""
        return self._about("card")

    @property
    def plan(self) -> dict[str, Any]:
        """The plan of the work, as `put_plan` was given it; empty before that."""
        return self._about("plan")

    def _about(self, name: str) -> dict[str, Any]:
        rows = self._sealed("about", "WHERE name = ?", name)
        value = json_value(rows[0][1], f"{self.path}: {name}") if rows else {}
        if not isinstance(value, dict):
            raise NotAnAtlas(f"{self.path} is damaged: its {name} is no table of names")
        return value

    def layers(self) -> list[Layer]:
        """The net's layers in call order."""
        return [layer_from_text(text) for _, _, text in self._sealed("layer", "ORDER BY ordinal")]

    def kinds(self) -> list[Kind]:
        """The kinds of evidence, in the order in which a page shows them."""
        return [kind_from_text(text) for _, _, text in self._sealed("kind", "ORDER BY ordinal")]

    def units(self, layer: str) -> list[int]:
        """The indices of the units of `layer` about which there is any record, ascending.

        Raises
        ------
        UnknownName : the atlas has no such layer
        """
        query = "SELECT DISTINCT unit FROM record WHERE layer = ? AND unit >= 0 ORDER BY unit"
        units = [unit for (unit,) in self._reader.rows(query, self._layer_ids(layer)[0])]
        if not all(isinstance(unit, int) for unit in units):
            raise NotAnAtlas(f"{self.path} is damaged: a unit of {layer} has no number")
        return units

    def record(self, kind: str, layer: str, index: int | None) -> Record | None:
        """One record, or None where there is none; `index` None asks for the layer's own."""
        if index is not None and index < 0:
            return None
        unit = _LAYER_ITSELF if index is None else operator.index(index)
        rows = self._sealed(
            "record", "WHERE layer.name = ? AND unit = ? AND kind.name = ?", layer, unit, kind
        )
        return self._record(rows[0]) if rows else None

    def records(self, *, kind: str | None = None, layer: str | None = None) -> Iterator[Record]:
        """All records, or those of one kind or layer, without holding more than a few hundred in memory.

        They come layer by layer, in a layer by index (the layer's own first), for a unit in the order of
        `kinds`.

        Raises
        ------
        UnknownName : the atlas has no such kind or layer
        """
        if kind is not None and kind not in (names := [found.name for found in self.kinds()]):
            raise UnknownName(f"{self.path} has no evidence {kind!r}; {did_you_mean(kind, names)}")
        return map(self._record, self._ordered_rows(self._layer_ids(layer), kind))

    def texts(self, kind: str, layer: str) -> Iterator[tuple[int, str]]:
        """The records of a layer's units as the JSON text they are kept as, for `peek`: a few numbers of very many records.

        Each row is held against its seal; the text itself is not read.

        Raises
        ------
        UnknownName : the atlas has no such layer
        NotAnAtlas : a row has changed since it was written
        """
        for _, unit, _, text in self._record_rows(self._layer_ids(layer)[0], kind):
            if unit != _LAYER_ITSELF:
                yield unit, text

    def _record(self, row: tuple[Any, ...]) -> Record:
        layer, unit, kind, text = row
        return record_from_text(kind, layer, None if unit == _LAYER_ITSELF else unit, text)

    def _ordered_rows(self, layer_ids: list[int], kind: str | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows of records in the order that `records` promises, which row ids do not know."""
        places = {found.name: place for place, found in enumerate(self.kinds())}
        for layer_id in layer_ids:
            for _, rows in itertools.groupby(self._record_rows(layer_id, kind), key=lambda row: row[1]):
                yield from sorted(rows, key=lambda row: places.get(row[2], len(places)))

    def _record_rows(self, layer_id: int, kind: str | None) -> Iterator[tuple[Any, ...]]:
        """The rows of one layer by unit and kind id, page by page."""
        query = TABLES["record"].query.replace("SELECT ", "SELECT record.unit, record.kind, ", 1)
        query += " WHERE record.layer = ? AND (record.unit, record.kind) > (?, ?)"
        if kind is not None:
            query += " AND record.kind = (SELECT id FROM kind WHERE name = ?)"
        query += f" ORDER BY record.unit, record.kind LIMIT {_PAGE}"
        last: tuple[int, int] = (_LAYER_ITSELF - 1, 0)
        while page := self._reader.rows(query, layer_id, *last, *([] if kind is None else [kind])):
            for unit, kind_id, *row in page:
                values = TABLES["record"].opened(tuple(row), self.path)
                if not (unit, kind_id) > last:
                    raise NotAnAtlas(f"{self.path} is damaged: its records are out of order")
                last = (unit, kind_id)
                yield values

    def _layer_ids(self, name: str | None = None) -> list[int]:
        """The row ids of all layers in call order, or of the one of that name."""
        rows = self._reader.rows("SELECT id, ordinal, name, json, seal FROM layer ORDER BY ordinal")
        ids = {TABLES["layer"].opened(tuple(row), self.path)[1]: key for key, *row in rows}
        if name is None:
            return list(ids.values())
        if name not in ids:
            raise UnknownName(f"{self.path} has no layer {name!r}; {did_you_mean(name, ids)}")
        return [ids[name]]

    @property
    def item_count(self) -> int:
        """How many items the data had, the skipped ones too."""
        return int(self._reader.rows("SELECT count(*) FROM item")[0][0])

    def skipped(self) -> list[tuple[str, str]]:
        """The items that could not be read, in their order: name and reason."""
        rows = self._sealed("item", "WHERE reason IS NOT NULL ORDER BY id")
        return [(name, reason) for _, name, reason in rows]

    def blob(self, hash: str) -> Blob:
        """The blob of that SHA-256, with its bytes.

        Raises
        ------
        UnknownName : the atlas has no such blob
        NotAnAtlas : its bytes have changed since they were written
        """
        rows = self._reader.rows("SELECT hash, mime, seal, data FROM blob WHERE hash = ?", hash)
        if not rows:
            raise UnknownName(f"{self.path} has no blob {hash!r}")
        name, mime = TABLES["blob"].opened(rows[0][:3], self.path)
        data = rows[0][3]
        if not isinstance(data, bytes) or hashlib.sha256(data).hexdigest() != name:
            raise NotAnAtlas(f"{self.path} is damaged: blob {name!r} is not as it was written")
        return Blob(name, mime, data)

    def blob_hashes(self) -> list[str]:
        """The names of all blobs that are kept, sorted."""
        return [name for name, _ in self._every("blob", "hash", "")]

    def journal(self) -> list[dict[str, Any]]:
        """What the writers noted, oldest first; no part of the content."""
        rows = self._reader.rows("SELECT event FROM journal ORDER BY seq")
        return [json_value(text, f"{self.path}: journal") for (text,) in rows]

    def digest(self) -> str:
        """The SHA-256 of the content, in hexadecimal: equal for equal content, whatever the file's history.

        It covers card, plan, layers, kinds, items, records, and the bytes of every blob that a record shows;
        it leaves out the journal, partial states, marks of done jobs, and blobs that nothing shows.

        Raises
        ------
        NotAnAtlas : a row or a blob has changed since it was written, or a shown blob is not there
        """
        with self._reader.snapshot():
            return content_digest(self._content())

    def _content(self) -> Iterator[tuple[str, *tuple[Value, ...]]]:
        for table, order in (("about", "name"), ("layer", "ordinal"), ("kind", "ordinal")):
            yield from ((table, *row) for row in self._sealed(table, f"ORDER BY {order}"))
        yield from (("item", *row) for row in self._every("item", "id", -1))
        shown: set[str] = set()
        for row in self._ordered_rows(self._layer_ids()):
            shown.update(blob.hash for blob in blobs_of(self._record(row)))
            yield ("record", *row)
        for name in sorted(shown):
            try:
                yield ("blob", self.blob(name).hash)  # read in full, and held against its hash
            except UnknownName as error:
                raise NotAnAtlas(f"{self.path} is damaged: blob {name!r} is not there") from error

    def verify(self) -> list[str]:
        """Read everything and say in one line each what is damaged; an empty list means a sound atlas."""
        return problems(self._reader)

    def _every(self, table: str, key: str, before: int | str) -> Iterator[tuple[Any, ...]]:
        """The rows of a long table, page by page, in the order of `key`, which they begin with."""
        while page := self._sealed(table, f"WHERE {key} > ? ORDER BY {key} LIMIT {_PAGE}", before):
            yield from page
            if not page[-1][0] > before:
                raise NotAnAtlas(f"{self.path} is damaged: its {table}s are out of order")
            before = page[-1][0]

    def _sealed(self, table: str, end: str, *values: Any) -> list[tuple[Any, ...]]:
        rows = self._reader.rows(f"{TABLES[table].query} {end}", *values)
        return [TABLES[table].opened(row, self.path) for row in rows]
