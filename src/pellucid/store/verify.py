# SPDX-License-Identifier: Apache-2.0
"""The search for damage: every row and blob of an atlas is read and held against its seal and its hash."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pellucid.errors import NotAnAtlas, StorageError
from pellucid.records import Record
from pellucid.store.content import TABLES
from pellucid.store.faults import one_line, verified
from pellucid.store.reader import Reader
from pellucid.store.record_json import blobs_of, json_value, kind_from_text, layer_from_text, record_from_text

__all__ = ["problems"]

_READ: dict[str, Callable[[tuple[Any, ...]], object]] = {
    "about": lambda row: json_value(row[1], row[0]),
    "layer": lambda row: layer_from_text(row[2]),
    "kind": lambda row: kind_from_text(row[2]),
    "record": lambda row: record_from_text(row[2], row[0], row[1], row[3]),
}


def problems(reader: Reader) -> list[str]:
    """Each damage in one line; none in a sound atlas. Damage to one row does not hide damage to the next."""
    with reader.snapshot():
        return list(dict.fromkeys(_problems(reader)))


def _problems(reader: Reader) -> Iterator[str]:
    yield from _guarded(_integrity, reader)
    mimes: dict[str, str] = {}  # filled by the blobs, asked by the records after them
    for table in ("about", "layer", "kind", "item", "state", "blob", "record"):
        try:
            keys = [
                key for (key,) in reader.rows(f"SELECT rowid FROM {table} ORDER BY rowid", limit_s=math.inf)
            ]
        except (NotAnAtlas, StorageError) as error:
            yield verified(str(error))
            continue
        for key in keys:
            yield from _guarded(_blob if table == "blob" else partial(_row, table), reader, key, mimes)


def _guarded(find: Callable[..., Iterator[str]], *arguments: Any) -> Iterator[str]:
    try:
        yield from find(*arguments)
    except (NotAnAtlas, StorageError) as error:
        yield verified(str(error))


def _integrity(reader: Reader) -> Iterator[str]:
    """What SQLite itself finds: broken pages, indices that miss rows, rows that point nowhere."""
    for (said,) in reader.rows("PRAGMA integrity_check", limit_s=math.inf):
        if said != "ok":
            yield f"{reader.path} is damaged: {one_line(str(said))}"
    for table, key, parent, _ in reader.rows("PRAGMA foreign_key_check", limit_s=math.inf):
        yield f"{reader.path} is damaged: {table} row {key} belongs to no {parent}"


def _blob(reader: Reader, key: int, mimes: dict[str, str]) -> Iterator[str]:
    for name, mime, sealed, data in reader.rows(
        "SELECT hash, mime, seal, data FROM blob WHERE rowid = ?", key
    ):
        TABLES["blob"].opened((name, mime, sealed), reader.path)
        if isinstance(data, bytes) and hashlib.sha256(data).hexdigest() == name:
            mimes[name] = mime
        else:
            yield f"{reader.path} is damaged: blob {name!r} is not as it was written"


def _row(table: str, reader: Reader, key: int, mimes: dict[str, str]) -> Iterator[str]:
    for row in reader.rows(f"{TABLES[table].query} WHERE {table}.rowid = ?", key):
        values = TABLES[table].opened(row, reader.path)
        found = _READ[table](values) if table in _READ else None
        if isinstance(found, Record):
            what = repr(f"{found.kind} of {found.layer}:{found.index}")
            for blob in blobs_of(found):
                if mimes.get(blob.hash) != blob.mime:
                    yield f"{reader.path} is damaged: {what} shows blob {blob.hash}, which is not there whole"
