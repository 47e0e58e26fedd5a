# SPDX-License-Identifier: Apache-2.0
"""Why no picture of any size runs through a network that reads something else, and what would work."""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["other_input"]

KINDS: tuple[tuple[type[nn.Module], str], ...] = ((nn.Conv1d, "a signal"), (nn.Conv3d, "a volume"))
WEIGHING = (nn.Linear, nn.Embedding, nn.EmbeddingBag, nn.modules.conv._ConvNd)


def other_input(module: nn.Module, reason: str) -> str | None:
    """Advice for a network that failed on a picture because its first layer reads something else; None where it does not.

    Parameters
    ----------
    reason : what the network said

    Examples
    --------
    >>> other_input(nn.Sequential(nn.Conv1d(2, 8, 9)), "Expected 3D input")
    'its first layer, 0, reads a signal, which cannot be fed yet; pellucid filters shows its kernels'
    """
    found = ((name, part) for name, part in module.named_modules() if isinstance(part, WEIGHING))
    name, first = next(found, ("", None))
    called = f"its first layer, {name}," if name else "it"
    if "indices" in reason and any(isinstance(one, WEIGHING[1:3]) for one in module.modules()):
        return "it looks up whole numbers, as words have, in a table, and pictures are none: such a network cannot be fed yet"
    for kind, reads in KINDS:
        if isinstance(first, kind):
            return f"{called} reads {reads}, which cannot be fed yet; pellucid filters shows its kernels"
    if not isinstance(first, nn.Linear):
        return None
    numbers, shape = first.in_features, _picture_of(first.in_features)
    if _runs(module, *map(int, shape.split("x"))):
        return f"{called} takes {numbers} numbers: give a size of so many with --input, as {shape}"
    if _runs(module, numbers):
        return (
            f"{called} takes rows of {numbers} numbers, and nothing lays a picture out as a row: wrap the network, as "
            f"torch.nn.Sequential(torch.nn.Flatten(), NETWORK), and give --input {shape}"
        )
    return None


def _runs(module: nn.Module, *shape: int) -> bool:
    weight = next(module.parameters())
    with torch.no_grad():
        try:
            module(torch.zeros(2, *shape, device=weight.device, dtype=weight.dtype))
        except (Exception, SystemExit):  # whatever it says
            return False
    return True


def _picture_of(numbers: int) -> str:
    """Channels, height and width of so many numbers: a square in gray or in color, else a row."""
    for channels in (1, 3):
        side = math.isqrt(numbers // channels)
        if channels * side**2 == numbers:
            return f"{channels}x{side}x{side}"
    return f"1x1x{numbers}"
