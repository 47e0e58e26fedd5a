# SPDX-License-Identifier: Apache-2.0
"""Other channels, precisions and outputs than usual, and callers in inference mode: every method still answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.attribution import METHODS, Attribution

CHEAP = {"masks": 8, "samples": 3, "steps": 3, "max_steps": 32}


def small(channels: int = 3, *head: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    body = [nn.Conv2d(channels, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2), nn.ReLU()]
    return nn.Sequential(*body, *(head or (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))))


def attributed(module: nn.Module, channels: int = 3) -> tuple[Attribution, ...]:
    net = pl.load(module, input=pl.ImageInput((20, 24), channels))
    pixels = torch.rand(channels, 20, 24, generator=torch.Generator().manual_seed(1))
    found = pl.attribute(net, pixels, methods=METHODS, **CHEAP)
    assert [one.method for one in found] == list(METHODS)
    for one in found:
        assert one.values.shape == (20, 24)
        assert np.isfinite(one.values).all()
        assert one.plot().width > 100
    return found


@pytest.mark.parametrize("channels", [1, 4, 12])
def test_any_number_of_channels(channels: int) -> None:
    attributed(small(channels), channels)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_other_precisions_are_computed_in_a_copy(kind: torch.dtype) -> None:
    module = small().to(kind)
    attributed(module)
    assert module[0].weight.dtype == kind


def test_callers_without_gradients_get_the_same_maps() -> None:
    module = small()
    plain = attributed(module)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            found = attributed(module)
        for one, other in zip(plain, found, strict=True):
            np.testing.assert_array_equal(one.values, other.values)
    net = pl.load(module, input=pl.ImageInput(20))
    with torch.inference_mode():
        rows = pl.cascade(net, torch.rand(3, 20, 20), methods="saliency").rows
    assert rows[0].absolute[0] is not None


def test_a_segmentation_is_read_where_its_top_class_is_strongest() -> None:
    found = attributed(small(3, nn.Conv2d(4, 5, 1)))
    assert str(found[0].aim).partition("@")[2]
    assert found[0].faithfulness is not None
    assert found[0].faithfulness.score == "share"


def test_a_single_output_is_scored_by_its_share() -> None:
    found = attributed(small(3, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)))
    assert str(found[0].aim) == "logits:0"
    assert found[0].faithfulness is not None
    assert found[0].faithfulness.score == "share"


def test_capped_rectifiers_obey_the_rules_for_relu() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.ReLU6(),
        nn.Conv2d(6, 6, 3),
        nn.Hardtanh(0, 6, inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 2),
    )
    guided = next(one for one in attributed(module) if one.method == "guided_backprop")
    assert guided.extras["rectifiers"] == 2


def test_a_sum_over_layers_is_one_aim() -> None:
    net = pl.load(small(), input=pl.ImageInput((20, 24)))
    pixels = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(1))
    maps = [
        pl.attribute(net, pixels, aim, methods="occlusion", faithfulness=False)[0]
        for aim in ("3:1@2,2", "2:3@6,4", "logits:2", "3:1@2,2 - 2:3@6,4 + 0.5 * logits:2")
    ]
    expected = maps[0].values - maps[1].values + 0.5 * maps[2].values
    np.testing.assert_allclose(maps[3].values, expected, atol=1e-6)
