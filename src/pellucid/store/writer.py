# SPDX-License-Identifier: Apache-2.0
"""Writing an atlas: one process at a time, one transaction per job, so that a kill loses no finished job."""

from __future__ import annotations

import itertools
import operator
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pellucid.errors import InputError, StorageError, UnknownName
from pellucid.records import Kind, Layer, Record
from pellucid.store.atlas import Atlas
from pellucid.store.content import TABLES
from pellucid.store.creation import create as create_atlas
from pellucid.store.creation import remove as remove_atlas
from pellucid.store.digest import seal
from pellucid.store.faults import file_errors, sqlite_errors
from pellucid.store.fit import fits
from pellucid.store.incoming import Incoming
from pellucid.store.lock import WriterLock
from pellucid.store.mount import refuse_network_folder
from pellucid.store.reader import Reader, connect, real_path
from pellucid.store.record_json import json_text
from pellucid.store.schema import check_schema

__all__ = ["AtlasWriter"]

_BATCH = 500  # records held in memory at once
_LARGEST_STATE = 1_000_000_000  # bytes; SQLite's own limit for one value
_LAST_WAIT_MS = 500  # how long closing waits for a reader before it leaves the log beside the atlas


class AtlasWriter(Atlas):
    """The one writer of an atlas, who can read it as well. Use it as a context manager, or call `close`.

    Each method that changes something is one transaction: it has happened wholly or not at all, and is on the
    disk when the method returns.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: WriterLock) -> None:
        super().__init__(Reader(path, connection))
        self._connection = connection
        self._writer_lock = lock
        self._pid = os.getpid()

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True) -> AtlasWriter:
        """Become the writer of the atlas at `path`; with `create`, make it where nothing is.

        Raises
        ------
        AtlasInUse : another process writes it; the message names its id and host
        NotAnAtlas : something else is at `path`; it is left as it is
        UnknownName : there is nothing, and `create` is False; or not even the folder
        NoSpace, StorageError : the disk is full, failed, or is a network disk
        """
        path = Path(path)
        with file_errors(path):
            place = real_path(path)  # two names of one file must meet at one lock
            if place.exists() or not create:
                Atlas.open(path).close()
            elif not place.parent.is_dir():
                raise UnknownName(f"{path} cannot be made: there is no folder {place.parent}")
            refuse_network_folder(place.parent)
            lock = WriterLock(place)
            try:
                if not place.exists():
                    create_atlas(place)
                return cls(path, _writable(place), lock)
            except BaseException:
                lock.release()
                raise

    def close(self) -> None:
        """Leave one clean file and let the next writer in. Calling it again does nothing."""
        if self._pid != os.getpid():
            return  # a forked child has no part in its parent's atlas
        try:
            # Tidying is a courtesy: what was committed is safe in the log, also on a full disk.
            with suppress(sqlite3.Error):
                self._connection.execute(f"PRAGMA busy_timeout = {_LAST_WAIT_MS}")
                # A script, because `execute` takes one step of this statement: one page.
                self._connection.executescript("PRAGMA incremental_vacuum")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._connection.close()
            self._writer_lock.release()

    def discard(self) -> None:
        """Delete the atlas, and let the next writer in."""
        self._connection.close()
        try:
            with file_errors(self.path):
                remove_atlas(real_path(self.path))
        finally:
            self._writer_lock.release()

    def __repr__(self) -> str:
        return f"AtlasWriter({str(self.path)!r})"

    # What the atlas is about

    def put_card(self, card: Mapping[str, Any]) -> None:
        """Keep the net's card: JSON values under names. A second call replaces the first."""
        self._put_about("card", card)

    def put_plan(self, plan: Mapping[str, Any]) -> None:
        """Keep the plan of the work, before it begins. A plan may grow: a second call replaces the first."""
        self._put_about("plan", plan)

    def _put_about(self, name: str, value: Mapping[str, Any]) -> None:
        text = json_text(dict(value), f"the {name}")
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO about VALUES (?, ?, ?)", (name, seal("about", name, text), text)
            )

    def put_layers(self, layers: Sequence[Layer]) -> None:
        """Keep the net's layers, in call order.

        Raises
        ------
        InputError : a name stands twice, or a layer that has records is missing
        """
        self._put_listed("layer", layers)

    def put_kinds(self, kinds: Sequence[Kind]) -> None:
        """Keep the kinds of evidence, in the order of the page. Later calls may add some.

        Raises
        ------
        InputError : a name stands twice, or a kind that has records is missing
        """
        self._put_listed("kind", kinds)

    def _put_listed(self, table: str, values: Sequence[Layer] | Sequence[Kind]) -> None:
        for value in values:
            if not fits(value, type(value)):
                raise InputError(f"{table} {value.name!r} holds a value of a wrong type: {value}")
        texts = {value.name: json_text(value.to_json(), f"{table} {value.name!r}") for value in values}
        if len(texts) < len(values):
            raise InputError(
                f"the list of {len(values)} {table}s names only {len(texts)}: each name may stand once"
            )
        with self._transaction() as db:
            used = db.execute(f"SELECT name FROM {table} WHERE id IN (SELECT {table} FROM record)").fetchall()
            if lost := [name for (name,) in used if name not in texts]:
                raise InputError(
                    f"{self.path} has records about {table} {lost[0]!r}, which the new list leaves out"
                )
            old = db.execute(f"SELECT name FROM {table}").fetchall()
            db.executemany(f"DELETE FROM {table} WHERE name = ?", [row for row in old if row[0] not in texts])
            db.executemany(
                f"INSERT INTO {table}(ordinal, name, seal, json) VALUES (?, ?, ?, ?) ON CONFLICT(name) "
                "DO UPDATE SET ordinal = excluded.ordinal, seal = excluded.seal, json = excluded.json",
                [(n, name, seal(table, n, name, text), text) for n, (name, text) in enumerate(texts.items())],
            )

    def put_items(self, names: Collection[str]) -> None:
        """Keep the names of the data's items; an item's row number is its id.

        The same list again changes nothing; another list replaces it, and forgets which items were skipped. The names are
        gone through one by one, so that a million of them take no memory here.
        """
        with self._transaction() as db:
            held = (name for (name,) in db.execute("SELECT name FROM item ORDER BY id"))
            if all(one == other for one, other in itertools.zip_longest(held, names)):
                return
            db.execute("DELETE FROM item")
            db.executemany(
                "INSERT INTO item VALUES (?, ?, NULL, ?)", map(_item_row, itertools.count(), names)
            )

    def skip(self, problems: Iterable[tuple[int, str]]) -> None:
        """Mark items, by row number, as skipped, each with the reason in one line.

        Raises
        ------
        UnknownName : there is no item of that row
        """
        with self._transaction() as db:
            self._skip(db, problems)

    def _skip(self, db: sqlite3.Connection, problems: Iterable[tuple[int, str]]) -> None:
        for row, reason in problems:
            found = db.execute("SELECT name FROM item WHERE id = ?", (operator.index(row),)).fetchone()
            if found is None:
                raise UnknownName(
                    f"there is no item {row}; {self.path} has {self.item_count}, counted from 0"
                )
            said = reason.encode("utf-8", "backslashreplace").decode()  # it may quote a file's broken name
            sealed = seal("item", operator.index(row), found[0], said)
            db.execute(
                "UPDATE item SET reason = ?, seal = ? WHERE id = ?", (said, sealed, operator.index(row))
            )

    # The work

    def commit_job(
        self, job: str, records: Iterable[Record] = (), *, skipped: Iterable[tuple[int, str]] = ()
    ) -> None:
        """Keep the records of a job with their blobs, and mark the job as done, in one transaction.

        A record of the same kind and unit replaces the one before; the same job twice leaves the same
        content. A blob without bytes must be in the atlas already.

        Parameters
        ----------
        job : its name in the plan
        records : taken one batch at a time; an error that it raises leaves the atlas as it was
        skipped : row number and reason of items that could not be read, as for `skip`

        Raises
        ------
        UnknownName : a record's layer or kind was not put before
        InputError : a record holds NaN or a wrong type, or a blob's bytes are not those of its hash
        NoSpace, StorageError : nothing of the job was kept
        """
        with self._transaction() as db:
            incoming = Incoming(db, self.path, self.kinds())
            source = iter(records)
            while batch := list(itertools.islice(source, _BATCH)):
                incoming.take(batch)
            self._skip(db, skipped)
            db.execute("INSERT INTO job VALUES (?) ON CONFLICT DO NOTHING", (job,))

    def done_jobs(self) -> set[str]:
        """The names of all jobs that were committed."""
        return {name for (name,) in self._reader.rows("SELECT name FROM job")}

    def save_state(self, key: str, data: bytes) -> None:
        """Keep the partial result of unfinished work under `key`, in place of an earlier one; no content."""
        if len(data) > _LARGEST_STATE - 4096:
            raise InputError(
                f"state {key!r} has {len(data)} bytes; at most {_LARGEST_STATE - 4096} can be kept as one"
            )
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (key, seal("state", key, data), data))

    def load_state(self, key: str) -> bytes | None:
        """What `save_state` kept under `key`, or None.

        Raises
        ------
        NotAnAtlas : it has changed since it was written
        """
        table = TABLES["state"]
        rows = self._reader.rows(f"{table.query} WHERE key = ?", key)
        return bytes(table.opened(rows[0], self.path)[1]) if rows else None

    def drop_state(self, key: str) -> None:
        """Forget the partial result under `key`, if there is one."""
        with self._transaction() as db:
            db.execute("DELETE FROM state WHERE key = ?", (key,))

    def note(self, event: Mapping[str, Any]) -> None:
        """Add a line to the journal: what happened, for people; no part of the content."""
        text = json_text(dict(event), "a note")
        with self._transaction() as db:
            db.execute("INSERT INTO journal(event) VALUES (?)", (text,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._pid != os.getpid():
            raise StorageError(
                f"{self.path} is written by process {self._pid}; a process forked from it cannot"
            )
        with self._reader.turn, sqlite_errors(self.path):
            if self._connection.in_transaction:
                raise RuntimeError("records that are being committed may not write to their atlas themselves")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have rolled it back already
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise


def _item_row(row: int, name: str) -> tuple[int, str, bytes]:
    if not fits(name, str):
        raise InputError(f"item {name!r} has a name that is no Unicode text; rename the file")
    return row, name, seal("item", row, name, None)


def _writable(path: Path) -> sqlite3.Connection:
    if not os.access(path, os.W_OK):  # SQLite would notice later, when work has been done
        raise StorageError(f"{path} cannot be written: permission denied")
    connection = connect(path, "rw")
    try:
        check_schema(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
        # A commit is on the disk when it returns, whether the power fails or not.
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise StorageError(f"{path} is on a file system without shared memory; write it on a local disk")
    except BaseException:
        connection.close()
        raise
    return connection
