# SPDX-License-Identifier: Apache-2.0
"""What SQLite and the system say when something fails, in Pellucid's own errors."""

from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid.errors import FULL, AtlasInUse, NoSpace, NotAnAtlas, PellucidError, StorageError

__all__ = ["file_errors", "one_line", "sqlite_errors", "verified"]

_WRITE = sqlite3.SQLITE_IOERR_WRITE
_DAMAGED = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_ERROR}
)


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises in the block into Pellucid's errors, each naming `path`.

    A misuse of the connection (a closed one, a broken constraint) is a bug of the caller and passes as it is.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise
    except sqlite3.Error as error:
        raise _from_sqlite(path, error) from error


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """As `sqlite_errors`, with what the system and the decoding of text raise: for blocks free of callers' code."""
    try:
        with sqlite_errors(path):
            yield
    except PellucidError:
        raise
    except UnicodeDecodeError as error:  # of a name in a forged file, even when SQLite only quotes it
        raise NotAnAtlas(f"{path} is damaged: a text in it is no Unicode; restore it from a copy") from error
    except OSError as error:
        raise _from_system(path, error) from error


_SAYS_WHERE = "`pellucid store verify` says where, a copy mends it"


def verified(said: str) -> str:
    """What is said of damage, without the advice to verify: for what verifying itself finds."""
    return said.replace(_SAYS_WHERE, "restore it from a copy")


def one_line(text: str) -> str:
    """`text` without line ends and control characters: SQLite quotes names out of a file that may be hostile."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]


def _from_sqlite(path: Path, error: sqlite3.Error) -> PellucidError:
    code = getattr(error, "sqlite_errorcode", None)
    # Without a code it is the sqlite3 module itself that could not read a value, as text that is no UTF-8.
    main = sqlite3.SQLITE_CORRUPT if code is None else code & 0xFF
    said = f"{one_line(str(error))} ({getattr(error, 'sqlite_errorname', 'unreadable value')})"
    if main == sqlite3.SQLITE_NOTADB:
        return NotAnAtlas(f"{path} is not an atlas; an atlas is the file that `pellucid survey` writes")
    if main in _DAMAGED:
        return NotAnAtlas(f"{path} is damaged: {said}; {_SAYS_WHERE}")
    if main == sqlite3.SQLITE_INTERRUPT:
        return NotAnAtlas(f"{path} is damaged: a look-up in it does not end; restore it from a copy")
    if main in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return AtlasInUse(f"{path} is locked by another program; close that program and try again")
    if main in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StorageError(f"{path} cannot be written: {said}")
    if main == sqlite3.SQLITE_FULL or (main == sqlite3.SQLITE_IOERR and _out_of_space(path, code == _WRITE)):
        return _no_space(path)
    return StorageError(f"the disk answered with an error on {path}: {said}; what was committed is kept")


def _from_system(path: Path, error: OSError) -> PellucidError:
    if error.errno in FULL:
        return _no_space(path)
    return StorageError(f"{path}: {error.strerror or error}")


def _no_space(path: Path) -> NoSpace:
    return NoSpace(
        f"no space left to write {path}; what was committed is kept: free some and run the same again"
    )


def _out_of_space(path: Path, writing: bool) -> bool:
    """Whether an error was a full disk: SQLite itself tells of ENOSPC only, not of quotas and limits."""
    try:
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.write(bytes(2**16))
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in FULL
    # The disk took that, so what it refused went beyond the size that files of this process may have.
    return writing and resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
