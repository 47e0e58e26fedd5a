# SPDX-License-Identifier: Apache-2.0
"""Records on their way in: what is checked, and turned into rows, before anything of a job is kept."""

from __future__ import annotations

import hashlib
import operator
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.figures import Blob
from pellucid.records import Kind, Record
from pellucid.store.digest import seal
from pellucid.store.record_json import blobs_of, record_text

__all__ = ["Incoming"]

_UPSERT = (
    "INSERT INTO record(layer, unit, kind, seal, json) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT(layer, unit, kind) DO UPDATE SET seal = excluded.seal, json = excluded.json"
)


class Incoming:
    """The door for the records of one transaction on `db`."""

    def __init__(self, db: sqlite3.Connection, path: Path, kinds: Sequence[Kind]) -> None:
        self._db = db
        self._path = path
        self._layers: dict[str, int] = dict(db.execute("SELECT name, id FROM layer").fetchall())
        self._kinds: dict[str, int] = dict(db.execute("SELECT name, id FROM kind").fetchall())
        self._scopes = {kind.name: kind.scope for kind in kinds}
        self._mimes: dict[str, str] = {}  # of the blobs that this transaction has seen

    def take(self, records: Sequence[Record]) -> None:
        """Keep the blobs and the rows of these records.

        Raises
        ------
        UnknownName : no such layer or kind was put
        InputError : a record or a blob is not sound
        """
        rows = [self._row(record) for record in records]
        for record in records:
            for blob in blobs_of(record):
                if self._mimes.get(blob.hash) != blob.mime:
                    self._mimes[blob.hash] = self._keep(blob)
        self._db.executemany(_UPSERT, rows)

    def _row(self, record: Record) -> tuple[int, int, int, bytes, str]:
        if record.layer not in self._layers:
            raise UnknownName(
                f"{self._path} has no layer {record.layer!r}; {did_you_mean(record.layer, self._layers)}"
            )
        if record.kind not in self._kinds:
            raise UnknownName(
                f"{self._path} has no kind {record.kind!r}; {did_you_mean(record.kind, self._kinds)}"
            )
        scope = self._scopes[record.kind]
        if (record.index is None) != (scope == "layer"):
            raise InputError(f"{record.kind} is about a {scope}, and a record of it has index {record.index}")
        unit = -1 if record.index is None else operator.index(record.index)
        if record.index is not None and unit < 0:
            raise InputError(f"a record of {record.kind} in {record.layer} has index {unit}; they run from 0")
        text = record_text(record)
        sealed = seal("record", record.layer, unit, record.kind, text)
        return self._layers[record.layer], unit, self._kinds[record.kind], sealed, text

    def _keep(self, blob: Blob) -> str:
        """Store a blob unless it is there, and return its type."""
        found = self._db.execute("SELECT mime FROM blob WHERE hash = ?", (blob.hash,)).fetchone()
        if found is None:
            if blob.data is None:
                raise InputError(
                    f"blob {blob.hash} comes by name only, and {self._path} does not hold its bytes"
                )
            if hashlib.sha256(blob.data).hexdigest() != blob.hash:
                raise InputError(f"blob {blob.hash} has bytes of another SHA-256; make it with Blob.of")
            row = (blob.hash, blob.mime, seal("blob", blob.hash, blob.mime), blob.data)
            self._db.execute("INSERT INTO blob VALUES (?, ?, ?, ?)", row)
        elif found[0] != blob.mime:
            raise InputError(f"blob {blob.hash} is {blob.mime} here and {found[0]} in {self._path}")
        return blob.mime
