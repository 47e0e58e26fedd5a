# SPDX-License-Identifier: Apache-2.0
"""The pass itself: batch after batch through the net, each taken in once the whole forward pass has gone well."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np
from torch import Tensor

from pellucid.data import Source, batches
from pellucid.errors import InputError, NoItems
from pellucid.models.net import Net
from pellucid.models.taps import watch
from pellucid.scan.attempts import LINE, Attempts
from pellucid.scan.probe import beside_the_item
from pellucid.scan.responses import Integers, Responses
from pellucid.scan.state import ScanState
from pellucid.scan.subscriber import Reading

__all__ = ["passage", "refuse_unreadable", "shortage"]

# A folder that is mostly not pictures is found out early: RELIABILITY F6.
JUDGED_ITEMS = 1000
MOST_BROKEN = 0.2
# In a handful of items one broken file is a large share and no sign of a wrong folder.
LEAST_JUDGED = 100


def passage(
    net: Net, source: Source, progress: ScanState, size: int, on_batch: Callable[[ScanState], None] | None
) -> None:
    """Run the items from `progress.next_row` on through the net, and have them taken in."""
    if progress.next_row >= progress.total:
        return  # resumed after its last batch
    # A net on a CPU uses all cores itself, and threads that decode meanwhile would stop it again and again.
    ahead = 0 if net.device.type == "cpu" else 2
    stream = batches(source, net.input.recipe, size=size, start=progress.next_row, ahead=ahead)
    layers = list(progress.running)
    readings: list[Reading] = []
    rows: Integers
    valid: tuple[int, Integers, Integers]

    def take(layer: str, response: Tensor) -> None:
        about, (count, *which) = net.layer(layer), valid
        if response.shape != (count, about.units, *about.grid):
            shape = f"{tuple(response.shape)} for {count} items"
            raise InputError(f"{layer} gave {shape}; it has {about.units} units on a grid of {about.grid}")
        readings.extend(progress.readings(layer, Responses.of(response, *which)))

    def run(pixels: Tensor, slots: Integers, first: int) -> None:
        nonlocal valid
        readings.clear()
        valid = len(pixels), rows[slots], slots - first
        forward(pixels)
        for reading in readings:
            reading()

    attempt = Attempts(run, progress.size)
    with watch(net, layers, take) as forward, closing(stream):
        for batch in stream:
            slots, rows, problems = np.flatnonzero(batch.valid), batch.rows, list(batch.problems)
            if len(slots):
                pixels = batch.tensor(net.device)
                if not progress.looked_into:
                    _look_into(net, progress, pixels[int(slots[0])])
                problems += [(int(rows[slot]), reason) for slot, reason in attempt(pixels, slots)]
            progress.size = attempt.size
            progress.next_row += len(rows)
            progress.problems += sorted(problems)
            _judge(source, progress, len(rows))
            if on_batch is not None:
                on_batch(progress)


def shortage(progress: ScanState) -> list[str]:
    """What is said where memory ran out."""
    if progress.size is None:
        return []
    return [
        f"memory ran out, and batches were cut to {progress.size} items: not bit-reproducible; a smaller batch would be"
    ]


def _look_into(net: Net, progress: ScanState, pixels: Tensor) -> None:
    progress.looked_into = True
    if note := beside_the_item(net, list(progress.running), pixels):
        progress.notes.append(note)


def refuse_unreadable(net: Net, source: Source) -> None:
    """Raise where not one of the first 1,000 items can be read as the net is fed it; a sound source costs one item.

    Raises
    ------
    NoItems : these are all items of the source
    InputError : there are more of them
    """
    broken: list[tuple[int, str]] = []
    with closing(batches(source, net.input.recipe, size=1)) as stream:
        for batch in itertools.islice(stream, JUDGED_ITEMS):
            if batch.valid.any():
                return
            broken += batch.problems
    if len(broken) == len(source.names):
        raise NoItems(f"none of the {len(broken)} items of {source.name} can be read; {_why(source, broken)}")
    raise InputError(
        f"none of the first {len(broken)} items of {source.name} can be read; {_why(source, broken)}"
    )


def _why(source: Source, broken: Sequence[tuple[int, str]]) -> str:
    """The reason that most items have, with the first that has it; of reasons as frequent, the first."""
    if not broken:
        return "there is none"
    [(common, count)] = Counter(reason for _, reason in broken).most_common(1)
    row = next(row for row, reason in broken if reason == common)
    which = "the first," if row == broken[0][0] else f"{count} of them as"
    return f"{which} {source.names[row]}: {common}"


def _judge(source: Source, progress: ScanState, latest: int) -> None:
    """Stop where too many items cannot be used: once past the first 1,000, and at the end."""
    finished = progress.next_row == progress.total
    if not finished and not progress.next_row - latest < JUDGED_ITEMS <= progress.next_row:
        return
    judged = progress.total if finished else JUDGED_ITEMS
    broken = [(row, reason) for row, reason in progress.problems if row < judged]
    if len(broken) < progress.total and (judged < LEAST_JUDGED or len(broken) <= MOST_BROKEN * judged):
        return
    first = _why(source, broken)
    done = "used" if any(reason.startswith(LINE) for _, reason in broken) else "read"
    if len(broken) == progress.total:
        raise NoItems(f"none of the {progress.total} items of {source.name} can be {done}; {first}")
    part = "" if finished else "first "
    raise InputError(f"{len(broken)} of the {part}{judged} items of {source.name} cannot be {done}; {first}")
