# SPDX-License-Identifier: Apache-2.0
import dataclasses
import sqlite3
import tracemalloc
from collections.abc import Collection
from pathlib import Path

import pytest
import toy_atlas

from pellucid.errors import InputError, NotAnAtlas, UnknownName
from pellucid.figures import Blob, Curve, Number, Picture
from pellucid.records import Record
from pellucid.store import Atlas, AtlasWriter


@pytest.fixture
def writer(tmp_path):
    with AtlasWriter.open(tmp_path / "new.atlas") as opened:
        toy_atlas.prepare(opened)
        yield opened


def optimum(index: int = 0, **figures: object) -> Record:
    return Record("optimum", "conv1", index, figures)


def test_a_finished_atlas_is_one_file_in_wal_mode(tmp_path):
    path = toy_atlas.make(tmp_path / "toy.atlas")
    assert sorted(found.name for found in tmp_path.iterdir()) == [".toy.atlas.lock", "toy.atlas"]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_readers_snapshot_does_not_keep_the_writer_from_closing(tmp_path):
    path = tmp_path / "toy.atlas"
    writer = AtlasWriter.open(path)
    toy_atlas.fill(writer, 10)
    reader = Atlas.open(path)
    with reader._reader.snapshot():
        before = list(reader.records())
        writer.commit_job("late", [toy_atlas.record("optimum", "conv1", 77)])
        writer.close()
        assert list(reader.records()) == before
    assert reader.record("optimum", "conv1", 77) is not None
    reader.close()
    assert not path.with_name("toy.atlas-wal").exists()


def test_a_reader_that_came_first_sees_each_job(tmp_path):
    path = toy_atlas.make(tmp_path / "toy.atlas", 10)
    with Atlas.open(path) as reader:
        assert reader.record("optimum", "conv1", 90) is None
        with AtlasWriter.open(path) as writer:
            assert reader.record("optimum", "conv1", 90) is None
            writer.commit_job("late", [toy_atlas.record("optimum", "conv1", 90)])
            assert reader.record("optimum", "conv1", 90) == toy_atlas.record("optimum", "conv1", 90)
        assert Path(f"{path}-wal").stat().st_size == 0  # all is in the file, though a reader has it open
        assert reader.record("optimum", "conv1", 90) is not None
        assert reader.verify() == []


def test_a_reader_may_come_by_another_name(tmp_path, run_child):
    path = toy_atlas.make(tmp_path / "toy.atlas", 5)
    alias = tmp_path / "alias.atlas"
    alias.symlink_to(path)
    with AtlasWriter.open(path) as writer, Atlas.open(alias) as reader:
        writer.commit_job("late", [toy_atlas.record("optimum", "conv1", 90)])
        assert reader.record("optimum", "conv1", 90) is not None
    Atlas.open(alias).close()
    assert sorted(found.suffix for found in tmp_path.iterdir()) == [".atlas", ".atlas", ".lock"]


def test_a_blob_is_stored_once(writer):
    shown = toy_atlas.picture(5)
    writer.commit_job("a", [optimum(n, positive=shown, negative=shown) for n in range(50)])
    writer.commit_job("b", [optimum(51, positive=shown)])
    assert writer._connection.execute("SELECT count(*) FROM blob").fetchone() == (1,)


def test_a_blob_by_name_only_must_be_there(writer):
    shown = toy_atlas.picture(5)
    bare = dataclasses.replace(shown, blob=dataclasses.replace(shown.blob, data=None))
    with pytest.raises(InputError, match="by name only"):
        writer.commit_job("a", [optimum(positive=bare)])
    writer.commit_job("b", [optimum(positive=shown)])
    writer.commit_job("c", [optimum(1, positive=bare)])
    assert writer.record("optimum", "conv1", 1) == optimum(1, positive=shown)


def test_a_blob_of_a_wrong_hash_or_type_is_refused(writer):
    with pytest.raises(InputError, match="another SHA-256"):
        writer.commit_job("a", [optimum(positive=Picture(Blob("ab" * 32, "image/png", b"x"), 1, 1))])
    with pytest.raises(InputError, match="'positive'"):
        writer.commit_job("a", [optimum(positive=Picture(Blob("../../etc/passwd", "image/png", b"x"), 1, 1))])
    writer.commit_job("a", [optimum(positive=Picture(Blob.of(b"x", "image/png"), 1, 1))])
    with pytest.raises(InputError, match="image/webp here and image/png"):
        writer.commit_job("b", [optimum(positive=Picture(Blob.of(b"x", "image/webp"), 1, 1))])


