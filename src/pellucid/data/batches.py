# SPDX-License-Identifier: Apache-2.0
"""Items in batches of one fixed shape, decoded by threads; what cannot be read leaves a hole and a reason."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.data.decode import ItemProblem, quiet_pillow, reason_of
from pellucid.data.pixels import Pixels
from pellucid.data.recipe import Placement, Recipe, fed
from pellucid.data.source import Source
from pellucid.errors import InputError, PellucidError

__all__ = ["Batch", "batches", "thread_count"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows `index * size` to `(index + 1) * size` of a source, as far as it goes.

    Parameters
    ----------
    index : which batch of the source
    rows : (n,) int64, n <= size; slot i of the other fields holds row rows[i], slots from n on hold none
    pixels : (size, h, w, C) uint8 in 0..255, or float32 in 0..1 where an item of the batch is made of floats; zeros in every
        slot that is not valid
    valid : (size,) bool, whether the slot holds an item
    placements : one per row, None where the item could not be read
    problems : (row, reason) of the items that could not be read
    """

    index: int
    rows: np.ndarray[Any, np.dtype[np.int64]]
    pixels: Pixels
    valid: np.ndarray[Any, np.dtype[np.bool_]]
    placements: tuple[Placement | None, ...]
    problems: tuple[tuple[int, str], ...]

    def tensor(self, device: torch.device | str = "cpu") -> Tensor:
        """(size, C, h, w) float32 in 0..1: the arithmetic of torchvision's ToTensor."""
        pixels = torch.from_numpy(self.pixels).to(device).permute(0, 3, 1, 2)
        floats = pixels.to(torch.float32, memory_format=torch.contiguous_format)
        return floats.div_(255) if self.pixels.dtype == np.uint8 else floats


def thread_count() -> int:
    """Threads that decode: two more than cores, so that a slow disk does not leave a core idle."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores + 2, 32)


def batches(
    source: Source, recipe: Recipe, *, size: int, start: int = 0, workers: int | None = None, ahead: int = 0
) -> Generator[Batch, None, None]:
    """The batches of a source in order, from the one that begins at row `start`.

    A batch's rows and shape depend on `size` alone, so that a pass that was interrupted, or shared out, meets
    the same batches. Threads decode, not processes: Pillow lets go of the interpreter while it decodes and resizes, so
    that two threads on two cores decode 1.65 times as many photographs as one, and no fewer than two processes do. What
    holds the interpreter, 0.2 ms an item, would limit some fifteen cores.

    Parameters
    ----------
    source, recipe : the items, and how they become pixels
    size : slots in a batch
    start : a multiple of `size`
    workers : threads that decode; None for `thread_count()`
    ahead : batches decoded while the consumer works, each held in memory. 0 decodes between the consumer's
        turns: right where the consumer uses all cores itself and threads beside it would only slow it down

    Raises
    ------
    InputError : a size below 1, or a start between two batches
    """
    if size < 1 or start % size:
        raise InputError(
            f"batches of {size} from row {start}: sizes count from 1, starts are multiples of one"
        )
    indices = range(start // size, -(-len(source.names) // size))
    waiting: deque[tuple[int, list[Future[_Read]]]] = deque()
    # A generator that is closed early lands in the same `finally` as one that ends.
    pool = ThreadPoolExecutor(workers or thread_count(), thread_name_prefix="pellucid-decode")
    try:
        with quiet_pillow():
            for index in (*indices, *[None] * ahead):
                if index is not None:
                    rows = range(index * size, min((index + 1) * size, len(source.names)))
                    waiting.append((index, [pool.submit(_read, source, recipe, row) for row in rows]))
                if waiting and (index is None or len(waiting) > ahead):
                    yield _filled(*waiting.popleft(), recipe, size)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, eq=False)
class _Read:
    """One item: its pixels and placement, or why there are none."""

    pixels: Pixels | None
    placement: Placement | None
    reason: str = ""


def _read(source: Source, recipe: Recipe, row: int) -> _Read:
    try:
        return _Read(*fed(source.image(row), recipe))
    except Exception as error:
        # Corrupt pictures raise almost any exception. What a source says about itself must be heard.
        if isinstance(error, PellucidError) and not isinstance(error, ItemProblem):
            raise
        return _Read(None, None, reason_of(error))


def _filled(index: int, reads: list[Future[_Read]], recipe: Recipe, size: int) -> Batch:
    found = [future.result() for future in reads]
    floats = any(read.pixels is not None and read.pixels.dtype != np.uint8 for read in found)
    pixels = np.zeros((size, *recipe.size, recipe.channels), np.float32 if floats else np.uint8)
    valid = np.zeros(size, np.bool_)
    rows = np.arange(index * size, index * size + len(reads), dtype=np.int64)
    placements: list[Placement | None] = []
    problems: list[tuple[int, str]] = []
    for slot, read in enumerate(found):
        placements.append(read.placement)
        if read.pixels is None:
            problems.append((int(rows[slot]), read.reason))
        else:
            # Division of float32 by float32 is exact to the last bit, so that batches of both kinds agree.
            whole = floats and read.pixels.dtype == np.uint8
            pixels[slot] = read.pixels.astype(np.float32) / np.float32(255) if whole else read.pixels
            valid[slot] = True
    return Batch(index, rows, pixels, valid, tuple(placements), tuple(problems))
