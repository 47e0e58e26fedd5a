# SPDX-License-Identifier: Apache-2.0
import shutil
import sqlite3
from pathlib import Path

import pytest
import toy_atlas

from pellucid.store import Atlas, AtlasWriter, creation
from pellucid.store.schema import APPLICATION_ID


def test_the_header_names_the_format(tmp_path):
    path = tmp_path / "new.atlas"
    AtlasWriter.open(path).close()
    head = path.read_bytes()[:100]
    assert head[68:72] == b"Pell"
    assert int.from_bytes(head[60:64], "big") == 1
    assert APPLICATION_ID == 0x50656C6C


def test_the_log_of_a_deleted_atlas_is_not_replayed_into_a_new_one(tmp_path, run_child):
    path = toy_atlas.make(tmp_path / "toy.atlas", 10)
    code = """
import os, sys
from pellucid.store import AtlasWriter
writer = AtlasWriter.open(sys.argv[1])
writer.put_card({"name": "the dead"})
os.kill(os.getpid(), 9)
"""
    assert run_child(code, path).returncode == -9
    path.unlink()
    assert Path(f"{path}-wal").stat().st_size > 0
    with AtlasWriter.open(path) as writer:
        assert (writer.card, writer.layers(), writer.verify()) == ({}, [], [])
        toy_atlas.fill(writer, 10)
        assert writer.card == toy_atlas.CARD


def test_a_failed_creation_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(creation, "SCHEMA", creation.SCHEMA + "RUBBISH;")
    with pytest.raises(Exception, match="syntax error"):
        AtlasWriter.open(tmp_path / "new.atlas")
    assert [path.name for path in tmp_path.iterdir()] == [".new.atlas.lock"]


def test_leftovers_of_a_killed_creation_are_taken_away(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / ".new.atlas.new").symlink_to(precious)
    (tmp_path / ".new.atlas.new-journal").write_bytes(b"half a journal")
    AtlasWriter.open(tmp_path / "new.atlas").close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new.atlas.lock", "new.atlas", "precious"]
    assert precious.read_text() == "keep me"


def test_an_atlas_says_which_version_made_it(tmp_path, monkeypatch):
    monkeypatch.setattr(creation, "_own_version", lambda: "1.2.3")
    AtlasWriter.open(tmp_path / "new.atlas").close()
    with Atlas.open(tmp_path / "new.atlas") as atlas:
        assert atlas.written_by == "1.2.3"


def test_an_atlas_can_be_copied_while_it_is_written(tmp_path):
    """The way that SQLite offers; a plain copy of the file would lack the log."""
    with AtlasWriter.open(tmp_path / "toy.atlas") as writer:
        toy_atlas.fill(writer, 20)
        source = sqlite3.connect(tmp_path / "toy.atlas")
        target = sqlite3.connect(tmp_path / "copy.atlas")
        source.backup(target)
        source.close()
        target.close()
        with Atlas.open(tmp_path / "copy.atlas") as copied:
            assert copied.digest() == writer.digest()
    shutil.rmtree(tmp_path)
