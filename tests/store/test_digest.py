# SPDX-License-Identifier: Apache-2.0
import hashlib
import random
import sqlite3
from pathlib import Path

import pytest
import toy_atlas
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import NotAnAtlas
from pellucid.figures import Number
from pellucid.records import Record
from pellucid.store import Atlas, AtlasWriter
from pellucid.store.digest import content_digest, encoded, seal

VALUES = (
    st.none()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary()
)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_different_rows_have_different_encodings(first, second):
    def strict(values):
        return [(type(value), repr(value)) for value in values]

    assert (encoded("t", *first) == encoded("t", *second)) == (strict(first) == strict(second))


def test_the_digest_by_hand():
    rows = [("item", 0, "a", None), ("blob", b"\x00")]
    expected = hashlib.sha256(b"4;T4:itemI1:0T1:aN0:" + b"2;T4:blobB1:\x00").hexdigest()
    assert content_digest(rows) == expected
    assert seal("item", 0) == hashlib.sha256(b"T4:itemI1:0").digest()[:8]


@pytest.fixture
def digest_of(tmp_path):
    """The digest of an atlas with a history of its own."""
    count = iter(range(100))

    def digest(history) -> str:
        with AtlasWriter.open(tmp_path / f"{next(count)}.atlas") as writer:
            history(writer)
            assert writer.verify() == []
            return writer.digest()

    return digest


def test_history_does_not_enter(digest_of):
    jobs = list(toy_atlas.jobs(40))

    def plain(writer):
        toy_atlas.prepare(writer)
        for name, records in jobs:
            writer.commit_job(name, records)

    def winding(writer):
        writer.put_layers(toy_atlas.LAYERS[::-1])
        writer.put_kinds(toy_atlas.KINDS[::-1])
        writer.put_plan({"smaller": True})
        writer.put_items(["other"])
        toy_atlas.prepare(writer)
        writer.note({"event": "start", "host": "elsewhere"})
        writer.commit_job("wrong", [Record("optimum", "conv1", 0, {"positive": toy_atlas.picture(77_777)})])
        for name, records in random.Random(1).sample(jobs, len(jobs)):
            writer.save_state("partial", name.encode())
            writer.commit_job(name, records)
            writer.commit_job(f"{name} again", records)
        assert len(writer.blob_hashes()) == len(set(writer.blob_hashes()))

    assert digest_of(plain) == digest_of(winding)
    assert digest_of(plain) == digest_of(lambda writer: toy_atlas.fill(writer, 40))


CHANGES = {
    "card": lambda writer: writer.put_card({**toy_atlas.CARD, "name": "other"}),
    "plan": lambda writer: writer.put_plan({**toy_atlas.PLAN, "seed": 1}),
    "layers": lambda writer: writer.put_layers(toy_atlas.LAYERS[::-1]),
    "kinds": lambda writer: writer.put_kinds(toy_atlas.KINDS[::-1]),
    "items": lambda writer: writer.put_items(toy_atlas.ITEMS[1:]),
    "skipped": lambda writer: writer.skip([(1, "empty file")]),
    "a record more": lambda writer: writer.commit_job("x", [toy_atlas.record("optimum", "conv1", 99)]),
    "a record changed": lambda writer: writer.commit_job(
        "x", [Record("optimum", "conv1", 0, {"activation": Number(1, "activation")})]
    ),
    "1 and 1.0": lambda writer: writer.commit_job(
        "x", [Record("optimum", "conv1", 0, {"activation": Number(1.0, "activation")})]
    ),
}


def test_each_part_of_the_content_enters(digest_of):
    def changed(change):
        def history(writer):
            toy_atlas.fill(writer, 10)
            change(writer)

        return digest_of(history)

    digests = {name: changed(change) for name, change in CHANGES.items()}
    digests["nothing"] = changed(lambda writer: None)
    assert len(set(digests.values())) == len(CHANGES) + 1, digests


@pytest.mark.parametrize(
    ("damage", "said"),
    [("UPDATE blob SET data = x'00'", "not as it was written"), ("DELETE FROM blob", "is not there")],
)
def test_a_digest_vouches_for_the_bytes_of_blobs(copy: Path, damage: str, said: str):
    connection = sqlite3.connect(copy)
    connection.execute(f"{damage} WHERE rowid = 3")
    connection.commit()
    connection.close()
    with Atlas.open(copy) as atlas, pytest.raises(NotAnAtlas, match=said):
        atlas.digest()


def test_an_atlas_moved_to_another_page_layout_is_the_same(finished: Path, tmp_path: Path):
    moved = tmp_path / "moved.atlas"
    source = sqlite3.connect(f"file:{finished}?mode=ro&immutable=1", uri=True)
    source.execute("VACUUM INTO ?", (str(moved),))
    source.close()
    assert moved.read_bytes() != finished.read_bytes()
    with AtlasWriter.open(moved) as writer:
        digest = writer.digest()
    with AtlasWriter.open(tmp_path / "fresh.atlas") as writer:
        toy_atlas.fill(writer, 60)
        assert writer.digest() == digest
