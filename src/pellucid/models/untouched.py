# SPDX-License-Identifier: Apache-2.0
"""The way in and out of every use of a module: evaluation mode inside, everything as it was outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["untouched"]


@contextmanager
def untouched(module: nn.Module, *, frozen: bool = False) -> Iterator[None]:
    """Inside: evaluation mode, float32 arithmetic as written, one path through attention, `frozen` parameters if asked.

    Outside, also after an exception: training flags, requires_grad and the random number generators as they were. The
    training flags are set one by one, since a module's own `train()` may do more than set a flag.
    """
    modes = [(part, part.training) for part in module.modules()]
    thawed = [weight for weight in module.parameters() if frozen and weight.requires_grad]
    devices = {weight.device for weight in module.parameters()}
    kind = next((device.type for device in devices), "cpu")
    generators = [device.index for device in devices if device.type == "cuda"]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    try:
        for part, _ in modes:
            part.training = False
        for weight in thawed:
            weight.requires_grad_(False)
        # the fused path skips the inner modules, and gives other last bits with gradients than without
        torch.backends.mha.set_fastpath_enabled(False)
        with torch.random.fork_rng(generators), torch.autocast(kind, enabled=False):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for part, mode in modes:
            part.training = mode
        for weight in thawed:
            weight.requires_grad_(True)
