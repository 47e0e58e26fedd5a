# SPDX-License-Identifier: Apache-2.0
"""What chance decides in a pass, as a hash of names and numbers: the same for every order, batch and machine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from pellucid.scan.responses import Integers

__all__ = ["Tickets", "places", "rows_of", "tickets"]

Tickets = np.ndarray[Any, np.dtype[np.uint32]]

# The finishing steps of MurmurHash3 (32 bits) and of SplitMix64: every bit of what comes out depends on all of what
# goes in, and no two numbers give the same.
_FIRST, _SECOND = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_FIRST_BACK, _SECOND_BACK = (np.uint32(pow(int(each), -1, 1 << 32)) for each in (_FIRST, _SECOND))
_GOLDEN, _STIR, _STIR_AGAIN = (
    np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def places(seed: int, layer: str, rows: Integers, positions: int) -> Integers:
    """(n,) the position of each item's spot, counted in row-major order: any of them, equally likely.

    >>> places(0, "conv1", np.arange(4), 169).tolist()
    [84, 68, 125, 82]
    """
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * _GOLDEN ^ np.uint64(_key(f"spot {seed} {layer}"))
    mixed = (mixed ^ mixed >> np.uint64(30)) * _STIR
    mixed = (mixed ^ mixed >> np.uint64(27)) * _STIR_AGAIN
    # The upper half times a number is a fair share of that number; a remainder of it would not be.
    return ((mixed ^ mixed >> np.uint64(31)) >> np.uint64(32)).astype(np.int64) * positions >> 32


def tickets(seed: int, rows: Integers) -> Tickets:
    """(n,) a number for each item, no two alike: where some of many are kept, the smallest are.

    It does not depend on the layer, so that the units of a net show the same items where they can.

    >>> drawn = tickets(0, np.arange(1000))
    >>> np.array_equal(rows_of(0, drawn), np.arange(1000)), len(np.unique(drawn))
    (True, 1000)
    """
    key = _key(f"ticket {seed}")
    mixed = rows.astype(np.uint32) ^ np.uint32(key & 0xFFFFFFFF)
    for turn in (key >> 32, 0):
        mixed = (mixed ^ mixed >> np.uint32(16)) * _FIRST
        mixed = (mixed ^ mixed >> np.uint32(13)) * _SECOND
        mixed = mixed ^ mixed >> np.uint32(16) ^ np.uint32(turn)
    return mixed


def rows_of(seed: int, drawn: Tickets) -> Integers:
    """The rows that have these tickets."""
    key = _key(f"ticket {seed}")
    mixed = drawn.astype(np.uint32)
    for turn in (0, key >> 32):
        mixed = mixed ^ np.uint32(turn)
        mixed = (mixed ^ mixed >> np.uint32(16)) * _SECOND_BACK
        mixed = (mixed ^ mixed >> np.uint32(13) ^ mixed >> np.uint32(26)) * _FIRST_BACK
        mixed = mixed ^ mixed >> np.uint32(16)
    return (mixed ^ np.uint32(key & 0xFFFFFFFF)).astype(np.int64)


def _key(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little")
