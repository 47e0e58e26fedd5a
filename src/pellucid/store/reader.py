# SPDX-License-Identifier: Apache-2.0
"""A connection that only reads: checked when opened, bounded in time, safe to share between threads."""

from __future__ import annotations

import math
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pellucid.errors import NotAnAtlas, StorageError, UnknownName, did_you_mean
from pellucid.store.faults import opening_errors, sqlite_errors
from pellucid.store.schema import check_schema

__all__ = ["Reader", "connect", "plain_file"]

_TIME_LIMIT_S = (
    1.5  # for one look-up: on a sound file they take microseconds, on a forged one they need not end
)
_STEPS_BETWEEN_LOOKS = 200_000  # of SQLite's machine, some milliseconds
_GUARDS = ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY")


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A guarded connection; `mode` is `ro`, `rw`, or `ro&immutable=1` for a file that nobody writes."""
    place = quote(os.fsencode(path.absolute()))
    connection = sqlite3.connect(
        f"file:{place}?mode={mode}", uri=True, timeout=10, isolation_level=None, check_same_thread=False
    )
    for guard in _GUARDS:
        connection.execute(f"PRAGMA {guard}")
    return connection


def plain_file(path: Path) -> None:
    """Refuse what cannot be an atlas before anything is opened.

    Only `stat` will do: to open and close the file beside an open connection drops SQLite's locks (POSIX).
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        atlases = sorted(other.name for other in path.parent.glob("*.atlas")) if path.parent.is_dir() else []
        hint = (
            did_you_mean(path.name, atlases)
            if atlases
            else "`pellucid survey MODEL DATA -o FILE` makes an atlas"
        )
        raise UnknownName(f"{path} does not exist; {hint}") from error
    if stat.S_ISDIR(found.st_mode):
        raise NotAnAtlas(f"{path} is a folder; an atlas is one file")
    if not stat.S_ISREG(found.st_mode) or found.st_size == 0:
        what = "empty" if stat.S_ISREG(found.st_mode) else "no regular file"
        raise NotAnAtlas(f"{path} is {what}; an atlas is the file that `pellucid survey` writes")
    if not os.access(path, os.R_OK):
        raise StorageError(f"{path} may not be read: permission denied")


class Reader:
    """Questions to one atlas file.

    Without a connection it opens its own, read-only; a writer lends it the writing one.

    Raises
    ------
    UnknownName : there is no such file
    NotAnAtlas : it is no atlas, is damaged, or is of a newer version
    StorageError : it may not be read, or the disk failed
    """

    def __init__(self, path: Path, connection: sqlite3.Connection | None = None) -> None:
        self.path = path
        self._log = Path(f"{path}-wal")
        self._lock = threading.RLock()
        self._deadline = math.inf
        self._immutable = False
        self._lent = connection is not None
        with opening_errors(path):
            self._connection = connection or self._opened()

    def _opened(self) -> sqlite3.Connection:
        plain_file(self.path)
        try:
            return self._checked("ro")
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                raise
            # The folder cannot be written, so SQLite cannot share memory with a writer there. Without a
            # writer's log the file is whole in itself.
            if self._log.exists() and self._log.stat().st_size > 0:
                raise StorageError(
                    f"{self.path} was left by an interrupted writer in a folder that is read-only here; copy "
                    f"it with {self._log.name} to a folder that can be written, and open it there"
                ) from error
            self._immutable = True
            return self._checked("ro&immutable=1")

    def _checked(self, mode: str) -> sqlite3.Connection:
        connection = connect(self.path, mode)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
            check_schema(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def rows(self, query: str, *values: Any, limit_s: float = _TIME_LIMIT_S) -> list[tuple[Any, ...]]:
        """All rows that answer `query`. Broken Unicode, or a number beyond 64 bits, matches nothing."""
        with self._lock, sqlite_errors(self.path):
            if self._immutable and self._log.exists():
                self._connection.close()  # a writer has come: from now on its log must be read too
                self._connection, self._immutable = self._checked("ro"), False
            self._deadline = time.monotonic() + limit_s
            try:
                return self._connection.execute(query, values).fetchall()
            except (UnicodeEncodeError, OverflowError):
                return []

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all questions in the block see one state, whatever a writer does meanwhile."""
        with self._lock:
            self.rows("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self.rows("ROLLBACK")  # nothing was written, and COMMIT can fail on a damaged file

    def close(self) -> None:
        """Close the connection, unless it is lent."""
        if self._lent:
            return
        self._connection.close()
        if not self._immutable:
            self._sweep()

    def _sweep(self) -> None:
        """Take away the files that reading leaves beside the atlas: only a connection that may write can.

        SQLite does it when the last connection closes, and knows whether it is the last. What a killed writer left in
        the log then moves into the file.
        """
        with suppress(OSError, sqlite3.Error):
            if self._log.exists():
                connection = connect(self.path, "rw")
                try:
                    connection.execute("PRAGMA user_version").fetchone()
                finally:
                    connection.close()
