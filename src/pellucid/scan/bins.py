# SPDX-License-Identifier: Apache-2.0
"""Bins at fixed edges, two to every doubling of the response's size, the same for every unit of every net."""

from __future__ import annotations

import numpy as np

from pellucid.scan.responses import Doubles, Floats, Integers

__all__ = ["COUNT", "EDGES", "LARGEST_ERROR", "ZERO", "bins_of", "middles"]

# Steps from the smallest float32 that has all its digits to the largest: below 2**-126 is one bin around zero. What is small is
# told by a unit's own responses, of whatever size a network's are.
_LOWEST, _HIGHEST = -252, 256
# The bits of the smallest float32 above the square root of two, without its exponent: no float32 equals the root.
_HALF = 0x3504F4
_STEPS = 2.0 ** (np.arange(_LOWEST, _HIGHEST + 1) / 2)

# Bin i holds EDGES[i] <= value < EDGES[i + 1].
EDGES: Doubles = np.concatenate([-_STEPS[::-1], _STEPS])
COUNT = len(EDGES) - 1
ZERO = COUNT // 2
# The middle of a bin, by ratio, and any value in it: their difference is at most this share of the middle.
LARGEST_ERROR = 2**0.25 - 1


def bins_of(values: Floats) -> Integers:
    """The bin of each value, of the same shape; any bin for one that is not finite.

    Examples
    --------
    >>> found = bins_of(np.float32([0, 1, 1.5, -1, -1.5]))
    >>> (found - ZERO).tolist(), EDGES[found[[1, 4]]].tolist()
    ([0, 253, 254, -252, -254], [1.0, -2.0])
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    below = bits < 0
    # As an edge belongs to the bin above it, of a negative value the next smaller size decides; but for the edges between
    # doublings, which no value is on.
    size = (bits & 0x7FFFFFFF) - below
    step = (size >> 23 << 1) + ((size & 0x7FFFFF) >= _HALF - below) - (2 * 127 + _LOWEST - 1)
    found: Integers = ZERO + np.where(below, -1, 1) * np.clip(step, 0, ZERO).astype(np.int64)
    return found


def middles(bins: Integers) -> Doubles:
    """The value that stands for each bin: by ratio in the middle of its edges, 0 around zero."""
    low, high = EDGES[bins], EDGES[bins + 1]
    return np.sign(low + high) * np.sqrt(np.maximum(low * high, 0))
