# SPDX-License-Identifier: Apache-2.0
"""Whether a layer answers in proportion to the picture: a linear function of the pixels plus a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pellucid.models.taps import tap

if TYPE_CHECKING:
    from pellucid.models.net import Net

__all__ = ["is_straight"]

# Of the largest difference between answers; half-precision weights leave about 1/256.
NEAR = {torch.float32: 1e-3, torch.float64: 1e-3, torch.float16: 1e-2, torch.bfloat16: 3e-2}

SIDES = (13, 1, 2, 5)  # of the squares, in pixels; most layers that bend do so for the first


def is_straight(net: Net, layer: str) -> bool:
    """Whether the answer to the mean of two pictures is the mean of the answers, of every unit at every position.

    The pictures are loud: noise of black and white in squares of several sizes, so that a rectifier with a large bias
    bends, too. A layer that is never below zero because it is rectified counts as bent, however it answers.
    """
    if net.layer(layer).rectified:
        return False
    shape = (net.input.channels, *net.input.size)
    kind = next((one.dtype for one in net.module.parameters() if one.is_floating_point()), torch.float32)
    draw = torch.Generator().manual_seed(0)
    with tap(net, [layer]) as run:
        for side in SIDES:
            black_or_white = [_squares(shape, side, draw) for _ in range(2)]
            pictures = torch.stack([*black_or_white, sum(black_or_white, torch.zeros(shape)) / 2])
            first, second, between = run(pictures.to(net.device))[layer]
            gap, span = ((first + second) / 2 - between).abs().max(), (first - second).abs().max()
            if not gap <= NEAR.get(kind, 1e-3) * span:  # what is not a number is no straight line either
                return False
    return True


def _squares(shape: tuple[int, int, int], side: int, draw: torch.Generator) -> torch.Tensor:
    """(C, H, W) of zeros and ones, constant in squares of that many pixels."""
    channels, height, width = shape
    small = torch.randint(0, 2, (channels, -(-height // side), -(-width // side)), generator=draw).float()
    return small.repeat_interleave(side, 1).repeat_interleave(side, 2)[:, :height, :width]
