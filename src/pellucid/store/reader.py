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
from pellucid.store.faults import file_errors
from pellucid.store.schema import check_schema

__all__ = ["Reader", "connect", "real_path"]

# For one look-up, in the thread's own time, so that a slow disk is no damage: on a sound file it takes microseconds,
# on a forged one it need not end.
_TIME_LIMIT_S = 1.5
_STEPS_BETWEEN_LOOKS = 200_000  # of SQLite's machine, some milliseconds
_NOTHING_CAN_BE_MADE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
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


def real_path(path: Path) -> Path:
    """`path` without links, whether or not anything is there."""
    try:
        return Path(os.path.realpath(path))
    except ValueError as error:
        raise UnknownName(f"{str(path)!r} is no path of a file: {error}") from error


def _refuse_other_things(path: Path) -> None:
    """Refuse what cannot be an atlas before anything is opened.

    Only `stat` will do: to open and close the file beside an open connection drops SQLite's locks (POSIX).
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = "`pellucid survey MODEL DATA -o FILE` makes an atlas"
        if path.parent.is_dir() and (near := sorted(other.name for other in path.parent.glob("*.atlas"))):
            hint = did_you_mean(path.name, near)
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
        self.turn = threading.RLock()  # one question at a time, or one writer's transaction
        self._log = Path(f"{real_path(path)}-wal")
        self._deadline = math.inf
        self._stamp: tuple[int, ...] | None = None  # of a file that was opened as one that nobody writes
        self._lent = connection is not None
        with file_errors(path):
            self._connection = connection or self._opened()

    def _opened(self) -> sqlite3.Connection:
        _refuse_other_things(self.path)
        try:
            return self._checked("ro")
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code not in _NOTHING_CAN_BE_MADE:
                raise
            # SQLite cannot make the memory that it shares with a writer. Without a writer's log the file is
            # whole in itself.
            if self._has_log():
                raise StorageError(
                    f"{self.path} was left by an interrupted writer in a folder that is read-only here; copy "
                    f"it with {self._log.name} to a folder that can be written, and open it there"
                ) from error
            self._stamp = self._now()
            return self._checked("ro&immutable=1")

    def _has_log(self) -> bool:
        return self._log.exists() and self._log.stat().st_size > 0

    def _now(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _checked(self, mode: str) -> sqlite3.Connection:
        connection = connect(self.path, mode)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
            self._deadline = time.thread_time() + _TIME_LIMIT_S
            check_schema(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_late(self) -> bool:
        return time.thread_time() > self._deadline

    def rows(self, query: str, *values: Any, limit_s: float = _TIME_LIMIT_S) -> list[tuple[Any, ...]]:
        """All rows that answer `query`. Broken Unicode, or a number beyond 64 bits, matches nothing."""
        with self.turn, file_errors(self.path):
            if self._stamp is not None and (self._has_log() or self._now() != self._stamp):
                self._connection.close()  # a writer has come after all
                self._connection, self._stamp = self._checked("ro"), None
            self._deadline = time.thread_time() + limit_s
            try:
                return self._connection.execute(query, values).fetchall()
            except (UnicodeEncodeError, OverflowError):
                return []

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all questions in the block see one state, whatever a writer does meanwhile."""
        with self.turn:
            if self._connection.in_transaction:
                yield
                return
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
        if self._stamp is None:
            self._sweep()

    def _sweep(self) -> None:
        """Take away the files that reading leaves beside the atlas: only a connection that may write can.

        SQLite does it when the last connection closes, and knows whether it is the last. What a killed writer
        left in the log then moves into the file.
        """
        with suppress(OSError, sqlite3.Error):
            if self._log.exists():
                connection = connect(self.path, "rw")
                try:
                    connection.execute("PRAGMA user_version").fetchone()
                finally:
                    connection.close()
