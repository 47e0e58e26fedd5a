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
from pellucid.errors import FinishedWithProblems, InputError, NoItems
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
    assert (first.done, first.jobs_done, first.units) == (4, 1, 4)
    assert (second.jobs_resumed, second.resumed, second.done) == (first.jobs_done, 0, 4)
    third = pl.survey(net, small_photos, path, "conv", kinds=["examples", "optimum"], settings=QUICK)
    assert (third.resumed, third.done, third.jobs_done, third.jobs) == (4, 0, 0, second.jobs)
    assert [each.kind for each in Plan.from_json(second.plan).passes] == ["examples", "optimum"]


def test_units_added_later_redo_nothing(net: pl.Net, small_photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "e.atlas"
    pl.survey(net, small_photos, path, "conv:0-1", kinds=["examples"], settings=QUICK)
    report = pl.survey(net, small_photos, path, "conv", kinds=["examples"], settings=QUICK)
    assert (report.resumed, report.done, report.units) == (2, 2, 4)
    assert (report.jobs_resumed, report.jobs_done, report.jobs) == (1, 1, 2)
    assert report.done + report.resumed == report.units


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


def test_the_best_item_of_each_class_is_kept_on_request(net: pl.Net, tmp_path: Path) -> None:
    for name, shade in {"red": (255, 0, 0), "green": (0, 255, 0)}.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (32, 32), shade).save(tmp_path / "data" / name / f"{number}.png")
    path = tmp_path / "a.atlas"
    pl.survey(net, tmp_path / "data", path, "conv", kinds=["examples"], settings=QUICK, per_class=True)
    with pl.Atlas.open(path) as atlas:
        best = atlas.record("examples", "conv", 1).figures["best_of_classes"]
    assert sorted(item.name.split("/")[0] for item in best.items) == ["green", "red"]


def test_classes_of_data_that_has_none_are_refused_before_any_file_is_made(
    net: pl.Net, small_photos: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="has no classes"):
        pl.survey(net, small_photos, tmp_path / "a.atlas", "conv", kinds=["examples"], per_class=True)
    assert not (tmp_path / "a.atlas").exists()


