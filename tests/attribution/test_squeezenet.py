# SPDX-License-Identifier: Apache-2.0
"""The real SqueezeNet on real photographs: complete, faithful, and failing the cascade where it is known to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.attribution import cell_grid, faithfulness
from pellucid.models import fed_pixels

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def net(real_data: Path) -> pl.Net:
    folder = real_data / "squeezenet"
    return pl.load(
        "torchvision/squeezenet1_0",
        weights=folder / "squeezenet1_0.safetensors",
        labels=folder / "labels.txt",
    )


@pytest.fixture(scope="module")
def photos(real_data: Path) -> list[Path]:
    return sorted((real_data / "photos").glob("*.JPEG"))


def test_integrated_gradients_are_complete_to_a_thousandth(net: pl.Net, photos: list[Path]) -> None:
    for photo in photos[20:100:40]:
        [found] = pl.attribute(net, photo, methods="integrated_gradients", faithfulness=False)
        change = found.response - found.extras["baseline_response"]
        assert abs(found.values.sum(dtype=np.float64) - change) <= 1.1e-3 * abs(change)


def test_a_look_is_as_complete_with_few_gradients(net: pl.Net, photos: list[Path]) -> None:
    look = pl.look(
        net, photos[0], layers=["features.12.expand3x3"], groups=0, methods=["integrated_gradients"]
    )
    [found] = look.attributions
    assert found.extras["complete"]
    assert found.extras["relative_residual"] <= 1e-3
    assert found.extras["gradients"] <= 96


def test_gradcam_is_more_faithful_than_chance_by_a_clear_margin(net: pl.Net, photos: list[Path]) -> None:
    gains = []
    for number, photo in enumerate(photos[5::25]):
        [found] = pl.attribute(net, photo, methods="gradcam", steps=14)
        pixels = fed_pixels(photo, net)[None]
        draws = np.random.default_rng(number)
        grid = cell_grid(net, net.layer(found.layer or ""))
        assert grid is not None
        random = [
            grid.spread(draws.random(grid.shape).astype(np.float32), (224, 224)),
            draws.random((224, 224)).astype(np.float32),
        ]
        games = faithfulness(net, found.aim, pixels, random, steps=14, batch=16)
        assert found.faithfulness is not None
        best = max(game.insertion_auc or 0 for game in games)
        gains.append((found.faithfulness.insertion_auc or 0) - best)
    assert np.mean(gains) > 0.1, gains


def test_guided_backpropagation_fails_the_cascade_and_gradcam_passes(net: pl.Net, photos: list[Path]) -> None:
    found = pl.cascade(net, photos[40], methods="gradcam,guided_backprop", stages=8)
    gradcam, guided = found.rows
    assert gradcam.passes
    assert not guided.passes
