# SPDX-License-Identifier: Apache-2.0
"""Networks that count red squares, with weights set by hand, so that it is known which pixels matter and how much."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CELL, SIDE = 8, 32
RED, GREEN = 0, 1
BOX = (8, 16, 16, 24)  # x0, y0, x1, y1 of the square in `square`: row 2, column 1 of the cells


def square(color: int = RED, box: tuple[int, int, int, int] = BOX) -> Tensor:
    """(3, 32, 32): a full red, green or blue square on black."""
    pixels = torch.zeros(3, SIDE, SIDE)
    x0, y0, x1, y1 = box
    pixels[color, y0:y1, x0:x1] = 1.0
    return pixels


def detector() -> nn.Conv2d:
    """(3, 32, 32) -> (2, 4, 4): 0.5 at a cell all red (unit 0) or all green (unit 1); -0.5 on black, less on white."""
    conv = nn.Conv2d(3, 2, CELL, stride=CELL)
    with torch.no_grad():
        conv.weight.fill_(-1.0 / CELL**2)
        conv.weight[RED, RED] = conv.weight[GREEN, GREEN] = 1.0 / CELL**2
        conv.bias.fill_(-0.5)
    return conv


def counting_head() -> nn.Linear:
    """Pooled (2,) -> logits (red squares, green squares): every detection of 0.5 counts one."""
    fc = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        fc.weight.copy_(torch.eye(2) * 2 * (SIDE // CELL) ** 2)
    return fc


def counting_net(inplace: bool = False) -> nn.Sequential:
    """conv -> relu -> pool -> flatten -> fc: logits:0 is the number of red squares on the grid, logits:1 of green ones."""
    net = nn.Sequential()
    net.add_module("conv", detector())
    net.add_module("relu", nn.ReLU(inplace=inplace))
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc", counting_head())
    return net.eval()


class Gather(nn.Module):
    """Tokens (N, 1 + T, K): the class token becomes the mean of the others; those go on as they are."""

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, 1:].mean(1, keepdim=True), tokens[:, 1:]], 1)


class TokenNet(nn.Module):
    """The counting net as a transformer is laid out: patches as tokens behind a class token, which alone is read out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = detector()
        self.class_token = nn.Parameter(torch.zeros(1, 1, 2))
        self.norm = nn.ReLU()
        self.gather = Gather()
        self.after = nn.Identity()
        self.head = counting_head()

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.embed(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], 1)
        tokens = self.after(self.gather(self.norm(tokens)))
        return self.head(tokens[:, 0])


class ChannelsLastNet(nn.Module):
    """The counting net with its channels last, as Swin has them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = detector()
        self.mix = nn.Linear(2, 2, bias=False)
        self.head = counting_head()
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(2))

    def forward(self, pixels: Tensor) -> Tensor:
        cells = self.mix(F.relu(self.embed(pixels)).permute(0, 2, 3, 1))
        return self.head(cells.mean((1, 2)))


class ReusedNet(nn.Module):
    """One in-place ReLU module called twice, one functional rectifier, and a layer that returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.conv3 = nn.Conv2d(6, 4, 3, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.pair = Pair()
        self.fc = nn.Linear(4, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.relu(self.conv1(pixels))
        y = self.conv2(x)
        y += x
        x = self.relu(y)
        z = self.conv3(x)
        F.relu_(z)  # what it returns is not used
        _, x = self.pair(z)
        return self.fc(x.mean((2, 3)))


class Pair(nn.Module):
    """Returns a number nobody needs beside what goes on."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((2, 3)), 2 * x


class PlainNet(nn.Module):
    """ReusedNet's function with every ReLU a module of its own, as Captum wants it."""

    def __init__(self, other: ReusedNet) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.fc = other.conv1, other.conv2, other.conv3, other.fc
        self.relu1, self.relu2, self.relu3 = nn.ReLU(), nn.ReLU(), nn.ReLU()

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.relu1(self.conv1(pixels))
        x = self.relu2(self.conv2(x) + x)
        return self.fc((2 * self.relu3(self.conv3(x))).mean((2, 3)))
