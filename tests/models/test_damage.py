# SPDX-License-Identifier: Apache-2.0
"""Weights that are no numbers are told when a network is loaded; masks of infinities are none."""

from __future__ import annotations

import torch
from torch import nn

from pellucid.models import ImageInput, load
from pellucid.models.damage import damage


def test_the_line_counts_and_names() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1))
    with torch.no_grad():
        module[0].weight[1, 0, 0, :2] = torch.tensor([torch.nan, torch.inf])
        module[1].running_mean[0] = torch.nan
        module[2].bias.fill_(torch.nan)
        module[3].bias.fill_(torch.nan)
    said = damage(module)
    assert said is not None
    assert said.startswith(
        "NaN or infinity in 2 of the 54 numbers of 0.weight, 2 of the 2 numbers of 2.bias, 2 of"
    )
    assert "and 1 more: the training diverged" in said
    assert any(said in note for note in load(module, input=ImageInput(16)).notes)


def test_a_mask_of_infinities_is_sound() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 3))
    module.register_buffer("mask", torch.full((4, 4), -torch.inf).triu(1))
    assert damage(module) is None
    assert not any("NaN" in note for note in load(module, input=ImageInput(16)).notes)