class Failing(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 2, 3)
        self.norm = torch.nn.BatchNorm2d(2, track_running_stats=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if (pixels.mean((2, 3))[:, 0] > 0.99).any():
            raise ValueError("too bright")
        return self.norm(self.conv(pixels))


def test_items_that_the_network_fails_on_are_skipped_and_what_cannot_be_relied_on_is_said(
    small_photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_photos, data)
    Image.new("RGB", (32, 32), "white").save(data / "white.png")
    failing = pl.load(Failing().eval(), input=pl.ImageInput(32))
    path = tmp_path / "a.atlas"
    report = pl.survey(failing, data, path, "conv", kinds=["examples"], settings=QUICK)
    assert ("white.png", "the network failed on it: ValueError: too bright") in report.skipped
    assert report.notes == ()  # the convolution stands before the batch statistics
    report = pl.survey(failing, data, path, "norm", kinds=["examples"], settings=QUICK)
    assert "other items of its batch" in report.notes[0]
    with pl.Atlas.open(path) as atlas:
        assert atlas.record("examples", "norm", 0).figures["caution"].value == report.notes[0]
        assert "caution" not in atlas.record("examples", "conv", 0).figures


@pytest.fixture
def broken_files(tmp_path: Path) -> Path:
    home = tmp_path / "broken"
    home.mkdir()
    for number in range(3):
        (home / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    return home


def test_only_broken_files_are_found_out_before_the_work_and_leave_nothing_behind(
    net: pl.Net, broken_files: Path, small_photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.atlas"
    with pytest.raises(NoItems, match=r"none of the 3 items of broken can be read; the first, 0\.png"):
        pl.survey(net, broken_files, path, settings=QUICK)
    assert not path.exists()
    assert pl.survey(net, small_photos, path, "conv:0", settings=QUICK).jobs_done == 3


def test_a_pass_that_fails_with_nothing_else_done_leaves_nothing_behind(
    net: pl.Net, mostly_broken: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.atlas"
    with pytest.raises(InputError, match="30 of the 120 items"):
        pl.survey(net, mostly_broken, path, "conv:0", kinds=["examples"], settings=QUICK)
    assert not path.exists()


def test_what_rests_on_no_data_stays_when_a_pass_fails_and_other_data_goes_on(
    net: pl.Net, mostly_broken: Path, small_photos: Path, tmp_path: Path
) -> None:
    path, fresh = tmp_path / "a.atlas", tmp_path / "fresh.atlas"
    with pytest.raises(InputError, match="30 of the 120 items"):
        pl.survey(net, mostly_broken, path, "conv:0", settings=QUICK)
    assert path.exists()
    report = pl.survey(net, small_photos, path, "conv:0", settings=QUICK)
    assert (report.jobs_resumed, report.jobs_done) == (2, 1)
    pl.survey(net, small_photos, fresh, "conv:0", settings=QUICK)
    assert digest_of(path) == digest_of(fresh)
    with pytest.raises(InputError, match="give the same data or write a new atlas"):
        pl.survey(net, mostly_broken, path, "conv:1", settings=QUICK)


def test_an_atlas_that_holds_a_plan_alone_is_in_nobodys_way(
    net: pl.Net, small_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.atlas"
    surveys = importlib.import_module("pellucid.survey.survey")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(surveys, "_run", stopped)
        with pytest.raises(KeyboardInterrupt):
            pl.survey(net, small_photos, path, "conv:0", settings=QUICK)
    assert path.exists()  # an interruption keeps what there is
    other = pl.load(planted_net(), input=pl.ImageInput(32, std=(0.5,)))
    assert pl.survey(other, small_photos, path, "conv:0", settings=QUICK).jobs_done == 3


def test_weights_that_are_no_numbers_are_named_and_strict_sees_them(
    small_photos: Path, tmp_path: Path
) -> None:
    module = planted_net()
    with torch.no_grad():
        module.conv.weight[1, 0, 0, 0] = torch.nan
    damaged = pl.load(module, input=pl.ImageInput(32))
    report = pl.survey(damaged, small_photos, tmp_path / "a.atlas", "conv", kinds=["filters"], settings=QUICK)
    assert report.notes[0].startswith("NaN or infinity in 1 of the 300 numbers of conv.weight")
    with pl.Atlas.open(tmp_path / "a.atlas") as atlas:
        families = [atlas.record("filters", "conv", index).figures["family"].value for index in range(4)]
        assert atlas.verify() == []
    assert families[1] == "damaged"
    assert families.count("damaged") == 1
    with pytest.raises(FinishedWithProblems, match=r"numbers of conv\.weight.*complete but for that"):
        pl.survey(damaged, small_photos, tmp_path / "a.atlas", "conv", kinds=["filters"], strict=True)


def test_a_kind_of_which_there_is_nothing_is_named(small_photos: Path, tmp_path: Path) -> None:
    bent = pl.load(
        torch.nn.Sequential(torch.nn.Softplus(), torch.nn.Conv2d(3, 2, 3)), input=pl.ImageInput(32)
    )
    report = pl.survey(bent, small_photos, tmp_path / "a.atlas", settings=QUICK, kinds=["filters", "optimum"])
    assert any(
        note.startswith("no filters: 1, the first layer that weighs its input") for note in report.notes
    )


def test_long_jobs_tell_how_far_they_have_come(net: pl.Net, small_photos: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    kinds = ["optimum", "consistency", "tuning", "parts", "ablation"]
    asked = {"kinds": kinds, "steps": 5, "starts": 2, "families": "edge,gray", "tuning_batch": 4, "sample": 2}
    pl.survey(
        net,
        small_photos,
        tmp_path / "a.atlas",
        "conv:0-1",
        "fc:0",
        progress=lambda *step: told.append(step),
        **asked,
    )
    within = {
        what: [step for step in told if step[2] == what]
        for what in ("steps", "steps of starts", "stimuli", "units tuned", "items for parts", "passes")
    }
    assert all(within.values()), {what: len(steps) for what, steps in within.items()}
    for steps in within.values():
        assert all(0 < done <= total for done, total, _ in steps)
        assert any(done == total for done, total, _ in steps)
    first = [step for step in told if step[2] in ("jobs", "stimuli")]
    begun = first.index(within["stimuli"][0])
    batches = -(-within["stimuli"][0][1] // 4)
    assert batches > 5
    assert [step[2] for step in first[begun : begun + batches]] == ["stimuli"] * batches  # one for each batch
    assert [done for done, *_ in first[begun : begun + batches - 1]] == [4 * one for one in range(1, batches)]
    silent = pl.survey(net, small_photos, tmp_path / "b.atlas", "conv:0-1", "fc:0", **asked)
    with pl.Atlas.open(tmp_path / "a.atlas") as held:
        assert held.digest() == silent.digest
