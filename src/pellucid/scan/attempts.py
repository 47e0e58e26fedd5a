# SPDX-License-Identifier: Apache-2.0
"""Batches run through a net that may fail on some items, or for want of memory: only then in parts, down to single items."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from pellucid.data.decode import LONGEST_REASON
from pellucid.errors import InputError, NetworkFailure, PellucidError
from pellucid.models.shortage import out_of_memory
from pellucid.scan.responses import Integers

__all__ = ["Attempts", "reason_of"]

Run = Callable[[Tensor, Integers, int], None]
LINE = "the network failed on it"


class Attempts:
    """Runs the batches of one pass; what a network refuses is found item by item, and left out.

    A failed batch is run again at its full shape with half of its items, the other slots filled with one of these, and so on:
    items that the network bears get the responses that they would have had, and one that it does not bear is alone at last. Where
    memory ran out, this batch and all that follow are run in parts of half the size.

    Parameters
    ----------
    run : called with pixels (n, C, h, w), the slots of the batch whose items are in them, ascending, and the slot of the first
        pixels; what it takes in of a run that fails it must forget
    size : slots run at once; None for whole batches

    Attributes
    ----------
    size : as memory has allowed so far
    """

    def __init__(self, run: Run, size: int | None = None) -> None:
        self._run = run
        self.size = size

    def __call__(self, pixels: Tensor, slots: Integers) -> list[tuple[int, str]]:
        """Run what stands in some slots of a batch; (slot, reason) of the items that the network does not bear.

        Raises
        ------
        InputError : memory does not even suffice for one item
        """
        refused: list[tuple[int, str]] = []
        waiting = [(slots, True)]
        while waiting:
            some, whole = waiting.pop()
            size = self.size or len(pixels)
            parts = list(_parts(some, size))
            if len(parts) > 1:
                waiting += [(part, whole) for part in reversed(parts)]
                continue
            first = int(some[0]) // size * size
            try:
                self._run(
                    _fed(pixels[first : first + size], size, None if whole else some - first), some, first
                )
            except Exception as error:
                if out_of_memory(error):
                    self.size = _halved(size, error)
                    waiting.append((some, whole))
                elif whole and len(some) == 1:
                    waiting.append((some, False))  # it may be the blank slots beside it that are not borne
                elif len(some) > 1:
                    waiting += [(half, False) for half in np.array_split(some, 2)[::-1]]
                else:
                    refused.append((int(some[0]), reason_of(error)))
        return sorted(refused)


def _parts(slots: Integers, size: int) -> Iterator[Integers]:
    """Slots that lie in the same run of `size`."""
    yield from np.split(slots, np.flatnonzero(np.diff(slots // size)) + 1)


def _fed(pixels: Tensor, size: int, slots: Integers | None) -> Tensor:
    """Pixels of `size` slots: as they are, or with the first of some slots in all others."""
    if slots is not None:
        chosen = torch.full((len(pixels),), int(slots[0]))
        chosen[torch.from_numpy(slots)] = torch.from_numpy(slots)
        pixels = pixels[chosen.to(pixels.device)]
    if len(pixels) == size:
        return pixels
    return torch.cat([pixels, pixels[-1:].expand(size - len(pixels), *pixels.shape[1:])])


def _halved(size: int, error: Exception) -> int:
    if size == 1:
        raise InputError(
            "memory ran out with a single item; a net that takes a smaller --input, or fewer layers, would take less"
        ) from error
    return (size + 1) // 2


def reason_of(error: Exception) -> str:
    """Why a network did not bear an item: one line."""
    if isinstance(error, NetworkFailure) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    words = " ".join(str(error).split()) or "no reason given"
    kind = "" if isinstance(error, PellucidError) else f"{type(error).__name__}: "
    line = f"{LINE}: {kind}{words}"
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:LONGEST_REASON]
