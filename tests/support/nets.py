# SPDX-License-Identifier: Apache-2.0
"""Tiny networks whose weights are set by hand, so that the right answer about each is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EDGE, BAR, COLOR, DEAD = 0, 1, 2, 3  # the units of planted_net's `conv`


def planted_net() -> nn.Sequential:
    """3x32x32 -> conv (4 units, 5x5, no padding) -> relu -> pool -> flatten -> fc; wants no normalization.

    conv:0 EDGE: 11.25, its maximum, at a vertical edge (black left, white right), -11.25 at its opposite.
    conv:1 BAR: 7.5, its maximum, at a horizontal white bar one pixel high on black.
    conv:2 COLOR: red minus green summed over the patch: 25.0 on pure red, -25.0 on pure green.
    conv:3 DEAD: weights zero, bias -1: the response is -1 everywhere and 0 behind the ReLU.
    fc: logits = (pooled EDGE - pooled BAR, pooled COLOR).
    """
    conv = nn.Conv2d(3, 4, 5)
    fc = nn.Linear(4, 2)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -1.0]))
        conv.weight[EDGE, :, :, :2] = -0.375
        conv.weight[EDGE, :, :, 2:] = 0.25
        conv.weight[BAR] = -0.125
        conv.weight[BAR, :, 2] = 0.5
        conv.weight[COLOR, 0] = 1.0
        conv.weight[COLOR, 1] = -1.0
        fc.weight.copy_(torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]))
        fc.bias.zero_()
    net = nn.Sequential()
    net.add_module("conv", conv)
    net.add_module("relu", nn.ReLU(inplace=True))
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc", fc)
    return net.eval()


def edge_picture(size: int = 32, column: int = 16) -> Tensor:
    """(3, size, size) in 0..1, black left of `column`, then white: EDGE is 11.25 at x = column - 2."""
    pixels = torch.zeros(3, size, size)
    pixels[:, :, column:] = 1.0
    return pixels


class ResidualNet(nn.Module):
    """A residual net whose one in-place ReLU module is called three times: `relu`, `relu#2`, `relu#3`.

    conv1 (1x1) gives (red, green, blue, -red); conv2 (1x1) gives -0.5 times relu(conv1); `y += x` adds in
    place, so the first sum is (red, green, blue, 0) / 2. conv3 sums each 3x3 neighborhood of all channels; fc
    takes the first three.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 1, bias=False)
        self.conv2 = nn.Conv2d(4, 4, 1, bias=False)
        self.conv3 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 3)
        with torch.no_grad():
            self.conv1.weight.zero_()
            self.conv1.weight[:3, :, 0, 0] = torch.eye(3)
            self.conv1.weight[3, 0] = -1.0
            self.conv2.weight.copy_(-0.5 * torch.eye(4)[:, :, None, None])
            self.conv3.weight.fill_(1.0)
            self.fc.weight.copy_(torch.eye(4)[:3])
            self.fc.bias.zero_()

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.relu(self.conv1(pixels))
        y = self.conv2(x)
        y += x
        x = self.relu(y)
        x = self.relu(self.conv3(x))
        return self.fc(x.mean((2, 3)))


def residual_net() -> ResidualNet:
    return ResidualNet().eval()


def dilated_net() -> nn.Sequential:
    """Odd on purpose: 4x2 dilated kernels, odd paddings, average pool, grouped convolution."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, (4, 2), dilation=(2, 3), padding=(1, 2)),
        nn.ReLU(),
        nn.AvgPool2d(3, 2, padding=1),
        nn.Conv2d(4, 6, 3, dilation=2, groups=2),
        nn.ReLU(),
        nn.Conv2d(6, 5, 3, padding=1),
    ).eval()


class StridedNet(nn.Module):
    """Odd on purpose: strides 3 and 2, ceil_mode, branches of unlike reach joined by concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 5, stride=3, padding=2)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.narrow = nn.Conv2d(4, 2, 1)
        self.wide = nn.Conv2d(4, 3, 5, padding=2)
        self.up = nn.ConvTranspose2d(5, 4, 4, stride=2, padding=1)
        self.head = nn.Conv2d(4, 6, 3, stride=2)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.pool(F.relu(self.stem(pixels), inplace=True))
        x = torch.cat([self.narrow(x), self.wide(x)], 1)
        return self.head(F.relu(self.up(x)))


def strided_net() -> StridedNet:
    torch.manual_seed(0)
    return StridedNet().eval()


@dataclass
class Prediction:
    """Shaped like the output objects of transformers: the tensor wanted is an attribute called `logits`."""

    logits: Tensor
    hidden: Tensor | None = None


class ObjectNet(nn.Module):
    """planted_net inside, but with an output object as transformers' models have."""

    def __init__(self) -> None:
        super().__init__()
        self.body = planted_net()

    def forward(self, pixel_values: Tensor) -> Prediction:
        return Prediction(self.body(pixel_values))


def object_net() -> ObjectNet:
    return ObjectNet().eval()


def mixing(rows: list[list[float]], bias: float = 0.0) -> nn.Conv2d:
    """A layer whose units are these sums of the channels, at each pixel alone."""
    layer = nn.Conv2d(len(rows[0]), len(rows), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rows)[:, :, None, None])
        layer.bias.fill_(bias)
    return layer
