# SPDX-License-Identifier: Apache-2.0
"""An empty atlas, made whole or not at all."""

from __future__ import annotations

import importlib.metadata
import os
from contextlib import closing, suppress
from pathlib import Path

from pellucid.store.reader import connect
from pellucid.store.schema import APPLICATION_ID, SCHEMA, SCHEMA_NUMBER

__all__ = ["create", "remove"]

_PAGE_BYTES = (
    8192  # records of 1 to 4 KB and blobs of 10 to 60 KB: smaller file and faster look-ups than with 4096
)
_ENDS = ("-journal", "-wal", "-shm")  # SQLite's files beside a file


def create(path: Path) -> None:
    """Make an empty atlas at `path`, where nothing is. The caller holds the writer's lock.

    It is built under a hidden name and renamed, so that a reader or a kill never meets half a schema.
    """
    fresh = path.with_name(f".{path.name}.new")
    remove(fresh)
    try:
        fresh.touch(exist_ok=False)
        _build(fresh)
        # A log without its atlas, as after `rm X.atlas`, would be replayed into the new one.
        for end in _ENDS:
            Path(f"{path}{end}").unlink(missing_ok=True)
        fresh.rename(path)
    except BaseException:
        with suppress(OSError):
            remove(fresh)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _build(path: Path) -> None:
    with closing(connect(path, "rw")) as connection:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute(
            "PRAGMA auto_vacuum = INCREMENTAL"
        )  # dropped states give their space back at the end
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_NUMBER}")
        connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        connection.execute("INSERT INTO written_by VALUES (?)", (_own_version(),))
        connection.execute("PRAGMA journal_mode = WAL")


def _own_version() -> str:
    try:
        return importlib.metadata.version("pellucid")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # run from a source tree that is not installed


def remove(path: Path) -> None:
    """Delete an atlas with the files that SQLite keeps beside it. The caller holds the writer's lock."""
    for end in ("", *_ENDS):
        Path(f"{path}{end}").unlink(missing_ok=True)
