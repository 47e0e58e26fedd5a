# SPDX-License-Identifier: Apache-2.0
"""The activation grid: colors of known cells in their places, exact pooling, and one plan for all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import mixing
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.figures.stamp import read_stamp
from pellucid.inversion import activation_grid
from pellucid.inversion.grid import pooled

RED, GREEN, BLUE = [1.0, -0.5, -0.5], [-0.5, 1.0, -0.5], [-0.5, -0.5, 1.0]
QUICK = {"steps": 48, "size": 40}


@pytest.fixture
def quarters():
    """Red beside green above blue beside black, 16 high and 24 wide."""
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:8, :12, 0] = pixels[:8, 12:, 1] = pixels[8:, :12, 2] = 255
    return pixels


def detectors(*after, patch=4):
    """Units for red, green and blue over patches of 4x4 pixels."""
    return pl.load(
        nn.Sequential(mixing([RED, GREEN, BLUE]), nn.AvgPool2d(patch), *after).eval(),
        input=pl.ImageInput((16, 24)),
    )


def color_of(picture):
    """The strongest channel, where it clearly is."""
    _, middle, high = np.sort(picture.reshape(-1, 3).mean(0))
    return int(picture.reshape(-1, 3).mean(0).argmax()) if high - middle > 60 else None


@pytest.mark.parametrize("after", [(), (nn.ReLU(),)], ids=["signed", "rectified"])
def test_each_cell_comes_out_in_its_color_at_its_place(quarters, after):
    layer = "logits"
    grid = activation_grid(detectors(*after), quarters, layer, **QUICK)
    assert grid.shape == (4, 6)
    colors = [[color_of(grid.pictures[row, column]) for column in range(6)] for row in range(4)]
    assert colors == 2 * [[0, 0, 0, 1, 1, 1]] + 2 * [[2, 2, 2, None, None, None]]
    assert (grid.pictures[2:, 3:] == 128).all()  # black answers nothing: no direction, no picture
    assert np.isnan(grid.values[2:, 3:]).all()
    assert (grid.values[:2] > 0.4).all()
    assert grid.norms[0, 0] == pytest.approx(1.0 if after else np.sqrt(1.5))
    whole = np.asarray(grid.picture)
    assert color_of(whole[:64, :64]) == 0
    assert color_of(whole[128:192, 64:128]) == 2


def test_equal_cells_share_a_picture_and_others_do_not(quarters):
    grid = activation_grid(detectors(), quarters, "logits", **QUICK)
    assert np.array_equal(grid.pictures[0, 0], grid.pictures[1, 2])
    assert not np.array_equal(grid.pictures[0, 0], grid.pictures[0, 3])


def test_all_cells_in_one_plan_are_what_each_is_alone(quarters):
    torch.manual_seed(0)
    net = pl.load(nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU()), input=pl.ImageInput((16, 24)))
    exact = {**QUICK, "precision": "float32"}
    together = activation_grid(net, quarters, "1", **exact)
    alone = activation_grid(net, quarters, "1", batch=1, **exact)
    seeds = [activation_grid(net, quarters, "1", seed=seed, **exact).values for seed in (1, 2, 3)]
    spread = np.nanmax(np.abs(np.stack(seeds) - np.stack(seeds).mean(0)))
    assert np.nanmax(np.abs(together.values - alone.values)) <= max(spread, 1e-3)
    assert np.abs(together.pictures.astype(int) - alone.pictures).max() <= 2


@pytest.mark.parametrize(("grid", "parts"), [((28, 28), (14, 14)), ((27, 13), (14, 5)), ((5, 7), (5, 7))])
def test_pooling_is_exact(grid, parts):
    maps = np.random.default_rng(0).normal(size=(2, *grid))
    found = pooled(maps, parts)
    fine = maps.repeat(parts[0], 1).repeat(parts[1], 2)  # every part is whole fine positions
    for row, column in np.ndindex(*parts):
        part = fine[:, row * grid[0] : (row + 1) * grid[0], column * grid[1] : (column + 1) * grid[1]]
        np.testing.assert_allclose(found[:, row, column], part.mean((1, 2)), atol=1e-12)


def test_large_grids_are_pooled_to_fourteen(net_of):
    image = np.random.default_rng(0).random((40, 30, 3))
    grid = activation_grid(net_of(nn.Conv2d(3, 2, 1), size=(40, 30)), image, "0", steps=1, size=8)
    assert grid.shape == (14, 14)
    assert grid.pooled_from == (40, 30)
    assert grid.to_json()["grid"] == [40, 30]


class Tokens(nn.Module):
    """Patches of 4x4 as tokens behind a class token, colors as features."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Sequential(mixing([RED, GREEN, BLUE]), nn.AvgPool2d(4))
        self.mixed = nn.Linear(3, 3, bias=False)
        nn.init.eye_(self.mixed.weight)

    def forward(self, pixels):
        tokens = self.patches(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
        return self.mixed(tokens)[:, 0]


def test_tokens_lie_as_their_patches_do(quarters):
    net = pl.load(Tokens().eval(), input=pl.ImageInput((16, 24)))
    assert net.layer("mixed").grid == (25,)
    grid = activation_grid(net, quarters, "mixed", canvas="pyramid", **QUICK)
    assert grid.shape == (4, 6)
    assert [color_of(grid.pictures[0, 0]), color_of(grid.pictures[0, 5]), color_of(grid.pictures[3, 0])] == [
        0,
        1,
        2,
    ]


def test_files_and_scaled_cells(quarters, tmp_path):
    half = quarters.copy()
    half[:8, :12, 0] = 128
    grid = activation_grid(detectors(), half, "logits", cells=2, scaled=True, **QUICK)
    assert grid.shape == (2, 2)
    stamp = read_stamp(grid.save(tmp_path / "grid.png"))
    assert stamp["method"] == "activation grid"
    assert stamp["settings"]["cells"] == [2, 2]
    whole = np.asarray(Image.open(tmp_path / "grid.png"))
    assert whole[4, 4].tolist() == [253, 252, 249]  # the fainter cell is drawn smaller, on paper
    assert whole[32, 32].tolist() != [253, 252, 249]
    assert whole[4, 68].tolist() != [253, 252, 249]
    cells = grid.save_cells(tmp_path / "cells")
    assert [path.name for path in cells] == [f"logits-{y}-{x}.png" for y in range(2) for x in range(2)]
    assert read_stamp(cells[1])["unit"] == "logits@0,1"
    assert grid.plot().width > 480
    assert grid._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("layer", "options", "error", "words"),
    [
        ("2", {}, InputError, "2 has no positions, a grid needs rows and columns"),
        ("nine", {}, UnknownName, "nine"),
        ("0", {"cells": 99}, InputError, "99x99 cells of 0 were asked; it has 16x24"),
        ("0", {"power": -1}, InputError, "power -1"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(quarters, layer, options, error, words):
    net = pl.load(
        nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(768, 3)), input=pl.ImageInput((16, 24))
    )
    with pytest.raises(error, match=words):
        activation_grid(net, quarters, layer, **options)


def test_a_cell_that_is_not_there(quarters):
    grid = activation_grid(detectors(), quarters, "logits", cells=1, steps=1, size=8)
    with pytest.raises(InputError, match="cell 1,0"):
        grid.cell(1, 0)
