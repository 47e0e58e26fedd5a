# SPDX-License-Identifier: Apache-2.0
"""Insertion and deletion against a slow loop written from the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from counting import counting_net, square
from scipy.ndimage import gaussian_filter1d
from torch import nn

import pellucid as pl
from pellucid.attribution import Aim, faithfulness

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)


@pytest.fixture(scope="module")
def inner() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4)
    ).eval()


@pytest.fixture(scope="module")
def net(inner: nn.Sequential) -> pl.Net:
    return pl.load(inner, input=pl.ImageInput((20, 24), mean=MEAN, std=STD))


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(1))


def slow_game(
    score: object, start: torch.Tensor, end: torch.Tensor, values: np.ndarray, steps: int
) -> list[float]:
    """Pixel by pixel in the map's order, scored one image at a time."""
    height, width = values.shape
    order = sorted(range(height * width), key=lambda at: (-values[at // width, at % width], at))
    image, scores, done = start.clone(), [score(start)], 0
    for step in range(1, steps + 1):
        until = round(step * height * width / steps)
        for at in order[done:until]:
            image[0, :, at // width, at % width] = end[0, :, at // width, at % width]
        done = until
        scores.append(score(image))
    return scores


def area(x: list[float], y: list[float]) -> float:
    return sum((x[i + 1] - x[i]) * (y[i] + y[i + 1]) / 2 for i in range(len(x) - 1))


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_curves_and_areas_equal_a_slow_loop(
    net: pl.Net, inner: nn.Sequential, pixels: torch.Tensor, batch: int
) -> None:
    generator = np.random.default_rng(0)
    maps = [generator.normal(size=(20, 24)).astype(np.float32) for _ in range(2)]
    maps[1] = np.round(maps[1])  # with ties
    found = faithfulness(net, Aim.parse("logits:2").on(net), pixels, maps, steps=9, batch=batch)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))

    def score(image: torch.Tensor) -> float:
        with torch.no_grad():
            return float(inner((image - mean) / std).softmax(1)[0, 2])

    blurred = pixels.numpy()
    for axis in (2, 3):  # 11 pixels wide: truncated at five
        blurred = gaussian_filter1d(blurred, 5.0, axis=axis, mode="mirror", radius=5)
    for values, one in zip(maps, found, strict=True):
        insertion = slow_game(score, torch.from_numpy(blurred), pixels, values, 9)
        deletion = slow_game(score, pixels, mean.expand_as(pixels), values, 9)
        shares = [round(step * 480 / 9) / 480 for step in range(10)]
        np.testing.assert_allclose(one.shares, shares)
        np.testing.assert_allclose(one.insertion, insertion, atol=1e-5)
        np.testing.assert_allclose(one.deletion, deletion, atol=1e-5)
        assert one.insertion_auc == pytest.approx(area(shares, insertion), abs=1e-5)
        assert one.deletion_auc == pytest.approx(area(shares, deletion), abs=1e-5)
        assert one.score == "probability"


def test_a_unit_is_scored_by_its_share_of_the_difference(
    net: pl.Net, inner: nn.Sequential, pixels: torch.Tensor
) -> None:
    values = np.random.default_rng(3).normal(size=(20, 24)).astype(np.float32)
    [one] = faithfulness(net, Aim.parse("0:3@4,5").on(net), pixels, [values], steps=5, batch=4)
    assert one.score == "share"
    assert one.deletion[0] == pytest.approx(1)
    assert one.deletion[-1] == pytest.approx(0, abs=1e-6)
    assert one.insertion[0] == pytest.approx(0, abs=1e-6)
    assert one.insertion[-1] == pytest.approx(1)
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))

    def response(image: torch.Tensor) -> float:
        with torch.no_grad():
            return float(inner[0]((image - mean) / std)[0, 3, 4, 5])

    raw = slow_game(response, pixels, mean.expand_as(pixels), values, 5)
    shares = [(value - raw[-1]) / (raw[0] - raw[-1]) for value in raw]
    np.testing.assert_allclose(one.deletion, shares, atol=1e-4)


def test_the_right_map_beats_the_wrong_one() -> None:
    net = pl.load(counting_net(), input=pl.ImageInput(32))
    right = square()[0].numpy()
    found = faithfulness(
        net, Aim.parse("logits:0").on(net), square()[None], [right, -right], steps=16, batch=8
    )
    assert found[0].insertion_auc > found[1].insertion_auc + 0.1
    assert found[0].deletion_auc < found[1].deletion_auc - 0.1


def test_outputs_that_are_probabilities_already_are_taken_as_they_are(
    pixels: torch.Tensor, inner: nn.Sequential
) -> None:
    net = pl.load(nn.Sequential(*inner, nn.Softmax(1)), input=pl.ImageInput((20, 24), mean=MEAN, std=STD))
    bare = pl.load(inner, input=pl.ImageInput((20, 24), mean=MEAN, std=STD))
    values = np.random.default_rng(3).normal(size=(20, 24)).astype(np.float32)
    [ends], [begins] = (
        faithfulness(each, Aim.parse("logits:1").on(each), pixels, [values], steps=4, batch=4)
        for each in (net, bare)
    )
    np.testing.assert_allclose(ends.insertion, begins.insertion, atol=1e-6)


def test_a_unit_that_answers_the_empty_image_alike_has_no_curve() -> None:
    net = pl.load(counting_net(), input=pl.ImageInput(32))
    [one] = faithfulness(
        net, Aim.parse("relu:0@0,0").on(net), square()[None], [square()[0].numpy()], steps=4, batch=4
    )
    assert one.deletion is None
    assert one.deletion_auc is None
    assert "deletion" not in one.curves()
