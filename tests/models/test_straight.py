# SPDX-License-Identifier: Apache-2.0
"""Layers before and behind the first bend, on nets of which the answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pellucid.models import ImageInput, load


def net_of(*parts: nn.Module, **given: object):
    torch.manual_seed(0)
    return load(nn.Sequential(*parts).eval(), input=ImageInput(16, **given))


@pytest.mark.parametrize("normalize", [{}, {"mean": (0.5,) * 3, "std": (0.2,) * 3}])
def test_convolution_norm_mean_and_sum_are_straight(normalize: dict[str, object]) -> None:
    net = net_of(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.AvgPool2d(2), nn.Conv2d(4, 2, 3), **normalize
    )
    assert all(net.is_straight(layer.name) for layer in net.layers())


@pytest.mark.parametrize(
    "bend",
    [
        nn.ReLU(),
        nn.ReLU(inplace=True),
        nn.GELU(),
        nn.Sigmoid(),
        nn.MaxPool2d(2),
        nn.LeakyReLU(),
        nn.GroupNorm(2, 4),
    ],
)
def test_what_bends_is_not_nor_is_what_follows(bend: nn.Module) -> None:
    net = net_of(nn.Conv2d(3, 4, 3), bend, nn.Conv2d(4, 2, 3))
    assert [net.is_straight(name) for name in ("0", "1", "2")] == [True, False, False]


def test_a_rectifier_with_a_large_bias_bends() -> None:
    first = nn.Conv2d(3, 2, 5)
    nn.init.ones_(first.weight)
    nn.init.constant_(first.bias, -60.0)  # only a patch of nearly white gets above zero
    net = net_of(first, nn.ReLU(), nn.Conv2d(2, 2, 1))
    assert not net.is_straight("2")


def test_a_layer_that_answers_always_alike_counts_as_straight_and_half_precision_does_not_bend() -> None:
    dead = nn.Conv2d(3, 2, 3)
    nn.init.zeros_(dead.weight)
    assert net_of(dead, nn.Conv2d(2, 1, 1)).is_straight("1")
    assert net_of(nn.Conv2d(3, 4, 3).bfloat16()).is_straight("0")


def test_answers_that_are_no_numbers_are_not_straight() -> None:
    broken = nn.Conv2d(3, 2, 3)
    nn.init.constant_(broken.weight, float("nan"))
    assert not net_of(broken, nn.Conv2d(2, 1, 1)).is_straight("0")
