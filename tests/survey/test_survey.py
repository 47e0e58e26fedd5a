# SPDX-License-Identifier: Apache-2.0
"""Planning, resuming and growing an atlas."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import pytest
import torch
from nets import planted_net
from PIL import Image

import pellucid as pl
from pellucid.errors import FinishedWithProblems, InputError
from pellucid.survey import Plan

QUICK = {"steps": 3, "size": 32, "batch": 4}


@pytest.fixture(scope="module")
def net() -> pl.Net:
    return pl.load(planted_net(), input=pl.ImageInput(32))


@pytest.fixture(scope="module")
def whole(net: pl.Net, small_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.atlas"
    pl.survey(net, small_photos, path, settings=QUICK)
    return path


def digest_of(path: Path) -> str:
    with pl.Atlas.open(path) as atlas:
        return atlas.digest()


def test_the_same_weights_fed_in_another_way_are_another_net(
    net: pl.Net, small_photos: Path, tmp_path: Path
) -> None:
    pl.survey(net, small_photos, tmp_path / "a.atlas", "conv:0", kinds=["examples"], settings=QUICK)
    half = pl.load(planted_net(), input=pl.ImageInput(32, std=(0.5,)))
    with pytest.raises(
        InputError, match=r"of this network fed in another way \(std \[1.0, 1.0, 1.0\], asked \[0.5"
    ):
        pl.survey(half, small_photos, tmp_path / "a.atlas", "conv:0", kinds=["examples"], settings=QUICK)
    other = planted_net()
    other.relu = torch.nn.Tanh()
    bent = pl.load(other, input=pl.ImageInput(32))
    with pytest.raises(InputError, match="whose layers lie differently; write a new atlas"):
        pl.survey(bent, small_photos, tmp_path / "a.atlas", "conv:0", kinds=["examples"], settings=QUICK)


def test_other_pictures_under_the_same_names_are_other_data(
    net: pl.Net, small_photos: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(small_photos, copies)
    pl.survey(net, copies, tmp_path / "a.atlas", "conv:0", kinds=["examples"], settings=QUICK)
    first = sorted(path for path in copies.rglob("*") if path.is_file())[0]
    first.write_bytes(first.read_bytes() + b" ")
    with pytest.raises(InputError, match="of other names or sizes"):
        pl.survey(net, copies, tmp_path / "a.atlas", "conv:0", kinds=["examples"], settings=QUICK)


def test_every_kind_is_there_for_every_unit(whole: Path) -> None:
    with pl.Atlas.open(whole) as atlas:
        assert [kind.name for kind in atlas.kinds()] == ["filters", "optimum", "examples"]
        for kind in ("filters", "optimum", "examples"):
            assert [record.index for record in atlas.records(kind=kind, layer="conv")] == [0, 1, 2, 3]
        assert atlas.record("examples", "logits", 0) is not None
        assert atlas.verify() == []
        assert [name for name, _ in atlas.skipped()] == ["broken.png"]


def test_the_same_call_again_does_nothing(net: pl.Net, whole: Path, small_photos: Path) -> None:
    before = digest_of(whole)
    report = pl.survey(net, small_photos, whole, settings=QUICK)
    assert (report.digest, report.done) == (before, 0)


def test_two_surveys_have_one_digest(net: pl.Net, whole: Path, small_photos: Path, tmp_path: Path) -> None:
    assert pl.survey(net, small_photos, tmp_path / "b.atlas", settings=QUICK).digest == digest_of(whole)


def test_an_interruption_anywhere_ends_in_the_same_digest(
    net: pl.Net, whole: Path, small_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.store import AtlasWriter

    commit = AtlasWriter.commit_job
    path = tmp_path / "c.atlas"
    left = 0

    def stops(self: AtlasWriter, *args: object, **more: object) -> None:
        nonlocal left
        if left == 0:
            left = 2
            raise KeyboardInterrupt
        left -= 1
        commit(self, *args, **more)

    monkeypatch.setattr(AtlasWriter, "commit_job", stops)
    for _ in range(50):
        try:
            report = pl.survey(net, small_photos, path, settings=QUICK)
            break
        except KeyboardInterrupt:
            continue
    assert report.digest == digest_of(whole)


def test_the_plan_holds_the_number_of_threads(
    net: pl.Net, small_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.atlas"
    pl.survey(net, small_photos, path, "conv:0", kinds=["examples"], settings=QUICK)
    before = torch.get_num_threads()
    used: list[int] = []
    room = importlib.import_module("pellucid.survey.survey")
    work = room._run
    monkeypatch.setattr(room, "_run", lambda *args: (used.append(torch.get_num_threads()), work(*args))[1])
    torch.set_num_threads(before + 1)
    try:
        pl.survey(net, small_photos, path, "conv", kinds=["examples"], settings=QUICK)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert used == [before]


def test_a_kind_added_later_redoes_nothing(net: pl.Net, small_photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "d.atlas"
    first = pl.survey(net, small_photos, path, "conv", kinds=["examples"], settings=QUICK)
    second = pl.survey(net, small_photos, path, "conv", kinds=["examples", "optimum"], settings=QUICK)
    assert second.resumed == first.done
    assert [each.kind for each in Plan.from_json(second.plan).passes] == ["examples", "optimum"]


def test_units_added_later_redo_nothing(net: pl.Net, small_photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "e.atlas"
    pl.survey(net, small_photos, path, "conv:0-1", kinds=["examples"], settings=QUICK)
    report = pl.survey(net, small_photos, path, "conv", kinds=["examples"], settings=QUICK)
    assert (report.resumed, report.done, report.units) == (1, 1, 4)


def test_breadth_first_the_first_job_of_each_layer_comes_first(
    net: pl.Net, small_photos: Path, tmp_path: Path
) -> None:
    report = pl.survey(
        net, None, tmp_path / "x.atlas", kinds=["optimum"], settings={**QUICK, "batch": 2}, plan_only=True
    )
    layers = [job.layer for _, job in Plan.from_json(report.plan).jobs()]
    assert layers[:2] == ["conv", "logits"]
    assert not (tmp_path / "x.atlas").exists()


def test_other_data_is_refused(net: pl.Net, whole: Path, small_photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(small_photos, other)
    Image.new("RGB", (32, 32)).save(other / "new.png")
    with pytest.raises(InputError, match="21 items"):
        pl.survey(net, other, whole, settings=QUICK)


def test_strict_raises_at_the_end_and_the_atlas_is_whole(
    net: pl.Net, small_photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "f.atlas"
    with pytest.raises(FinishedWithProblems, match=r"broken\.png"):
        pl.survey(net, small_photos, path, "conv", kinds=["examples"], settings=QUICK, strict=True)
    assert len(digest_of(path)) == 64


def test_data_is_asked_for_where_a_kind_needs_it(net: pl.Net, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data"):
        pl.survey(net, None, tmp_path / "g.atlas", "conv")
    assert not (tmp_path / "g.atlas").exists()
