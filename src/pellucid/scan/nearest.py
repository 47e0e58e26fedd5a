# SPDX-License-Identifier: Apache-2.0
"""Of each unit the nine spots nearest to zero; of equally near ones those of smaller ticket."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.scan.draw import Tickets
from pellucid.scan.responses import Floats, Integers

__all__ = ["NEAREST_ITEMS", "Nearest"]

NEAREST_ITEMS = 9
Keys = np.ndarray[Any, np.dtype[np.uint64]]

# One integer for each spot: the size's 31 bits, the ticket's 32 below them, and last the sign, which is no rank.
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)


class Nearest:
    """The running value.

    Attributes
    ----------
    keys : (K, 9), ascending
    """

    def __init__(self, units: int) -> None:
        self.keys: Keys = np.full((units, NEAREST_ITEMS), _NONE, np.uint64)

    def enter(self, responses: Floats, tickets: Tickets) -> None:
        """Take in (n, K) spots of n items; those that are not finite are none."""
        bits = np.ascontiguousarray(responses).view(np.uint32).astype(np.uint64)
        keys = (bits & np.uint64(0x7FFFFFFF)) << np.uint64(33) | bits >> np.uint64(31)
        keys |= tickets.astype(np.uint64)[:, None] << np.uint64(1)
        self.take(np.where(np.isfinite(responses), keys, _NONE).T)

    def take(self, keys: Keys) -> None:
        """Take in (K, n) keys."""
        units = np.flatnonzero((keys < self.keys[:, -1:]).any(1))
        if len(units):
            every = np.concatenate([self.keys[units], keys[units]], 1)
            self.keys[units] = np.sort(every, 1)[:, :NEAREST_ITEMS]

    def entries(self) -> tuple[Integers, Tickets, Floats]:
        """(K,) how many each unit has, (K, 9) their tickets, (K, 9) their responses."""
        taken = self.keys != _NONE
        bits = (self.keys >> np.uint64(33) | (self.keys & np.uint64(1)) << np.uint64(31)).astype(np.uint32)
        responses = np.where(taken, bits, np.uint32(0)).view(np.float32)
        return taken.sum(1), (self.keys >> np.uint64(1)).astype(np.uint32), responses
