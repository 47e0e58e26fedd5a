# SPDX-License-Identifier: Apache-2.0
"""Weights that are no numbers: a training that diverged, or a damaged file, is told before anything is made of it."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["damage"]

MOST_NAMED = 3


def damage(module: nn.Module) -> str | None:
    """One line on the weights that hold NaN or infinity, and the buffers that hold NaN; None where all are sound.

    A buffer may hold infinity on purpose, as masks of attention do.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> damage(layer) is None
    True
    >>> _ = nn.init.constant_(layer.bias, float("nan"))
    >>> damage(layer)
    'NaN or infinity in 2 of the 2 numbers of bias: the training diverged, or the file is damaged'
    """
    damaged: list[tuple[str, Tensor, Tensor]] = [
        (name, weight, ~weight.detach().isfinite()) for name, weight in module.named_parameters()
    ]
    damaged += [(name, buffer, buffer.isnan()) for name, buffer in module.named_buffers()]
    found = [
        f"{count} of the {tensor.numel()} numbers of {name}"
        for name, tensor, bad in damaged
        if (count := int(bad.count_nonzero()))
    ]
    if not found:
        return None
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    where = ", ".join(found[:MOST_NAMED])
    return f"NaN or infinity in {where}{more}: the training diverged, or the file is damaged"
