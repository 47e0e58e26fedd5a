# SPDX-License-Identifier: Apache-2.0
"""The order in which pixels lie in memory: a pixel's channels together where the network takes that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from pellucid.errors import NetworkFailure

if TYPE_CHECKING:
    from pellucid.models.net import Net

__all__ = ["channels_together"]

Run = Callable[[Tensor], dict[str, Tensor]]

# Whether a module runs so as far as some layers; a module is asked once.
_tried: WeakKeyDictionary[nn.Module, dict[tuple[str, ...], bool]] = WeakKeyDictionary()


def channels_together(net: Net, layers: Sequence[str], run: Run) -> Run:
    """`run`, a tap of these layers, fed with a pixel's channels together in memory: convolutions are half as fast again so.

    A network that calls `view` on a map, as many do before their first linear layer, fails on that order; it is tried once,
    and such a network is fed as usual.
    """
    known = _tried.setdefault(net.module, {})
    names = tuple(sorted(layers))
    if names not in known:
        known[names] = _works(net, run)
    order = torch.channels_last if known[names] else torch.contiguous_format
    return lambda pixels: run(pixels.contiguous(memory_format=order))


def _works(net: Net, run: Run) -> bool:
    pixels = torch.full((2, net.input.channels, *net.input.size), 0.5, device=net.device)
    try:
        run(pixels.contiguous(memory_format=torch.channels_last))
    except (RuntimeError, NetworkFailure):
        return False
    return True
