# SPDX-License-Identifier: Apache-2.0
"""Where cells lie: convolutions by their receptive fields, tokens on their patches, windows rolled back."""

from __future__ import annotations

import numpy as np
import torch
from nets import strided_net
from torch import nn

import pellucid as pl
from pellucid.models import places_of


class Tokens(nn.Module):
    """A ViT in little: 12x18 pixels in patches of 6, a class token in front, attention, a linear layer for each token.

    `see` gives each patch's mean; attention adds nothing to it (its weights are zero), but everything reaches everything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Conv2d(3, 4, 6, stride=6)
        self.first = nn.Parameter(torch.zeros(1, 1, 4))
        self.attention = nn.MultiheadAttention(4, 1, batch_first=True)
        self.feed = nn.Linear(4, 5)
        self.end = nn.Linear(5, 2)
        with torch.no_grad():
            self.see.weight.fill_(1 / 108)
            self.see.bias.zero_()
            self.attention.out_proj.weight.zero_()
            self.attention.out_proj.bias.zero_()
            self.feed.weight.fill_(1.0)
            self.feed.bias.zero_()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        patches = self.see(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(pixels), -1, -1), patches], 1)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.end(torch.relu(self.feed(tokens))[:, 0])


def tokens_net() -> pl.Net:
    torch.manual_seed(0)
    return pl.load(Tokens().eval(), input=pl.ImageInput((12, 18)))


def test_cells_of_a_convolution_tile_the_picture_around_the_middles_of_their_fields() -> None:
    net = pl.load(
        nn.Sequential(nn.Conv2d(3, 2, 5, stride=3, padding=1), nn.ReLU()), input=pl.ImageInput((20, 26))
    )
    layer = net.layer("0")
    places = places_of(net, layer)
    assert places.shape == layer.grid == (6, 8)
    whole = np.zeros((20, 26), int)
    for (row, column), own in zip(places.positions, places.own, strict=True):
        middle = (3 * column - 1 + 2.5, 3 * row - 1 + 2.5)
        assert own[0] <= middle[0] <= own[2]
        assert own[1] <= middle[1] <= own[3]
        for y, x in np.ndindex(20, 26):
            whole[y, x] += own[0] <= x + 0.25 < own[2] and own[1] <= y + 0.25 < own[3]
    assert (whole == 1).all()
    assert places.fields[9].tolist() == [2, 2, 7, 7]  # row 1, column 1


def test_tokens_behind_attention_lie_on_their_patches() -> None:
    net = tokens_net()
    assert net.layer("feed").grid == (7,)
    assert net.layer("feed").receptive_field is None
    places = places_of(net, net.layer("feed"))
    assert (places.shape, places.first) == ((2, 3), 1)
    assert places.own[0].tolist() == [0, 0, 0, 0]  # the class token stands nowhere
    assert places.own[6].tolist() == [12, 6, 18, 12]


def test_the_map_of_a_token_net_peaks_on_the_right_patch() -> None:
    net = tokens_net()
    pixels = np.zeros((12, 18, 3), np.uint8)
    pixels[7:11, 13:17] = 255  # within the last patch
    found = pl.look(net, pixels, layers=["feed"], methods=(), groups=0).layer("feed")
    assert found.maps[0].argmax() == 6
    assert found.places.own[6].tolist() == [12, 6, 18, 12]
    assert found.to_json()["cells"][6]["position"] == [6]


class Joined(nn.Module):
    """Two units that see one pixel before two that see five: they lie in one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(3, 2, 1, stride=2)
        self.wide = nn.Conv2d(3, 2, 5, stride=2, padding=2)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.narrow(pixels), self.wide(pixels)], 1)


def test_units_of_unlike_reach_share_the_union() -> None:
    net = pl.load(nn.Sequential(Joined(), nn.ReLU(), nn.Conv2d(4, 2, 1)), input=pl.ImageInput(16))
    assert net.fields("0").box(0, (2, 3)) == (6, 4, 7, 5)
    assert net.fields("0").box(3, (2, 3)) == (4, 2, 9, 7)
    places = places_of(net, net.layer("0"))
    assert places.fields[2 * 8 + 3].tolist() == [4, 2, 9, 7]
    for other, name in ((net, "0"), (pl.load(strided_net(), input=pl.ImageInput(48)), "head")):
        layer, fields = other.layer(name), other.fields(name)
        places = places_of(other, layer)
        for cell in (0, len(places) // 2, len(places) - 1):
            boxes = [fields.box(unit, tuple(places.positions[cell])) for unit in range(layer.units)]
            union = [*np.min(boxes, 0)[:2], *np.max(boxes, 0)[2:]]
            assert places.fields[cell].tolist() == union
