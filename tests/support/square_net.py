# SPDX-License-Identifier: Apache-2.0
"""A network that counts squares, with weights set by hand, and images of squares."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

__all__ = ["CountsSquares", "with_squares"]

RED, GREEN, DARK = 0, 1, 2  # the units of `squares`
SIDE = 4


class CountsSquares(nn.Module):
    """3x32x32 -> squares (3 units, 4x4) -> relu -> sum: the outputs are how many red and green 4x4 squares there are.

    squares:0 RED and squares:1 GREEN are 1 exactly where a whole square of their color lies, and at most 0.75 elsewhere on black;
    squares:2 DARK is 0.5 on black and falls with light of any color. `count` keeps what is above 0.9, ten times enlarged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.squares = nn.Conv2d(3, 3, SIDE)
        self.count = nn.Conv2d(3, 2, 1)
        self.relu = nn.ReLU()
        with torch.no_grad():
            self.squares.weight.fill_(-1 / SIDE**2)
            self.squares.weight[RED, 0] = self.squares.weight[GREEN, 1] = 1 / SIDE**2
            self.squares.bias.copy_(torch.tensor([0.0, 0.0, 0.5]))
            self.count.weight.zero_()
            self.count.weight[0, RED] = self.count.weight[1, GREEN] = 10.0
            self.count.bias.fill_(-9.0)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.relu(self.count(self.squares(pixels))).sum((2, 3))


def with_squares(*squares: tuple[int, int, int], size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """(h, w, 3) uint8, black, with 4x4 squares (y, x, channel)."""
    pixels = np.zeros((*size, 3), np.uint8)
    for y, x, channel in squares:
        pixels[y : y + SIDE, x : x + SIDE, channel] = 255
    return pixels
