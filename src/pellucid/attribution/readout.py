# SPDX-License-Identifier: Apache-2.0
"""A network as a function from pixels to one number an item: what every method of attribution asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pellucid.attribution.aim import Aim
from pellucid.models import Net, tap

__all__ = ["Readout", "reading"]


class Readout(nn.Module):
    """(N, C, H, W) pixels in 0..1 -> (N,) values of the aim, differentiable; Captum's target is None.

    The network is not a child of this module, so that nobody's hooks reach into it by way of it. Modules that a method
    hangs into the pass (`parts`) are.
    """

    def __init__(self, run: Callable[[Tensor], dict[str, Tensor]], aim: Aim) -> None:
        super().__init__()
        self._run = run
        self.aim = aim
        self.parts = nn.ModuleDict()

    def forward(self, pixels: Tensor) -> Tensor:
        if pixels.device.type == "cpu":
            # Convolutions on a CPU are half as fast again where a pixel's channels lie together.
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        return self.aim.read(self._run(pixels))

    @torch.no_grad()
    def values(self, pixels: Tensor) -> Tensor:
        """(N,) without gradients, on the CPU."""
        values: Tensor = self(pixels.detach())
        return values.detach().cpu()


@contextmanager
def reading(net: Net, aim: Aim) -> Iterator[Readout]:
    """The readout of an aim; inside, the net's parameters are frozen and its random numbers are its own."""
    with torch.inference_mode(False), tap(net, aim.layers, grad=True) as run:
        yield Readout(run, aim)
