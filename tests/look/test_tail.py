# SPDX-License-Identifier: Apache-2.0
"""Shares finer than one in as many as there are images, against all positions of all images counted by hand."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.figures.strip import strip_sheet
from pellucid.look import Dictionary
from pellucid.look.tail import tail_from

IMAGES, SIDE = 30, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(3)
    for number in range(IMAGES):
        loud = random.random() ** 3
        pixels = (random.random((SIDE, SIDE, 3)) * 255 * loud).astype(np.uint8)
        Image.fromarray(pixels).save(home / f"{number:02d}.png")
    return home


@pytest.fixture(scope="module")
def net() -> pl.Net:
    torch.manual_seed(5)
    return pl.load(
        nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 2, 1)).eval(), input=pl.ImageInput(SIDE)
    )


@pytest.fixture(scope="module")
def spreads(net, folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("tails") / "tails.atlas"
    pl.survey(net, folder, path, "0", kinds=["examples"])
    with closing(Dictionary.open(path, net)) as dictionary:
        yield [dictionary.entries("0")[unit].spread for unit in range(6)]


@pytest.fixture(scope="module")
def everywhere(net, folder) -> np.ndarray:
    """(6, images * positions) every response of every unit, by the module itself."""
    pixels = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
    with torch.no_grad():
        maps = net.module[0](torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    return maps.permute(1, 0, 2, 3).reshape(6, -1).double().numpy()


def test_above_the_ninth_strongest_image_every_position_is_counted(spreads, everywhere) -> None:
    finer = 0
    for spread, values in zip(spreads, everywhere, strict=True):
        peaks = np.sort(values.reshape(IMAGES, -1).max(1))[::-1]
        assert spread.start == pytest.approx(peaks[8], abs=1e-6)
        step = np.abs(values).max() / 127
        for response in np.linspace(peaks[8] + 1e-6, peaks[0], 25):
            told = float(spread.top_share(response))
            at_least, at_most = (
                max((values >= response - more).mean(), 1 / len(values)) for more in (-1e-6, step + 1e-6)
            )
            assert min(at_least, spread.finest) - 1e-12 <= told <= at_most + 1e-12
        fine = (
            np.abs(values).max() < 20 * peaks[0]
        )  # steps are shares of the strongest response of either sign
        assert not fine or float(spread.top_share(peaks[0])) < spread.finest / 5
        assert not fine or not spread.standing(float(peaks[0] * 0.999)).startswith("about")
        finer += fine
    assert finer >= 3


@pytest.mark.parametrize("share", [0.01, 0.001, 0.0005])
def test_a_cut_at_a_small_share_is_truly_at_most_that_share(spreads, everywhere, share) -> None:
    counted = 0
    for spread, values in zip(spreads, everywhere, strict=True):
        at, words = spread.cut(share)
        assert (values >= at).mean() <= share
        if words == f"the top {100 * share:g} % of what it does over the data":
            counted += 1
            step = np.abs(values).max() / 127
            assert (values >= at - step - 1e-6).mean() > share - 1 / len(values)  # and hardly less than it
        else:
            assert words.startswith(("at most the top", "beyond all it did in 30 images"))
    assert counted or share == 0.01


def test_two_shares_with_one_number_have_one_name(spreads) -> None:
    for spread in spreads:
        found = [spread.cut(share) for share in (0.05, 0.02, 0.001, 0.0005)]
        assert [at for at, _ in found] == sorted(at for at, _ in found)
        for one, other in pairwise(found):
            assert (one[0] == other[0]) == (one[1] == other[1])


def test_maps_that_are_no_colors_of_a_sheet_or_smaller_than_the_grid_tell_nothing(
    net, folder, tmp_path
) -> None:
    [strip] = strip_sheet([[np.full((2, 2), 9, np.int8), None]], (2, 2), 1.0)
    assert tail_from(strip, strip.blob.image(), 0.0, 2) is None  # one of the maps is missing
    [strip] = strip_sheet([[np.array([[9, 127], [-5, 0]], np.int8)]], (2, 2), 2.0)
    tail = tail_from(strip, strip.blob.image(), -np.inf, 1)
    assert tail.values == pytest.approx((np.array([127, 9, 0, -5]) + 0.5) * 2 / 127)
    assert tail.shares(np.array([0.1, 1.9, 3.0])).tolist() == [0.5, 0.25, 0.25]
    wide = pl.load(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()).eval(), input=pl.ImageInput(40))
    pl.survey(wide, folder, tmp_path / "wide.atlas", "0", kinds=["examples"])
    with closing(Dictionary.open(tmp_path / "wide.atlas", wide)) as dictionary:
        spread = dictionary.entries("0")[0].spread
    assert (spread.start, spread.tail) == (None, None)
    assert spread.cut(0.001)[1].endswith("the finest that 30 images can tell")
