# SPDX-License-Identifier: Apache-2.0
"""Memory: what a picture will take, refusals before anything is allocated, and how to tell that there was too little."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.models.net import Net
from pellucid.models.shortage import out_of_memory
from pellucid.models.taps import tap

__all__ = [
    "bytes_of",
    "in_words",
    "is_huge",
    "picture_bytes",
    "refuse_more_than",
    "refuse_what_never_fits",
    "too_little",
]

# What is kept for the backward pass is about half of the peak.
PEAK_OVER_KEPT = 2
# The canvas beside the net: variables, gradients, two memories of the optimizer, spectrum, picture, view, grid.
CANVAS_COPIES = 16
FLOAT_BYTES = 4
# Up to how many times the pixels of the net's own input a picture is tried out as it is.
PROBE_GROWTH = 4


def bytes_of(amount: str | int) -> int:
    """The number of bytes that `4GiB`, `512MB` or `2000000` says.

    Raises
    ------
    InputError : another text, or nothing

    Examples
    --------
    >>> bytes_of("512MB"), bytes_of("1KiB"), bytes_of(1000)
    (512000000, 1024, 1000)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", str(amount).strip(), re.IGNORECASE)
    if found is None or float(found[1]) <= 0:
        raise InputError(f"memory {amount!r}: write a number of bytes, as 4GiB or 512MB")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " KMGT".index(found[2].upper() or " "))


def too_little(size: tuple[int, int]) -> InputError:
    """What is said when not one picture could be made."""
    return InputError(
        f"memory ran out with one picture of {size[0]}x{size[1]}; a smaller --size, or a layer nearer to the input, "
        "takes less"
    )


def picture_bytes(net: Net, layers: Sequence[str], size: tuple[int, int]) -> int:
    """Bytes that one picture of that size takes while it is climbed, from a forward pass of one.

    A picture far larger than the net's own input is not tried out but counted up from one of the own size.
    """
    pixels, own = math.prod(size), math.prod(net.input.size)
    tried, growth = (net.input.size, pixels / own) if is_huge(net, size) else (size, 1.0)
    canvas = CANVAS_COPIES * FLOAT_BYTES * net.input.channels * pixels
    return int(PEAK_OVER_KEPT * growth * _kept_bytes(net, layers, tried)) + canvas


def _kept_bytes(net: Net, layers: Sequence[str], size: tuple[int, int]) -> int:
    """Bytes that one picture keeps for its backward pass, in float32."""
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in net.module.parameters()}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with (
        torch.inference_mode(False),
        tap(net, layers, grad=True) as run,
        torch.autograd.graph.saved_tensors_hooks(count, lambda kept: kept),
    ):
        try:
            run(torch.full((1, net.input.channels, *size), 0.5, device=net.device).requires_grad_())
        except (RuntimeError, MemoryError) as error:
            raise (too_little(size) if out_of_memory(error) else error) from error
    return sum(kept.values())


def is_huge(net: Net, size: tuple[int, int]) -> bool:
    """Whether a picture is so much larger than the net's own input that it is not tried out."""
    return math.prod(size) > PROBE_GROWTH * math.prod(net.input.size)


def refuse_what_never_fits(net: Net, layers: Sequence[str], size: tuple[int, int], memory: int) -> None:
    """Raise InputError if not even one picture of that size fits; nothing of a huge size is allocated for it."""
    refuse_more_than(picture_bytes(net, layers, size), net, size, memory)


def refuse_more_than(needed: int, net: Net, size: tuple[int, int], memory: int) -> None:
    """Raise InputError if a picture needs more than the memory allowed; names a size that fits, where the net may take one."""
    if needed <= memory:
        return
    largest = math.sqrt(memory / needed)
    height, width = (int(side * largest) // 16 * 16 for side in size)
    fits = min(height, width) > 0
    if fits and not is_huge(net, (height, width)):  # a huge one is not tried out
        fits = net.accepts((height, width))
    smaller = f"about {height}x{width} fits, or " if fits else ""
    raise InputError(
        f"one picture of {size[0]}x{size[1]} would take about {in_words(needed)}, the memory allowed is "
        f"{in_words(memory)}; {smaller}give more with --memory"
    )


def in_words(count: float) -> str:
    """Bytes for a person.

    >>> in_words(4 << 30), in_words(3_000_000), in_words(12)
    ('4 GiB', '2.86 MiB', '12 bytes')
    """
    for unit, size in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 100 * size else f"{count / size:.0f} {unit}"
    return f"{count / 1024:.3g} KiB" if count >= 1024 else f"{count:.0f} bytes"
