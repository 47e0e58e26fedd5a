# SPDX-License-Identifier: Apache-2.0
"""The tables of an atlas, and the check that a file has exactly these and nothing that could run."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

from pellucid.errors import NotAnAtlas

__all__ = ["APPLICATION_ID", "SCHEMA", "SCHEMA_NUMBER", "check_schema"]

APPLICATION_ID = int.from_bytes(
    b"Pell", "big"
)  # in the file's header: `file X.atlas` and SQLite tools show it
SCHEMA_NUMBER = 1

# The first six tables are content: they make the digest. The last three serve the work and do not enter it.
# written_by keeps its form in every later schema, so that an old Pellucid can name the version it would need.
# A seal is eight bytes of SHA-256 over the row, names in place of ids: bit rot does not pass for evidence.
SCHEMA = """
CREATE TABLE written_by(version TEXT NOT NULL) STRICT;
CREATE TABLE about(name TEXT PRIMARY KEY, seal BLOB NOT NULL, json TEXT NOT NULL) STRICT;
CREATE TABLE layer(id INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,
    seal BLOB NOT NULL, json TEXT NOT NULL) STRICT;
CREATE TABLE kind(id INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,
    seal BLOB NOT NULL, json TEXT NOT NULL) STRICT;
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, reason TEXT, seal BLOB NOT NULL) STRICT;
CREATE TABLE record(layer INTEGER NOT NULL REFERENCES layer(id), unit INTEGER NOT NULL,
    kind INTEGER NOT NULL REFERENCES kind(id), seal BLOB NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY(layer, unit, kind)) STRICT;
CREATE TABLE blob(hash TEXT PRIMARY KEY, mime TEXT NOT NULL, seal BLOB NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE job(name TEXT PRIMARY KEY) STRICT;
CREATE TABLE state(key TEXT PRIMARY KEY, seal BLOB NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE journal(seq INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;
"""

_LISTING = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is another program's, of a newer Pellucid, or whose tables are not exactly ours.

    Views, triggers, virtual tables and computed columns are the ways by which a foreign file runs something;
    an exact comparison leaves none of them.

    Raises
    ------
    NotAnAtlas : with what the file is, and what would read it
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise NotAnAtlas(f"{path} is an SQLite file of another program, not an atlas")
    number = connection.execute("PRAGMA user_version").fetchone()[0]
    if number > SCHEMA_NUMBER:
        raise NotAnAtlas(
            f"{path} was written by {_writer(connection)} in atlas format {number}; this one reads up to format "
            f"{SCHEMA_NUMBER}: pip install --upgrade pellucid"
        )
    if number < 1 or connection.execute(_LISTING).fetchall() != _own_tables():
        raise NotAnAtlas(
            f"{path} is no sound atlas: its tables are not those of format {SCHEMA_NUMBER}; use a copy"
        )


def _writer(connection: sqlite3.Connection) -> str:
    try:
        row = connection.execute("SELECT version FROM written_by").fetchone()
    except sqlite3.Error:
        row = None
    known = row is not None and isinstance(row[0], str) and len(row[0]) < 40 and row[0].isprintable()
    return f"Pellucid {row[0]}" if known else "a newer Pellucid"


@cache
def _own_tables() -> list[tuple[object, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SCHEMA)
        return connection.execute(_LISTING).fetchall()
    finally:
        connection.close()
