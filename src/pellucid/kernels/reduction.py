# SPDX-License-Identifier: Apache-2.0
"""Large kernels, as those of a linear layer on a whole image, averaged down to a size at which they can be read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "reduced"]

Floats = NDArray[np.float64]

LARGEST = 32  # pixels of the longer side


def reduced(kernels: Floats) -> tuple[Floats, int]:
    """Kernels (K, C, kh, kw) of at most LARGEST pixels a side, and how many were averaged into one along each.

    What is left over at the end of a side is averaged alone.

    Examples
    --------
    >>> small, factor = reduced(np.ones((1, 1, 64, 50)))
    >>> small.shape, factor
    ((1, 1, 32, 25), 2)
    """
    largest = LARGEST if kernels.shape[2] > 1 else LARGEST**2  # of a signal, as many numbers
    factor = max(math.ceil(max(kernels.shape[2:]) / largest), 1)
    if factor == 1:
        return kernels, 1
    for axis in (2, 3):
        edges = np.arange(0, kernels.shape[axis], factor)
        size = np.diff([*edges, kernels.shape[axis]]).reshape([-1 if axis == at else 1 for at in range(4)])
        kernels = np.asarray(np.add.reduceat(kernels, edges, axis) / size, np.float64)
    return kernels, factor
