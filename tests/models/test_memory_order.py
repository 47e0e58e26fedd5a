# SPDX-License-Identifier: Apache-2.0
"""Networks are fed with a pixel's channels together in memory, unless they fail on that."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.models import channels_together, tap


class Viewing(nn.Module):
    """Calls `view` on a map, as many networks do before their first linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 6 * 6, 3)
        self.together: list[bool] = []

    def forward(self, pixels: Tensor) -> Tensor:
        self.together.append(pixels.is_contiguous(memory_format=torch.channels_last))
        x = torch.relu(self.conv(pixels))
        return self.fc(x.view(len(x), -1))


class Reshaping(Viewing):
    def forward(self, pixels: Tensor) -> Tensor:
        self.together.append(pixels.is_contiguous(memory_format=torch.channels_last))
        x = torch.relu(self.conv(pixels))
        return self.fc(x.flatten(1))


def test_the_order_is_used_where_it_works_and_tried_once() -> None:
    pixels = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for kind, works in ((Viewing, False), (Reshaping, True)):
        inner = kind()
        net = pl.load(inner, input=pl.ImageInput(8))
        with tap(net, ["logits"]) as run:
            plain = run(pixels)["logits"]
            inner.together.clear()
            faster = channels_together(net, ["logits"], run)
            torch.testing.assert_close(faster(pixels)["logits"], plain)
            assert inner.together == [True, works]
            channels_together(net, ["logits"], run)
            assert inner.together == [True, works]  # not tried again


def test_a_layer_before_the_view_is_read_in_that_order() -> None:
    inner = Viewing()
    net = pl.load(inner, input=pl.ImageInput(8))
    with tap(net, ["conv"]) as run:
        inner.together.clear()
        channels_together(net, ["conv"], run)(torch.zeros(1, 3, 8, 8))
    assert inner.together == [True, True]


def test_optimizing_works_for_a_net_that_views_its_maps() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    viewing, reshaping = (pl.load(kind(), input=pl.ImageInput(8)) for kind in (Viewing, Reshaping))
    for call in (
        lambda net: pl.optimize(net, "logits:1", steps=6, sign="+", precision="float32")[0].activation,
        lambda net: pl.attribute(net, image, "logits:1", methods="occlusion")[0].values.max(),
    ):
        assert call(viewing) == pytest.approx(call(reshaping), rel=1e-3)
