# SPDX-License-Identifier: Apache-2.0
"""A part by its whole, where the whole may be nothing: filters that are all zeros are filters too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["share"]

Floats = NDArray[np.float64]


def share(part: Floats, whole: Floats, *, of_nothing: float = 0.0) -> Floats:
    """`part / whole`, and `of_nothing` where the whole is 0 or less.

    >>> share(np.array([1.0, 1.0]), np.array([4.0, 0.0]))
    array([0.25, 0.  ])
    """
    filled = np.where(whole > 0, whole, 1.0)
    return np.asarray(np.where(whole > 0, part / filled, of_nothing), np.float64)
