# SPDX-License-Identifier: Apache-2.0
"""Optima against networks whose answers are known, and what is saved against what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD, EDGE, planted_net
from PIL import Image

import pellucid as pl
from pellucid.errors import InputError, UnknownName
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
        response = (
            module.conv(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0, one.unit.index].mean().item()
        )
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
    monkeypatch.setattr("pellucid.evidence.optimum.MOST_TILES", 1)
    assert list(two[:2].sheets()) == ["sheet-1", "sheet-2"]


def test_one_optimum_shows_itself(optima: object) -> None:
    one = optima[0]
    assert one.plot().height > one.image.height
    assert repr(one).startswith(f"<optimum of {one.unit} +: ")


def test_a_rectified_layer_says_why_it_has_no_negative(planted: pl.Net) -> None:
    complete = settings(planted, {"steps": 2, "size": 32})
    [job] = plan(planted, planted.units("relu:0"), complete)
    [record] = run(planted, job, complete, None)
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
