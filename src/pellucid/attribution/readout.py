# SPDX-License-Identifier: Apache-2.0
"""A network as a function from pixels to one number an item: what every method of attribution asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pellucid.attribution.aim import Aim
from pellucid.models import Net, channels_together, tap

__all__ = ["Readout", "reading", "responses"]


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
        return self.aim.read(self._run(pixels))

    @torch.no_grad()
    def values(self, pixels: Tensor) -> Tensor:
        """(N,) without gradients, on the CPU."""
        values: Tensor = self(pixels.detach())
        return values.detach().cpu()


@contextmanager
def reading(net: Net, aim: Aim) -> Iterator[Readout]:
    """The readout of an aim; inside, the net's parameters are frozen and its random numbers are its own."""
    with responses(net, aim.layers) as run:
        yield Readout(run, aim)


@contextmanager
def responses(net: Net, layers: tuple[str, ...]) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
    """As a differentiable `tap`, fed in the order of memory in which the net runs fastest."""
    with torch.inference_mode(False), tap(net, layers, grad=True) as run:
        yield channels_together(net, layers, run)
