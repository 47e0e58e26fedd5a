# SPDX-License-Identifier: Apache-2.0
"""Opening: what is no atlas, what is hostile, what is read-only, what a killed writer left."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import toy_atlas

from pellucid.errors import NotAnAtlas, PellucidError, StorageError, UnknownName
from pellucid.store import Atlas, AtlasWriter
from pellucid.store.digest import seal
from pellucid.store.schema import SCHEMA

READ_ALL = """
import os, sys
from pellucid.errors import PellucidError
from pellucid.store import Atlas
if os.getuid() == 0: os.setuid(65534)
try:
    with Atlas.open(sys.argv[1]) as atlas:
        print(atlas.digest(), len(list(atlas.records())))
except PellucidError as error:
    print(type(error).__name__, error)
"""
KILLED_WRITER = """
import os, sys, toy_atlas
from pellucid.store import AtlasWriter
writer = AtlasWriter.open(sys.argv[1])
writer.commit_job("late", [toy_atlas.record("optimum", "conv1", 99)])
os.kill(os.getpid(), 9)
"""


def read_everything(path: Path) -> tuple[object, ...]:
    """All that an atlas can be asked, so that any damage in what is read shows itself."""
    with Atlas.open(path) as atlas:
        blobs = tuple((name, atlas.blob(name).data) for name in atlas.blob_hashes())
        about = (atlas.card, atlas.plan, atlas.layers(), atlas.kinds(), atlas.item_count, atlas.skipped())
        return (*about, tuple(atlas.records()), blobs, atlas.units("conv1"), atlas.journal(), atlas.digest())


def test_what_is_no_atlas(tmp_path):
    jpeg, text, empty = tmp_path / "cat.jpg", tmp_path / "notes.txt", tmp_path / "empty.atlas"
    jpeg.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + random.Random(0).randbytes(50_000))
    text.write_text("a note\n")
    empty.touch()
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    os.mkfifo(tmp_path / "pipe")
    said = {
        jpeg: "is not an atlas",
        text: "is not an atlas",
        empty: "is empty",
        other: "SQLite file of another program",
        tmp_path: "is a folder",
        tmp_path / "pipe": "no regular file",
    }
    for path, message in said.items():
        with pytest.raises(NotAnAtlas, match=message) as caught:
            Atlas.open(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_what_is_not_there(finished):
    with pytest.raises(UnknownName, match=r"does not exist; did you mean toy\.atlas"):
        Atlas.open(finished.with_name("toi.atlas"))
    with pytest.raises(UnknownName, match="pellucid survey"):
        Atlas.open("/no/such/folder/x.atlas")
    with pytest.raises(UnknownName):
        Atlas.open(finished / "inside")
    with pytest.raises(UnknownName):
        Atlas.open("nul\0byte.atlas")


def test_an_odd_path(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a b?mode=rw&x#y%41.atlas", "ünï.atlas", "-dash.atlas", "file:x.atlas"):
        shutil.copy(finished, name)
        with Atlas.open(name) as atlas:
            assert atlas.item_count == 30
        with AtlasWriter.open(name) as writer:
            writer.note({"event": "here"})
    assert not [path for path in os.listdir() if path.endswith(("-wal", "-shm"))]


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_newer_version_says_what_to_do(copy):
    change(
        copy,
        "UPDATE written_by SET version = '7.2.0'",
        "ALTER TABLE item ADD COLUMN x TEXT",
        "PRAGMA user_version = 9",
    )
    with pytest.raises(
        NotAnAtlas, match=r"by Pellucid 7\.2\.0 in atlas format 9; .* pip install --upgrade pellucid"
    ):
        Atlas.open(copy)
    with pytest.raises(NotAnAtlas, match="atlas format 9"):
        AtlasWriter.open(copy)
    change(copy, "DROP TABLE written_by")
    with pytest.raises(NotAnAtlas, match="by a newer Pellucid in atlas format 9"):
        Atlas.open(copy)


EVIL_SCHEMAS = {
    "view in place of a table": (
        "DROP TABLE job",
        "CREATE VIEW job(name) AS SELECT load_extension('/tmp/x')",
    ),
    "endless view": (
        "DROP TABLE journal",
        "CREATE VIEW journal AS WITH RECURSIVE n(seq, event) AS (SELECT 1, '{}' UNION ALL SELECT seq + 1, event FROM n) "
        "SELECT * FROM n",
    ),
    "trigger": ("CREATE TRIGGER evil AFTER INSERT ON record BEGIN DELETE FROM blob; END",),
    "virtual table": ("CREATE VIRTUAL TABLE extra USING fts5(text)",),
    "one more table": ("CREATE TABLE extra(a)",),
    "one more index": ("CREATE INDEX evil ON item(abs(id))",),
    "computed column": ("ALTER TABLE item ADD COLUMN evil TEXT AS (upper(name))",),
    "missing table": ("DROP TABLE state",),
    "missing column": ("ALTER TABLE journal DROP COLUMN event",),
    "not strict": (
        "DROP TABLE job",
        "CREATE TABLE job(name TEXT PRIMARY KEY)",
    ),
    "a name that is no Unicode": (
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET name = CAST(x'69a9' AS TEXT) WHERE name = 'item'",
    ),
    "forged schema text": (
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'rubbish' WHERE name = 'item'",
    ),
    "old version": ("PRAGMA user_version = 0",),
    "negative version": ("PRAGMA user_version = -1",),
    "another application": ("PRAGMA application_id = 7",),
}


@pytest.mark.parametrize("name", EVIL_SCHEMAS)
def test_an_evil_schema_is_refused(copy, name):
    change(copy, *EVIL_SCHEMAS[name])
    for open_ in (Atlas.open, AtlasWriter.open):
        with pytest.raises(NotAnAtlas):
            open_(copy)


def forge(path: Path, table: str, column: str, value: str, where: str = "1") -> None:
    """Put a value of any type into a column, as no SQLite with STRICT tables would."""
    connection = sqlite3.connect(path, isolation_level=None)
    strict = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    loose = strict.replace(" STRICT", "")
    for word in ("INTEGER NOT NULL", "TEXT NOT NULL", "BLOB NOT NULL"):
        loose = loose.replace(word, "")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (loose, table))
    connection.close()
    change(path, f"UPDATE {table} SET {column} = {value} WHERE {where}")
    change(
        path,
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_schema SET sql = '{strict}' WHERE name = '{table}'",
    )


@pytest.mark.parametrize("value", ["70", "1e999", "x'00ff'", "NULL", "CAST(x'ff80' AS TEXT)"])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("about", "json"),
        ("about", "seal"),
        ("layer", "ordinal"),
        ("layer", "name"),
        ("layer", "json"),
        ("kind", "name"),
        ("kind", "json"),
        ("item", "name"),
        ("item", "reason"),
        ("item", "seal"),
        ("record", "unit"),
        ("record", "json"),
        ("blob", "mime"),
        ("blob", "data"),
        ("journal", "event"),
    ],
)
def test_wrong_types_raise_only_not_an_atlas(copy, table, column, value):
    last = f"rowid = (SELECT max(rowid) FROM {table})"
    key = {"layer": "name = 'conv1'", "kind": "name = 'optimum'", "item": "id = 7"}.get(table, last)
    with AtlasWriter.open(copy) as writer:
        writer.note({"event": "x"})
    forge(copy, table, column, value, key)
    if (column, value) == ("unit", "NULL"):  # such a row is beyond every look-up, as if it had been deleted
        read_everything(copy)
    else:
        with pytest.raises(NotAnAtlas) as caught:
            read_everything(copy)
        assert "\n" not in str(caught.value)
    if table != "journal":
        with Atlas.open(copy) as atlas:
            assert atlas.verify()


def test_wrong_types_under_a_right_seal(copy):
    forge(copy, "item", "name", "x'00ff'", "id = 7")
    sealed = seal("item", 7, b"\x00\xff", "truncated JPEG")
    forge(copy, "item", "seal", f"x'{sealed.hex()}'", "id = 7")
    with Atlas.open(copy) as atlas, pytest.raises(NotAnAtlas, match="item '7:"):
        atlas.skipped()


EVIL_RECORDS = {
    "no JSON": "rubbish",
    "NaN": '{"figures":{"n":{"type":"number","value":NaN,"label":"","unit":""}},"provenance":null}',
    "infinity": '{"figures":{"n":{"type":"number","value":1e999,"label":"","unit":""}},"provenance":null}',
    "huge": '{"figures":{"n":{"type":"number","value":'
    + "9" * 400
    + ',"label":"","unit":""}},"provenance":null}',
    "huger": '{"figures":{"n":{"type":"number","value":'
    + "9" * 9000
    + ',"label":"","unit":""}},"provenance":null}',
    "half a pair": r'{"figures":{"n":{"type":"number","value":"\ud800","label":"","unit":""}},"provenance":null}',
    "half a pair as a name": r'{"figures":{"\ud800":{"type":"number","value":1,"label":"","unit":""}},"provenance":null}',
    "list for text": '{"figures":{"n":{"type":"number","value":1,"label":[],"unit":""}},"provenance":null}',
    "unknown figure": '{"figures":{"n":{"type":"hologram"}},"provenance":null}',
    "figure of no type": '{"figures":{"n":[]},"provenance":null}',
    "no figures": '{"provenance":null}',
    "list of figures": '{"figures":[],"provenance":null}',
    "number": "7",
    "deep": "[" * 100_000 + "]" * 100_000,
    "bad provenance": '{"figures":{},"provenance":{"net":1}}',
    "path for a hash": '{"figures":{"p":{"type":"picture","blob":"../../etc/passwd","mime":"image/png","width":1,'
    '"height":1,"alt":"","pixelated":false}},"provenance":null}',
    "header in a type": '{"figures":{"p":{"type":"picture","blob":"'
    + "a" * 64
    + '","mime":"text/html\\r\\nX: y",'
    '"width":1,"height":1,"alt":"","pixelated":false}},"provenance":null}',
    "text for a width": '{"figures":{"p":{"type":"picture","blob":"'
    + "a" * 64
    + '","mime":"image/png","width":"1",'
    '"height":1,"alt":"","pixelated":false}},"provenance":null}',
    "blobs of no kind": '{"figures":{"i":{"type":"items","items":[{"item":"a","response":1,"position":[],"box":null,'
    '"width":1,"height":1,"preview":[1,2]}]}},"provenance":null}',
    "blobs of three parts": '{"figures":{"i":{"type":"items","items":[{"item":"a","response":1,"position":[],"box":null,'
    '"width":1,"height":1,"preview":["a","b","c","d"]}]}},"provenance":null}',
}


@pytest.mark.parametrize("name", EVIL_RECORDS)
def test_an_evil_record_with_a_right_seal_raises_only_not_an_atlas(copy, name):
    """Whoever forges an atlas can seal it too: the seal is against accidents."""
    text = EVIL_RECORDS[name]
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute(
        "UPDATE record SET json = ?, seal = ? WHERE layer = 1 AND unit = 0 AND kind = 2",
        (text, seal("record", "conv1", 0, "optimum", text)),
    )
    connection.close()
    with Atlas.open(copy) as atlas:
        asked: list[Callable[[], object]] = [
            lambda: atlas.record("optimum", "conv1", 0),
            lambda: list(atlas.records()),
            atlas.digest,
        ]
        for ask in asked:
            with pytest.raises(NotAnAtlas) as caught:
                ask()
            assert "\n" not in str(caught.value)
        assert atlas.verify()


def test_flipped_bytes_are_never_shown(finished, tmp_path):
    """Any byte anywhere: the read is right, or it is refused, or at least `verify` tells."""
    truth = read_everything(finished)
    sound = finished.read_bytes()
    rnd = random.Random(3)
    path = tmp_path / "rotten.atlas"
    for _ in range(70):
        place = rnd.randrange(len(sound))
        rotten = bytearray(sound)
        rotten[place] ^= 1 << rnd.randrange(8)
        path.write_bytes(rotten)
        try:
            right = read_everything(path) == truth
        except (NotAnAtlas, UnknownName):  # unknown is a name that stands wrong in the index over it
            right = True
        if not right:
            with Atlas.open(path) as atlas:
                assert atlas.verify(), f"byte {place}"


@pytest.mark.slow
def test_mutated_bytes_never_end_the_process(finished, tmp_path):
    sound = finished.read_bytes()
    rnd = random.Random(4)
    path = tmp_path / "mutant.atlas"
    for _ in range(3000):
        mutant = bytearray(sound)
        for _ in range(rnd.choice((1, 3, 30))):
            start = rnd.randrange(len(mutant))
            if rnd.random() < 0.5:
                start = rnd.randrange(0, len(mutant), 8192) + rnd.randrange(
                    110
                )  # page headers are worth more
            piece = rnd.randbytes(rnd.choice((1, 2, 8)))
            mutant[start : start + len(piece)] = piece
        path.write_bytes(mutant)
        with suppress(NotAnAtlas, StorageError, UnknownName):
            read_everything(path)
        with suppress(NotAnAtlas, StorageError), Atlas.open(path) as atlas:
            assert all(line.isprintable() for line in atlas.verify())


@pytest.mark.parametrize("side_files", ["none", "killed", "killed without shared memory"])
def test_a_read_only_folder(finished, shared_copy, run_child, side_files):
    copy = shared_copy
    expected = read_everything(finished)[-1]
    if side_files != "none":
        assert run_child(KILLED_WRITER, copy).returncode == -9
    if side_files == "killed without shared memory":
        Path(f"{copy}-shm").unlink()
    for path in copy.parent.iterdir():
        path.chmod(0o444)
    copy.parent.chmod(0o555)
    said = run_child(READ_ALL, copy)
    if side_files == "none":
        assert said.stdout.split() == [expected, "60"], said.stderr
    elif side_files == "killed":
        assert said.stdout.split()[1:] == ["61"], said.stderr
    else:
        assert said.stdout.startswith("StorageError"), said
        assert "copy.atlas-wal to a folder that can be written" in said.stdout


@pytest.mark.parametrize("seen_at_work", [True, False])
def test_a_reader_in_a_read_only_folder_notices_a_writer(finished, tmp_path, seen_at_work):
    """The folder is writable for one and not for the other: the immutable connection must not stay."""
    path = Path(shutil.copy(finished, tmp_path / "copy.atlas"))
    with Atlas.open(path) as atlas:
        reader = atlas._reader
        reader._connection.close()
        reader._connection, reader._stamp = reader._checked("ro&immutable=1"), reader._now()
        assert atlas.record("optimum", "conv1", 99) is None
        with AtlasWriter.open(path) as writer:
            writer.commit_job("late", [toy_atlas.record("optimum", "conv1", 99)])
            if seen_at_work:
                assert atlas.record("optimum", "conv1", 99) is not None
        assert atlas.record("optimum", "conv1", 99) is not None
        assert atlas.verify() == []


def test_what_a_killed_writer_left_is_read_and_tidied(copy, run_child):
    assert run_child(KILLED_WRITER, copy).returncode == -9
    assert Path(f"{copy}-wal").exists()
    with Atlas.open(copy) as atlas:
        assert atlas.record("optimum", "conv1", 99) == toy_atlas.record("optimum", "conv1", 99)
    assert not Path(f"{copy}-wal").exists()


def test_a_file_that_may_not_be_read(shared_copy, run_child):
    shared_copy.chmod(0o000)
    assert "may not be read" in run_child(READ_ALL, shared_copy).stdout


def test_a_lookup_that_does_not_end_is_cut_off(copy, monkeypatch):
    with Atlas.open(copy) as atlas:
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        with pytest.raises(NotAnAtlas, match="does not end"):
            atlas._reader.rows(endless, limit_s=0.1)
        assert atlas.item_count == 30


def test_a_reader_cannot_write(copy):
    with Atlas.open(copy) as atlas, pytest.raises(StorageError, match="cannot be written"):
        atlas._reader.rows("DELETE FROM record")


def test_opening_runs_nothing_and_is_quick_without_torch(finished, child_env):
    code = "import sys; sys.modules['torch'] = None; from pellucid.store import Atlas\n"
    code += "print(Atlas.open(sys.argv[1]).item_count)"
    said = subprocess.run(
        [sys.executable, "-c", code, finished], env=child_env, capture_output=True, check=True
    )
    assert said.stdout.split() == [b"30"]


def test_the_schema_has_only_strict_tables():
    assert SCHEMA.count("CREATE TABLE") == SCHEMA.count(") STRICT;") == SCHEMA.count("CREATE")
    assert issubclass(NotAnAtlas, PellucidError)