@pytest.mark.parametrize(
    "figure",
    [
        Number(float("nan"), "x"),
        Number(float("-inf"), "x"),
        Number(2**63, "x"),
        Number("half a pair \ud800", "x"),
        Number((1, 2), "x"),  # type: ignore[arg-type]
        Curve((1.0, float("inf")), (1.0, 2.0), "x", "y"),
        Curve((1.0, "a"), (1.0, 2.0), "x", "y"),  # type: ignore[arg-type]
        Picture(Blob.of(b"x"), 3.5, 1),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_no_page_could_show_is_refused_and_named(writer, figure):
    with pytest.raises(InputError, match=r"record optimum of conv1:3: figure 'bad'"):
        writer.commit_job("a", [optimum(2, good=Number(1, "x")), optimum(3, good=Number(1, "x"), bad=figure)])
    assert writer.units("conv1") == []
    assert writer.done_jobs() == set()


def test_a_job_is_kept_wholly_or_not_at_all(writer):
    def records():
        for index in range(600):
            yield toy_atlas.record("optimum", "conv1", index)
        raise OSError("the photo has gone")

    before = writer.digest()
    with pytest.raises(OSError, match="the photo has gone") as caught:
        writer.commit_job("a", records())
    assert type(caught.value) is OSError  # the caller's own trouble is not the atlas's
    assert writer.digest() == before
    assert writer.done_jobs() == set()
    assert writer.blob_hashes() == []


def test_a_record_may_not_write_while_it_is_committed(writer):
    def records():
        writer.note({"event": "inside"})
        yield toy_atlas.record("optimum", "conv1", 0)

    with pytest.raises(RuntimeError, match="may not write"):
        writer.commit_job("a", records())
    writer.commit_job("a", [toy_atlas.record("optimum", "conv1", 0)])


def test_a_layer_of_wrong_types_is_refused(writer):
    with pytest.raises(InputError, match="layer 'conv1' holds a value of a wrong type"):
        writer.put_layers([dataclasses.replace(toy_atlas.LAYERS[0], units="100")])


@pytest.mark.parametrize(
    ("record", "error", "said"),
    [
        (Record("optimum", "conv9", 0, {}), UnknownName, "did you mean conv1"),
        (Record("optima", "conv1", 0, {}), UnknownName, "did you mean optimum"),
        (Record("optimum", "conv1", None, {}), InputError, "is about a unit"),
        (Record("filters", "conv1", 3, {}), InputError, "is about a layer"),
        (Record("optimum", "conv1", -1, {}), InputError, "they run from 0"),
    ],
)
def test_a_misplaced_record_is_refused(writer, record, error, said):
    with pytest.raises(error, match=said):
        writer.commit_job("a", [record])


def test_a_plan_kinds_and_layers_may_grow(writer):
    toy_atlas.fill(writer, 20)
    before = {record.layer: record for record in writer.records()}
    more = [
        toy_atlas.LAYERS[1],
        dataclasses.replace(toy_atlas.LAYERS[0], name="conv0"),
        *toy_atlas.LAYERS[::2],
    ]
    writer.put_layers(more)
    writer.put_kinds([dataclasses.replace(toy_atlas.KINDS[0], name="heat"), *reversed(toy_atlas.KINDS)])
    writer.put_plan({"grown": True})
    assert [layer.name for layer in writer.layers()] == ["relu1", "conv0", "conv1", "logits"]
    assert [kind.name for kind in writer.kinds()] == ["heat", "examples", "optimum", "filters"]
    assert {record.layer: record for record in writer.records()}.keys() == before.keys()
    assert next(iter(writer.records())).layer == "relu1"
    assert writer.plan == {"grown": True}
    assert writer.verify() == []


def test_a_layer_or_kind_with_records_must_stay(writer):
    toy_atlas.fill(writer, 20)
    with pytest.raises(InputError, match="'conv1', which the new list leaves out"):
        writer.put_layers(toy_atlas.LAYERS[1:])
    with pytest.raises(InputError, match="kind 'filters'"):
        writer.put_kinds(toy_atlas.KINDS[1:])
    with pytest.raises(InputError, match="each name may stand once"):
        writer.put_layers([toy_atlas.LAYERS[0], *toy_atlas.LAYERS])
    assert writer.layers() == toy_atlas.LAYERS


def test_the_same_items_again_keep_what_was_skipped(writer):
    assert writer.skipped() == [("photos/07 ü.jpg", "truncated JPEG")]
    writer.put_items(toy_atlas.ITEMS)
    assert writer.skipped() == [("photos/07 ü.jpg", "truncated JPEG")]
    writer.skip([(9, "caf\udce9.jpg is no picture"), (7, "truncated JPEG")])
    assert writer.skipped() == [
        ("photos/07 ü.jpg", "truncated JPEG"),
        (toy_atlas.ITEMS[9], r"caf\udce9.jpg is no picture"),
    ]
    writer.put_items(toy_atlas.ITEMS[:-1])
    assert (writer.skipped(), writer.item_count) == ([], 29)
    with pytest.raises(UnknownName, match="no item 29"):
        writer.skip([(29, "gone")])
    with pytest.raises(InputError, match="no Unicode"):
        writer.put_items(["caf\udce9.jpg"])


class Names(Collection):
    """Forty thousand names that are made when they are asked for."""

    def __len__(self):
        return 40_000

    def __iter__(self):
        return (f"{row % 100:03d}/{row:09d}.jpeg" for row in range(40_000))

    def __contains__(self, name):
        raise AssertionError("each name is gone through once")


def test_many_names_take_no_memory(writer):
    tracemalloc.start()
    writer.put_items(Names())
    writer.skip([(39_999, "gone")])
    writer.put_items(Names())  # the same list
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert writer.skipped() == [("099/000039999.jpeg", "gone")]
    assert writer.item_count == 40_000
    assert peak < 500_000  # a list of them takes three million bytes


def test_a_job_can_say_what_it_skipped(writer):
    writer.commit_job("scan", [], skipped=[(2, "empty file")])
    assert (toy_atlas.ITEMS[2], "empty file") in writer.skipped()


def test_states_and_notes(writer):
    assert writer.load_state("scan") is None
    writer.save_state("scan", b"\x00half")
    writer.save_state("scan", b"\x00more")
    assert writer.load_state("scan") == b"\x00more"
    writer.drop_state("scan")
    writer.drop_state("scan")
    assert writer.load_state("scan") is None
    writer.note({"event": "start"})
    writer.note({"event": "stop", "seconds": 1.5})
    assert writer.journal() == [{"event": "start"}, {"event": "stop", "seconds": 1.5}]
    with pytest.raises(InputError, match="cannot be kept as JSON"):
        writer.note({"seconds": float("nan")})


def test_a_damaged_state_is_not_resumed_from(writer):
    writer.save_state("scan", b"half of the work")
    writer._connection.execute("UPDATE state SET data = ? WHERE key = 'scan'", (b"half of the walk",))
    with pytest.raises(NotAnAtlas, match="'scan' is not as it was written"):
        writer.load_state("scan")


def test_dropped_states_give_their_space_back(tmp_path):
    path = tmp_path / "new.atlas"
    with AtlasWriter.open(path) as writer:
        writer.save_state("scan", bytes(3_000_000))
        writer.drop_state("scan")
    assert path.stat().st_size < 300_000


def test_nothing_but_an_atlas_is_ever_written_to(tmp_path):
    photo = tmp_path / "photo.atlas"
    photo.write_bytes(b"\xff\xd8\xff\xe0 not an atlas" * 100)
    before = photo.read_bytes()
    with pytest.raises(NotAnAtlas):
        AtlasWriter.open(photo)
    assert photo.read_bytes() == before
    assert list(tmp_path.iterdir()) == [photo]


def test_where_an_atlas_cannot_be(tmp_path):
    with pytest.raises(UnknownName, match="does not exist"):
        AtlasWriter.open(tmp_path / "new.atlas", create=False)
    with pytest.raises(UnknownName, match="there is no folder"):
        AtlasWriter.open(tmp_path / "no" / "new.atlas")
    with pytest.raises(NotAnAtlas, match="is a folder"):
        AtlasWriter.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_fork_has_no_part_in_the_atlas(tmp_path, run_child):
    code = """
import os, sys, toy_atlas
from pellucid.errors import StorageError
from pellucid.store import AtlasWriter
writer = AtlasWriter.open(sys.argv[1])
toy_atlas.prepare(writer)
child = os.fork()
if child == 0:
    try:
        writer.note({"event": "child"})
    except StorageError:
        writer.close()
        writer._connection.execute("SELECT 1")  # the parent's file was not touched by it
        os._exit(7)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
writer.note({"event": "parent"})
assert os.path.exists(sys.argv[1] + "-wal")
writer.close()
"""
    path = tmp_path / "forked.atlas"
    result = run_child(code, path)
    assert result.returncode == 0, result.stderr
    with Atlas.open(path) as atlas:
        assert atlas.journal() == [{"event": "parent"}]


def test_closing_twice_is_harmless(tmp_path):
    writer = AtlasWriter.open(tmp_path / "new.atlas")
    writer.close()
    writer.close()


def test_a_file_that_may_not_be_written(shared_copy, run_child):
    shared_copy.chmod(0o444)
    shared_copy.parent.chmod(0o777)
    code = """
import os, sys
from pellucid.errors import StorageError
from pellucid.store import AtlasWriter
if os.getuid() == 0: os.setuid(65534)
try:
    AtlasWriter.open(sys.argv[1])
except StorageError as error:
    print(error)
"""
    result = run_child(code, shared_copy)
    assert "cannot be written" in result.stdout, result.stderr
