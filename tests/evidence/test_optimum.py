# SPDX-License-Identifier: Apache-2.0
"""Optima against networks whose answers are known, and what is saved against what is said of it."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD, EDGE, planted_net
from PIL import Image

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.evidence.job import Given
from pellucid.evidence.optimum import plan, run, settings
from pellucid.figures.stamp import read_stamp


@pytest.fixture(scope="module")
def optima(planted: pl.Net) -> object:
    return pl.optimize(planted, f"conv:{EDGE},{COLOR},{DEAD}", steps=48)


def of(optima: object, unit: int, sign: str) -> object:
    return next(one for one in optima if one.unit.index == unit and one.sign == sign)


def test_the_color_unit_is_red_and_its_negative_green(optima: object) -> None:
    red, green, _ = of(optima, COLOR, "+").pixels.reshape(-1, 3).mean(0)
    assert red > green + 60
    red, green, _ = of(optima, COLOR, "-").pixels.reshape(-1, 3).mean(0)
    assert green > red + 60


def test_signs_climb_in_their_directions(optima: object) -> None:
    for unit in (EDGE, COLOR):
        assert of(optima, unit, "+").activation > of(optima, unit, "+").initial
        assert of(optima, unit, "-").activation < of(optima, unit, "-").initial


def test_a_dead_unit_is_named_and_never_a_silent_gray_picture(optima: object) -> None:
    assert of(optima, DEAD, "+").diagnosis == "dead"
    assert of(optima, DEAD, "+").advice


def test_activation_is_that_of_the_file_as_saved(optima: object, tmp_path: Path) -> None:
    module = planted_net()
    for one in optima:
        pixels = np.asarray(Image.open(one.save(tmp_path / "one.png")).convert("RGB"), np.float32) / 255
        assert one.objective == "excitation"  # nothing bends before a first convolution
        answers = module.conv(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0, one.unit.index]
        wanted = answers > 0 if one.sign == "+" else answers < 0
        response = torch.where(wanted, answers, 0.3 * answers).mean().item()
        assert response == pytest.approx(one.activation, rel=1e-3, abs=1e-5)


def test_clipped_is_the_share_at_the_ends(optima: object) -> None:
    for one in optima:
        values = one.pixels.astype(np.float64) / 255
        assert one.clipped == pytest.approx(((values < 0.02) | (values > 0.98)).mean(), abs=1e-6)


def test_provenance_in_the_file(optima: object, tmp_path: Path) -> None:
    stamp = read_stamp(optima[0].save(tmp_path / "one.png"))
    assert stamp is not None
    assert stamp["unit"] == str(optima[0].unit)
    assert stamp["settings"]["steps"] == 48
    assert stamp["versions"]["torch"] == torch.__version__


def test_sheets_are_one_a_layer_and_carry_their_provenance(
    planted: pl.Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = pl.optimize(planted, f"conv:{COLOR}", "relu:0", steps=2)
    two.save(tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "two").glob("sheet*")) == [
        "sheet-conv.png",
        "sheet-relu.png",
    ]
    stamp = read_stamp(tmp_path / "two" / "sheet-conv.png")
    assert (stamp["units"], stamp["unit"]) == ([f"conv:{COLOR} +", f"conv:{COLOR} -"], None)
    assert stamp["settings"]["steps"] == 2
    monkeypatch.setattr("pellucid.evidence.optima.MOST_TILES", 1)
    assert list(two[:2].sheets()) == ["sheet-1", "sheet-2"]


def test_one_optimum_shows_itself(optima: object) -> None:
    one = optima[0]
    assert one.plot().height > one.image.height
    assert repr(one).startswith(f"<optimum of {one.unit} +: ")


def test_a_rectified_layer_says_why_it_has_no_negative(planted: pl.Net) -> None:
    complete = settings(planted, {"steps": 2, "size": 32})
    [job] = plan(planted, planted.units("relu:0"), complete)
    [record] = run(planted, job, complete, Given())
    assert record.figures["negative_note"].value == (
        "relu ends in its own ReLU and is never below 0, so it has no negative optimum; the layers that feed it have one: conv"
    )


def test_a_unit_is_the_same_alone_and_in_company(planted: pl.Net) -> None:
    alone = pl.optimize(planted, f"conv:{COLOR}", steps=8)[0]
    company = pl.optimize(planted, "conv", steps=8)
    together = of(company, COLOR, "+")
    assert np.abs(alone.pixels.astype(int) - together.pixels.astype(int)).max() <= 2


def test_both_signs_of_a_rectified_layer_are_the_positive_one(planted: pl.Net) -> None:
    assert [one.sign for one in pl.optimize(planted, "relu:0", steps=4)] == ["+"]


def test_the_negative_side_of_a_rectified_layer_is_refused_naming_the_layer_before(planted: pl.Net) -> None:
    with pytest.raises(InputError, match="conv"):
        pl.optimize(planted, "relu:0", sign="-", steps=4)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("canvas", "oil", "fourier"),
        ("transforms", "lucidd", "lucid"),
        ("objective", "chanel", "channel"),
        ("sign", "up", "both"),
        ("optimizer", "adams", "adam"),
        ("stop", "never", "flat"),
        ("regularize", "tw=1", "tv"),
        ("pictures", 0, "at least 1"),
        ("snapshots", "soon", "write steps"),
    ],
)
def test_a_setting_that_does_not_exist(planted: pl.Net, setting: str, value: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pl.optimize(planted, "conv:0", **{setting: value})


def test_a_misspelled_setting(planted: pl.Net) -> None:
    with pytest.raises(InputError, match="steps"):
        pl.optimize(planted, "conv:0", stps=3)


def test_an_unknown_unit(planted: pl.Net) -> None:
    with pytest.raises(UnknownName, match="0 to 3"):
        pl.optimize(planted, "conv:9")


def test_objectives_stand_among_units_and_say_what_they_are(planted: pl.Net, tmp_path: Path) -> None:
    mixed = pl.channel("conv", COLOR) + 0.5 * pl.logit(1)
    found = pl.optimize(planted, f"conv:{EDGE}", mixed, pl.layer("relu"), sign="+", steps=16)
    assert [(str(one.unit), one.objective) for one in found] == [
        (f"conv:{EDGE}", "excitation"),
        (f"conv:{COLOR}", f"channel conv:{COLOR} + 0.5 x logit logits:1"),
        ("relu", "layer"),
    ]
    assert all(one.activation > one.initial for one in found)
    assert found[1].provenance.settings["objective"] == found[1].objective
    module = planted_net()
    pixels = torch.from_numpy(found[1].pixels).permute(2, 0, 1)[None].float() / 255
    wanted = module.conv(pixels)[0, COLOR].mean() + 0.5 * module(pixels)[0, 1]
    assert found[1].activation == pytest.approx(wanted.item(), rel=1e-3)
    assert len({path.name for path in found.save(tmp_path)}) == 3
    found._repr_png_()


def test_a_bare_layer_is_one_picture_of_the_layer(planted: pl.Net) -> None:
    [one] = pl.optimize(planted, "conv", objective="layer", steps=8)
    assert (str(one.unit), one.objective, one.sign) == ("conv", "layer", "+")
    [calm] = pl.optimize(planted, "conv", objective="layer", sign="-", steps=24)
    assert calm.activation < one.activation
    with pytest.raises(InputError, match="conv:1 names a unit"):
        pl.optimize(planted, "conv:1", objective="layer")


def test_one_position_is_asked_in_the_units_address(planted: pl.Net) -> None:
    found = pl.optimize(planted, f"conv:{COLOR}@center", f"conv:{EDGE}@4,5", sign="+", steps=8)
    assert [(str(one.unit), one.objective) for one in found] == [
        (f"conv:{COLOR}@center", "neuron"),
        (f"conv:{EDGE}@4,5", "neuron"),
    ]
    [named] = pl.optimize(planted, f"conv:{COLOR}", objective="neuron", sign="+", steps=8)
    assert str(named.unit) == f"conv:{COLOR}@center"
    with pytest.raises(InputError, match="objective channel is over all"):
        pl.optimize(planted, "conv:0@center", objective="channel")


def test_a_direction_is_kept_in_the_picture(planted: pl.Net, tmp_path: Path) -> None:
    vector = [0.0, 0.0, 1.0, 0.0]
    [one] = pl.optimize(planted, pl.direction("conv", vector), sign="+", steps=48)
    red, green, _ = one.pixels.reshape(-1, 3).mean(0)
    assert red > green + 60
    stamp = read_stamp(one.save(tmp_path / "one.png"))
    assert stamp["settings"]["terms"][0]["vector"] == vector
    assert one.objective.startswith("direction conv along ")


def test_several_pictures_of_a_unit(planted: pl.Net, tmp_path: Path) -> None:
    found = pl.optimize(planted, f"conv:{EDGE}", sign="both", pictures=2, steps=8)
    assert [(one.sign, one.picture) for one in found] == [("+", 0), ("+", 1), ("-", 0), ("-", 1)]
    assert [path.name for path in found.save(tmp_path)] == [
        *("conv-0-positive.png", "conv-0-positive-2.png", "conv-0-negative.png", "conv-0-negative-2.png")
    ]
    alone = pl.optimize(planted, f"conv:{EDGE}", sign="+", steps=1, learning_rate=1e-9)[0]
    start = pl.optimize(planted, f"conv:{EDGE}", sign="+", steps=1, learning_rate=1e-9, pictures=2)
    assert np.array_equal(start[0].pixels, alone.pixels)
    assert not np.array_equal(start[1].pixels, alone.pixels)


def test_an_interpolation_is_asked_in_one_call(planted: pl.Net) -> None:
    way = pl.interpolation(pl.channel("conv", COLOR), -pl.channel("conv", COLOR), 5)
    found = [one.pixels.mean((0, 1)) for one in pl.optimize(planted, *way, sign="+", steps=24)]
    redder = [red - green for red, green, _ in found]
    assert redder[0] > 30
    assert redder[-1] < -30
    assert abs(redder[2]) < 20  # half of each is nothing


def test_the_climb_is_saved_as_an_animation(planted: pl.Net, tmp_path: Path) -> None:
    found = pl.optimize(planted, f"conv:{EDGE}", sign="+", steps=4, snapshots="0,2")
    found.save(tmp_path)
    with Image.open(tmp_path / "conv-0-positive-climb.png") as moving:
        assert moving.n_frames == 3
        for frame, pixels in enumerate([found[0].snapshots[0][1], found[0].snapshots[1][1], found[0].pixels]):
            moving.seek(frame)
            assert np.array_equal(np.asarray(moving.convert("RGB")), pixels)
    assert read_stamp(tmp_path / "conv-0-positive-climb.png") == read_stamp(tmp_path / "conv-0-positive.png")
    [every] = pl.optimize(planted, f"conv:{EDGE}", sign="+", steps=4, snapshots="all")
    assert [step for step, _ in every.snapshots] == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match="no snapshots of conv:0 were kept"):
        pl.optimize(planted, "conv:0", sign="+", steps=1)[0].save_climb(tmp_path / "x.png")
    with pytest.raises(InputError, match="a snapshot after 9 steps of 4"):
        pl.optimize(planted, "conv:0", steps=4, snapshots=[9])


def test_everything_asked_is_in_the_provenance(planted: pl.Net) -> None:
    asked = {"regularize": "tv=0.01", "copies": 2, "optimizer": "nadam", "stop": "flat", "transforms": "auto"}
    [one] = pl.optimize(planted, f"conv:{EDGE}", sign="+", steps=60, **asked)
    kept = one.provenance.settings
    assert {name: kept[name] for name in asked} == {**asked, "regularize": {"tv": 0.01}}
    assert kept["steps"] == one.steps == len(one.history)
    assert one.to_json()["bit_reproducible"] is True


def test_a_short_climb_is_not_called_diverged(planted: pl.Net) -> None:
    short = pl.optimize(planted, "conv", steps=3)
    assert all(one.diagnosis in (None, "dead", "zero_gradient") for one in short)  # gray it may be


def test_a_size_beyond_the_memory_is_refused(planted: pl.Net) -> None:
    with pytest.raises(InputError, match=r"one picture of 60000x60000 would take about .* --memory"):
        pl.optimize(planted, "conv:0", size=60000)


def test_a_survey_takes_one_picture_of_one_unit(planted: pl.Net) -> None:
    from pellucid.evidence import optimum

    for asked in ({"pictures": 2}, {"objective": "layer"}):
        with pytest.raises(InputError, match="a record holds one picture"):
            optimum.plan(planted, planted.units(["conv"]), optimum.settings(planted, asked))


def test_statistics_change_the_picture_and_stand_in_its_provenance(planted: pl.Net) -> None:
    random = np.random.default_rng(0)
    dark = pl.measure(planted, random.random((20, 3, 32, 32)) ** 3 * 0.3)
    plain, like = (
        pl.optimize(planted, f"conv:{EDGE}", sign="+", steps=2, statistics=given)[0] for given in (None, dark)
    )
    assert plain.pixels.mean() == pytest.approx(127, abs=4)
    assert like.pixels.mean() == pytest.approx(255 * dark.mean.mean(), abs=8)
    assert read_stamp(like.png())["settings"]["statistics"] == {"items": 20, "digest": dark.digest}
    assert "statistics" not in read_stamp(plain.png())["settings"]
    gray = pl.measure(pl.load(torch.nn.Conv2d(1, 1, 3), input=pl.ImageInput(8, 1)), np.ones((1, 1, 8, 8)))
    with pytest.raises(InputError, match="statistics of 1 channels for an input of 3"):
        pl.optimize(planted, f"conv:{EDGE}", statistics=gray)


def test_what_json_does_not_hold_is_refused_where_it_must_be_kept(planted: pl.Net, tmp_path: Path) -> None:
    statistics = pl.measure(planted, np.ones((1, 3, 32, 32)))
    with pytest.raises(InputError, match="only its digest"):
        pl.survey(planted, None, tmp_path / "a.atlas", kinds=["optimum"], settings={"statistics": statistics})
    assert not (tmp_path / "a.atlas").exists()


def test_maco_is_saved_as_fed_and_displayed_beside(planted: pl.Net, tmp_path: Path) -> None:
    optima = pl.optimize(planted, f"conv:{COLOR}", sign="+", steps=8, canvas="maco")
    [path] = optima.save(tmp_path)
    assert np.array_equal(np.asarray(Image.open(path)), optima[0].pixels)
    shown = np.asarray(Image.open(path.with_name(f"{path.stem}-display.png")))
    assert shown.shape == (*optima[0].pixels.shape[:2], 4)
    assert read_stamp(path.with_name(f"{path.stem}-display.png")) == read_stamp(path)
    assert pl.optimize(planted, f"conv:{COLOR}", sign="+", steps=2)[0].display is None


def test_bands_are_saved_side_by_side_in_gray() -> None:
    net = pl.load(torch.nn.Conv2d(5, 2, 3), input=pl.ImageInput((10, 14), 5))
    one = pl.optimize(net, "logits:1", sign="+", steps=4)[0]
    sheet = np.asarray(Image.open(io.BytesIO(one.png())))
    assert sheet.shape == (2 * 10, 3 * 14)
    bands = sheet.reshape(2, 10, 3, 14).swapaxes(1, 2).reshape(6, 10, 14)
    assert np.array_equal(bands[:5].transpose(1, 2, 0), one.pixels)
    assert not bands[5].any()
    assert one._repr_png_()


def test_each_batch_is_handed_over_when_it_is_done(planted: pl.Net) -> None:
    made: list[str] = []

    def stop(one: object) -> None:
        made.append(str(one.unit))
        if len(made) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pl.optimize(planted, "conv", sign="+", steps=2, batch=1, on_made=stop)
    assert made == ["conv:0", "conv:1"]


@pytest.mark.parametrize("text", ["norm=5", "mahalanobis=3", "box=0.2..0.8", "box"])
def test_constraints_are_written_in_short(planted: pl.Net, text: str) -> None:
    if text.startswith("mahalanobis"):
        with pytest.raises(InputError, match="needs mean and covariance"):
            pl.optimize(planted, f"conv:{COLOR}", sign="+", steps=2, constraint=text)
        return
    [one] = pl.optimize(planted, f"conv:{COLOR}", sign="+", steps=4, constraint=text)
    assert one.provenance.settings["constraint"]["name"] == text.partition("=")[0]
    if text == "box=0.2..0.8":
        assert (one.pixels.min(), one.pixels.max()) >= (51, 51)
        assert one.pixels.max() <= 204


@pytest.mark.parametrize("text", ["ball=5", "norm=x", "norm=1..2", "box=3"])
def test_constraints_that_make_no_sense(planted: pl.Net, text: str) -> None:
    with pytest.raises(InputError, match="write norm=RADIUS"):
        pl.optimize(planted, f"conv:{COLOR}", steps=2, constraint=text)


def test_a_class_is_named(planted: pl.Net) -> None:
    net = pl.load(planted_net(), input=pl.ImageInput(32), labels=["edge, border", "red"])
    edge, conv = pl.optimize(net, "logits:0", f"conv:{COLOR}", sign="+", steps=2)
    assert (edge.label, edge.to_json()["label"]) == ("edge, border", "edge, border")
    assert edge.caption.startswith("logits:0 edge +\n")
    assert conv.label is None
    assert "label" not in conv.to_json()


def test_progress_counts_pictures_only_when_they_are_done(planted: pl.Net) -> None:
    told = []
    pl.optimize(planted, "conv:0-2", sign="+", steps=3, batch=2, progress=lambda *args: told.append(args))
    assert [(done, total) for done, total, what in told if what == "pictures"] == [(0, 3), (2, 3), (3, 3)]
    assert [(done, total) for done, total, what in told if what == "steps"] == [(n, 6) for n in range(1, 7)]
    # The first two pictures are told between the last step of their batch and the first of the next.
    assert told.index((2, 3, "pictures")) == told.index((3, 6, "steps")) + 1


def test_an_interruption_keeps_every_finished_batch(
    planted: pl.Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pellucid.cli import running
    from pellucid.evidence import optimum

    whole, stop = optimum.climbs, [7, 2]

    def interrupted(net, goals, settings, *, on_step):
        def count(done, total):
            if done == stop[0]:
                raise KeyboardInterrupt
            on_step(done, total)

        return whole(net, goals, dataclasses.replace(settings, batch=2), on_step=count)

    monkeypatch.setattr(optimum, "climbs", interrupted)
    asked = [
        "optimize",
        "demo",
        "conv2:0-5",
        "--sign",
        "+",
        "--steps",
        "3",
        "--size",
        "32",
        "-o",
        str(tmp_path),
    ]
    assert running.run(asked) == 130
    assert f"4 pictures are in {tmp_path}" in capsys.readouterr().err.replace("\n", " ")
    assert len(list(tmp_path.glob("conv2*.png"))) == 4
    stop.pop(0)
    assert running.run(asked) == 130
    assert "its first batch was not done" in capsys.readouterr().err


def test_memory_may_be_said_in_words(planted: pl.Net) -> None:
    assert settings(planted, {"memory": "512MB"})["memory"] == 512_000_000
    with pytest.raises(InputError, match="memory '4 giga': write a number of bytes, as 4GiB"):
        settings(planted, {"memory": "4 giga"})
    with pytest.raises(InputError, match="the memory allowed is"):
        pl.optimize(planted, "conv:0", memory="1KiB", batch=512)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"learning_rate": 1e9}, "it must be above 0 and below 1e6"),
        ({"diversity": 1e9}, "it must be from 0 to below 1e9"),
        ({"constraint": "norm"}, "write norm=RADIUS, or give data with --like"),
    ],
)
def test_words_name_the_end_that_was_passed(planted: pl.Net, asked: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        pl.optimize(planted, "conv:0", **asked)


def test_a_linear_layers_optimum_shows_the_filter_and_says_by_which_objective(planted: pl.Net) -> None:
    """The edge filter's plain mean over a picture is that of its border; real edges are what it answers."""
    [found] = pl.optimize(planted, f"conv:{EDGE}", sign="+")
    assert found.objective.startswith("excitation")
    [plain] = pl.optimize(planted, f"conv:{EDGE}", sign="+", objective="channel")
    assert plain.objective.startswith("channel")
    assert found.extreme > 1.5 * plain.extreme


def test_the_plain_mean_stays_behind_a_bend_and_under_a_constraint(planted: pl.Net) -> None:
    behind = next(
        layer.name for layer in planted.layers() if layer.grid and not planted.is_straight(layer.name)
    )
    asked = [(f"{behind}:0", {}), (f"conv:{EDGE}", {"constraint": "norm=10"})]
    for unit, more in asked:
        assert pl.optimize(planted, unit, sign="+", steps=2, **more)[0].objective.startswith("channel")
