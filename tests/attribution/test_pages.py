# SPDX-License-Identifier: Apache-2.0
"""What an attribution shows of itself: pages, figures, documents, files; and the two commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from counting import counting_net, square
from PIL import Image

import pellucid as pl
from pellucid.attribution import METHODS, Attribution, map_pixels, overlay_pixels
from pellucid.attribution.cascade_page import cascade_page
from pellucid.attribution.page import reach_of, smoothed
from pellucid.cli import run
from pellucid.figures import Curve, Figure, Number
from pellucid.figures.stamp import read_stamp
from pellucid.kernels.page import Label


@pytest.fixture(scope="module")
def net() -> pl.Net:
    return pl.load(counting_net(), input=pl.ImageInput(32), labels=["red squares", "green squares"])


@pytest.fixture(scope="module")
def found(net: pl.Net) -> tuple[Attribution, ...]:
    return pl.attribute(net, square(), "logits:0", methods=METHODS, masks=16, steps=8)


def test_each_page_is_a_png_and_an_svg_with_provenance(
    found: tuple[Attribution, ...], tmp_path: Path
) -> None:
    for one in found:
        stamp = read_stamp(one.save(tmp_path / f"{one.method}.png"))
        assert stamp is not None
        assert stamp["method"] == f"attribution {one.method}"
        assert stamp["unit"] == "logits:0"
        assert len(stamp["settings"]["pixels_sha256"]) == 64
        assert {"captum", "torch", "pellucid"} <= set(stamp["versions"])
        for key, value in METHODS[one.method].settings.items():
            assert stamp["settings"][key] == (16 if key == "masks" else value)
        svg = one.save(tmp_path / f"{one.method}.svg").read_text()
        assert one.unit_words in svg
        assert '"pixels_sha256"' in svg.replace("&quot;", '"')


def test_unsound_methods_say_so_on_the_page(found: tuple[Attribution, ...]) -> None:
    for one in found:
        svg = one.page.svg()
        assert one.sound == (one.method not in ("guided_backprop", "deconvnet"))
        assert ("sanity checks of Adebayo et al. 2018" in svg) == (not one.sound)
        assert bool(one.caution) == (not one.sound)


def test_documents_are_json_and_complete(found: tuple[Attribution, ...]) -> None:
    for one in found:
        row = json.loads(json.dumps(one.to_json(), allow_nan=False))
        assert row["aim"] == "logits:0"
        assert row["shape"] == [32, 32]
        assert row["max"] == pytest.approx(float(one.values.max()))
        assert row["sum"] == pytest.approx(float(one.values.sum(dtype=np.float64)))
        assert len(row["faithfulness"]["insertion"]) == 9
        assert one.method in repr(one)


def test_figures_are_displayable_values(found: tuple[Attribution, ...]) -> None:
    for one in found:
        figures = one.figures()
        assert {"picture", "facts", "insertion", "deletion", "insertion_auc", "deletion_auc"} <= set(figures)
        assert all(isinstance(figure, Figure) for figure in figures.values())
        assert isinstance(figures["insertion"], Curve)
        assert isinstance(figures["insertion_auc"], Number)
        assert figures["insertion_auc"].value == one.faithfulness.insertion_auc
        for figure in figures.values():
            assert figure.html(str)


def test_without_faithfulness_there_are_no_curves(net: pl.Net) -> None:
    [one] = pl.attribute(net, square(), methods="saliency", faithfulness=False)
    assert one.faithfulness is None
    assert "insertion" not in one.figures()
    assert "faithfulness" not in one.to_json()


def test_colors_say_zero_sign_and_strength() -> None:
    values = np.array([[-2.0, 0.0, 2.0]])
    signed = map_pixels(values, signed=True)
    assert signed[0, 0, 2] > signed[0, 0, 0]  # blue below
    assert signed[0, 2, 0] > signed[0, 2, 2]  # red above
    assert signed[0, 1].min() > 240  # white for none
    one_sided = map_pixels(np.array([[0.0, 1.0, 2.0]]), signed=False)
    light = one_sided.astype(int).sum(-1)[0]
    assert light[0] > light[1] > light[2]
    picture = np.full((1, 3, 3), 90, np.uint8)
    over = overlay_pixels(values, picture, signed=True)
    assert over[0, 1].std() == 0  # where the map is zero the gray image shows
    assert reach_of(np.zeros((4, 4))) == 0
    assert map_pixels(np.zeros((4, 4)), signed=False).min() > 240


def test_captum_is_imported_only_when_a_method_runs() -> None:
    code = "import sys, pellucid.attribution; assert not {'captum', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_progress_tells_every_method_and_the_end(net: pl.Net) -> None:
    told: list[tuple[int, int, str]] = []
    pl.attribute(
        net, square(), methods="saliency,occlusion", steps=2, progress=lambda *each: told.append(each)
    )
    assert [done for done, _, _ in told] == [0, 1, 2, 3]
    assert {total for _, total, _ in told} == {3}


def test_smoothing_keeps_the_sum_and_the_place() -> None:
    values = np.zeros((40, 40))
    values[12, 25] = 3.0
    smooth = smoothed(values, 2.0)
    assert smooth.sum() == pytest.approx(3.0, rel=1e-3)
    assert np.unravel_index(smooth.argmax(), smooth.shape) == (12, 25)
    assert np.isfinite(smoothed(np.ones((1, 1)), 1 / 56)).all()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)).save(path)
    return path


def test_the_command_writes_figures_numbers_and_one_document(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["attribute", "demo", str(picture), "--aim", "conv5:9", "--methods", "saliency,occlusion"]
    code = run([*asked, "-o", str(tmp_path / "out"), "--json", "--set", "window=24", "--steps", "4"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    row = json.loads(printed.out)
    assert [one["method"] for one in row["attributions"]] == ["saliency", "occlusion"]
    assert row["attributions"][0]["aim"].startswith("conv5:9@")
    for one in row["attributions"]:
        assert all(Path(path).is_file() for path in one["pictures"])
    with np.load(row["values"]) as maps:
        assert set(maps) == {"saliency", "occlusion"}
        assert maps["occlusion"].shape == (96, 96)
    again = pl.attribute("demo", picture, "conv5:9", methods="occlusion", window=24, faithfulness=False)
    with np.load(row["values"]) as maps:
        np.testing.assert_array_equal(maps["occlusion"], again[0].values)


def test_the_cascade_command(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["cascade", "demo", str(picture), "--methods", "saliency", "--stages", "2"]
    assert run([*asked, "-o", str(tmp_path / "c.svg"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert len(row["stages"]) == 2
    assert Path(row["picture"]).is_file()
    assert run([*asked, "-o", str(tmp_path / "c.png")]) == 0
    assert "Saliency" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--aim", "logits:nobody"], "no label 'nobody'"),
        (["--methods", "magic"], "no method 'magic'"),
        (["--set", "window"], "NAME=VALUE"),
        (["--set", "window=900"], "fits into 96x96"),
        (["--methods", "gradcam", "--layer", "logits"], "no positions"),
    ],
)
def test_failures_are_one_line(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["attribute", "demo", str(picture), "-o", str(tmp_path / "out"), *words]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize("stages", [1, 3, 9])
def test_the_words_above_a_cascade_are_whole_however_narrow_it_is(stages: int) -> None:
    maps = np.zeros((stages + 1, 8, 8), np.float32)
    rows = [("holds", False, maps, [0.5] * stages, True)]
    page = cascade_page(
        np.zeros((8, 8, 3), np.uint8), rows, [f"conv{place}" for place in range(stages)], title="a title"
    )
    said = " ".join(mark.words for mark in page.marks if isinstance(mark, Label))
    assert "colors of each map by itself; numbers: rank correlation with the network as it is" in said
    assert "..." not in said
    assert "\u2026" not in said


def test_only_a_map_that_is_to_be_complete_tells_its_sum() -> None:
    found = pl.attribute(
        "demo",
        np.zeros((96, 96, 3)),
        "logits:3",
        methods=["gradcam", "integrated_gradients"],
        faithfulness=False,
    )
    told = [{row[0] for row in one._facts()} for one in found]
    assert ["sum" in rows for rows in told] == [False, True]
