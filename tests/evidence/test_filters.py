# SPDX-License-Identifier: Apache-2.0
"""Filters as pictures: true colors, zero is gray, and what is no first layer is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD
from torch import nn

import pellucid as pl
from pellucid.cli import run
from pellucid.errors import InputError
from pellucid.figures.stamp import read_stamp


def test_red_minus_green_shows_red_over_blue_at_zero(planted: pl.Net) -> None:
    pixels = np.asarray(pl.filters(planted).picture(COLOR))
    assert pixels.shape == (5, 5, 3)
    assert (pixels == [255, 0, 128]).all()


def test_a_dead_filter_is_gray(planted: pl.Net) -> None:
    assert (np.asarray(pl.filters(planted).picture(DEAD)) == 128).all()


def test_colors_are_those_of_the_image_not_of_the_normalized_input() -> None:
    conv = nn.Conv2d(3, 1, 3)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0] = 0.25  # equal to red's deviation: weight 1 on red as the image has it
        conv.weight[0, 1] = -0.5
    image = pl.ImageInput(8, mean=(0.5, 0.4, 0.3), std=(0.25, 0.5, 0.75))
    found = pl.filters(pl.load(nn.Sequential(conv), input=image))
    assert found.bank.weights[0, :, 0, 0] == pytest.approx([1.0, -1.0, 0.0])


def test_the_sheet_carries_its_provenance(planted: pl.Net, tmp_path: Path) -> None:
    stamp = read_stamp(pl.filters(planted).save(tmp_path / "filters.png"))
    assert stamp is not None
    assert stamp["method"] == "filters"
    assert stamp["weights_digest"] == planted.weights_digest


def test_a_layer_without_kernels_is_refused_in_words(planted: pl.Net) -> None:
    with pytest.raises(InputError, match="conv"):
        pl.filters(planted, "fc")


def test_deeper_kernels_are_shown_channel_by_channel() -> None:
    net = pl.load("demo")
    found = pl.filters(net, "conv2")
    assert found.bank.weights.shape[:2] == (net.layer("conv2").units, net.layer("conv1").units)
    assert found.picture(0).width > found.bank.size[1]


def test_the_reading_names_what_was_planted(planted: pl.Net) -> None:
    document = pl.filters(planted).to_json()
    wanted = {"unit", "family", "dc", "orientation_deg", "frequency", "chroma", "opponent_axis", "gabor_r2"}
    assert all(wanted <= set(row) for row in document["filters"])
    assert document["filters"][COLOR]["unit"] == f"conv:{COLOR}"
    assert document["filters"][DEAD]["dead"]


def test_the_command_draws_signals_bands_and_a_deeper_layer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nets = tmp_path / "nets.py"
    nets.write_text(
        "from torch import nn\n"
        "def signal(): return nn.Sequential(nn.Conv1d(2, 6, 9))\n"
        "def bands(): return nn.Sequential(nn.Conv2d(4, 6, 5), nn.ReLU(), nn.Conv2d(6, 3, 3))\n"
    )
    out = str(tmp_path / "filters.svg")
    assert run(["filters", f"{nets}:signal", "-o", out, "--json"]) == 0
    read = capsys.readouterr()
    assert "reads a signal" in read.err
    assert len(json.loads(read.out)["filters"]) == 6
    model = [f"{nets}:bands", "--input", "4x16x16", "--normalize", "none", "-o", out]
    assert run(["filters", *model, "--bands", "2,1,0"]) == 0
    assert "colors of their own" in Path(out).read_text()
    assert '"method": "filters"' in Path(out).read_text().replace("&quot;", '"')
    assert run(["filters", *model, "--bands", "9,1,0"]) == 2
    assert run(["filters", *model, "--layer", "2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "is shown and not read" in document["verdict"]
