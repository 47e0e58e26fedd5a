# SPDX-License-Identifier: Apache-2.0
import threading
from pathlib import Path

import pytest
import toy_atlas

from pellucid.errors import UnknownName
from pellucid.figures import Blob
from pellucid.records import Record
from pellucid.store import Atlas, AtlasWriter


@pytest.fixture
def atlas(finished):
    with Atlas.open(finished) as opened:
        yield opened


def truth(count: int = 60) -> list[Record]:
    """What `records` must give, sorted by hand: layer order, the layer's own first, index, kind order."""
    layers = [layer.name for layer in toy_atlas.LAYERS]
    kinds = [kind.name for kind in toy_atlas.KINDS]
    found = [record for _, records in toy_atlas.jobs(count) for record in records]
    return sorted(
        found, key=lambda r: (layers.index(r.layer), -1 if r.index is None else r.index, kinds.index(r.kind))
    )


def test_everything_put_is_read_back(atlas):
    assert atlas.card == toy_atlas.CARD
    assert atlas.plan == toy_atlas.PLAN
    assert atlas.layers() == toy_atlas.LAYERS
    assert atlas.kinds() == toy_atlas.KINDS
    assert atlas.item_count == 30
    assert atlas.skipped() == [("photos/07 ü.jpg", "truncated JPEG")]
    assert list(atlas.records()) == truth()


def test_a_record_comes_back_with_its_provenance(atlas):
    for record in truth():
        found = atlas.record(record.kind, record.layer, record.index)
        assert found == record
        assert found.provenance == record.provenance


@pytest.mark.parametrize(
    ("kind", "layer", "index"),
    [
        ("optimum", "conv1", None),
        ("optimum", "conv1", 99),
        ("optimum", "conv1", -1),
        ("filters", "conv1", -1),
        ("filters", "conv1", 0),
        ("optimum", "conv1", 2**70),
        ("heat", "conv1", 0),
        ("optimum", "conv9", 0),
        ("optimum", "conv\ud800", 0),
    ],
)
def test_a_record_that_is_not_there_is_none(atlas, kind, layer, index):
    assert atlas.record(kind, layer, index) is None


@pytest.mark.parametrize("kind", [None, "optimum", "filters"])
@pytest.mark.parametrize("layer", [None, "relu1", "conv1"])
def test_records_of_one_kind_or_layer(atlas, kind, layer):
    expected = [r for r in truth() if kind in (None, r.kind) and layer in (None, r.layer)]
    assert list(atlas.records(kind=kind, layer=layer)) == expected


def test_records_are_paged_without_loss(tmp_path):
    """More records than fit in one page, with the page's border inside a unit."""
    path = tmp_path / "long.atlas"
    made = [toy_atlas.record(kind, "conv1", n) for n in range(300) for kind in ("examples", "optimum")]
    with AtlasWriter.open(path) as writer:
        toy_atlas.prepare(writer)
        writer.commit_job("all", [*made, toy_atlas.record("filters", "conv1", None)])
    with Atlas.open(path) as atlas:
        found = [(record.index, record.kind) for record in atlas.records(layer="conv1")]
        assert found == [(None, "filters")] + [(n, k) for n in range(300) for k in ("optimum", "examples")]
        assert atlas.units("conv1") == list(range(300))


def test_units_are_those_with_records(atlas):
    assert atlas.units("conv1") == sorted(
        {r.index for r in truth() if r.layer == "conv1" and r.index is not None}
    )
    assert atlas.units("logits") != []


def test_unknown_names_say_what_is_there(atlas):
    with pytest.raises(UnknownName, match="did you mean relu1"):
        atlas.units("relu2")
    with pytest.raises(UnknownName, match="did you mean optimum"):
        atlas.records(kind="optima")
    with pytest.raises(UnknownName, match="no blob"):
        atlas.blob("ab" * 32)


def test_blobs_are_read_by_hash_with_their_bytes(atlas):
    shown = {
        blob.hash: blob for record in truth() for figure in record.figures.values() for blob in figure.blobs()
    }
    assert atlas.blob_hashes() == sorted(shown)
    for name, blob in shown.items():
        found = atlas.blob(name)
        assert (found.data, found.mime) == (blob.data, "image/png")
        assert Blob.of(found.data).hash == name


def test_threads_share_an_atlas(atlas):
    expected = truth()
    wrong = []

    def read() -> None:
        for record in expected:
            if atlas.record(record.kind, record.layer, record.index) != record:
                wrong.append(record)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    digest = atlas.digest()
    for thread in threads:
        thread.join()
    assert not wrong
    assert digest == atlas.digest()


def test_reading_leaves_nothing_beside_the_atlas(copy: Path):
    first, second = Atlas.open(copy), Atlas.open(copy)
    first.digest()
    first.close()
    second.verify()
    second.close()
    assert sorted(path.name for path in copy.parent.iterdir()) == [copy.name]


def test_an_empty_atlas_is_readable(tmp_path):
    path = tmp_path / "new.atlas"
    AtlasWriter.open(path).close()
    with Atlas.open(path) as atlas:
        assert (atlas.card, atlas.plan, atlas.layers(), atlas.kinds(), atlas.item_count) == (
            {},
            {},
            [],
            [],
            0,
        )
        assert list(atlas.records()) == []
        assert atlas.verify() == []
        assert len(atlas.digest()) == 64
