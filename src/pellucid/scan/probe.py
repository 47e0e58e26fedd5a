# SPDX-License-Identifier: Apache-2.0
"""Whether what a net answers to an item depends on that item alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pellucid.models.net import Net
from pellucid.models.taps import watch

__all__ = ["RANDOM", "WITH_OTHERS", "beside_the_item"]

RANDOM = (
    "the network answers another thing each time it is asked, as one that draws random numbers does: what is found holds for "
    "this run only"
)
WITH_OTHERS = (
    "the network's answer to an item depends on the other items of its batch, as with batch statistics: another order or "
    "batch size finds other examples"
)
# Of the largest response: other kernels for other numbers may change the last bits.
TOLERANCE = 1e-3


def beside_the_item(net: Net, layers: Sequence[str], pixels: Tensor) -> str:
    """A line that says what else than the item decides the responses to it; empty where nothing does.

    Parameters
    ----------
    pixels : (C, h, w) in 0..1, one item; it runs beside its negative, and beside another picture

    Notes
    -----
    A net that does not bear batches of two, or one of these pictures, is not looked into.
    """
    answers: dict[str, Tensor] = {}

    def keep(layer: str, response: Tensor) -> None:
        answers[layer] = response[0].detach().float().cpu().clone()

    def answered(other: Tensor) -> dict[str, Tensor]:
        answers.clear()
        run(torch.stack([pixels, other]))
        return dict(answers)

    try:
        with watch(net, layers, keep) as run:
            first, second = answered(1 - pixels), answered(pixels.flip(-1) / 2)
            if _alike(first, second):
                return ""
            return WITH_OTHERS if _alike(first, answered(1 - pixels)) else RANDOM
    except Exception:
        return ""


def _alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    for layer, response in one.items():
        largest = float(response.nan_to_num(0, 0, 0).abs().max()) if response.numel() else 0.0
        if not torch.allclose(
            response, other[layer], rtol=TOLERANCE, atol=TOLERANCE * largest, equal_nan=True
        ):
            return False
    return True
