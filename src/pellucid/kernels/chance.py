# SPDX-License-Identifier: Apache-2.0
"""Whether a layer of kernels too small to judge one by one is told from random weights when all are taken together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["beyond_chance", "looks_random"]

Floats = NDArray[np.float64]

SURE = 4.0  # standard deviations; independent weights reach it in one of 5000 layers
LEAST_WEIGHTS = 400  # with fewer, a weak structure would not show


def beyond_chance(kernels: Floats) -> float:
    """How far the weights of kernels (K, C, kh, kw) are from independent ones, in standard deviations.

    Neighbors across, down and from channel to channel are multiplied and added up; with independent signs such a sum
    has mean 0 and the sum of squared products as variance. The largest of the three counts, whatever its sign.

    Examples
    --------
    >>> random = np.random.default_rng(0).normal(size=(64, 3, 3, 3))
    >>> beyond_chance(random) < SURE < beyond_chance(random + random.mean((2, 3), keepdims=True))
    True
    """
    norm = np.sqrt((kernels**2).sum((1, 2, 3), keepdims=True))
    unit = np.divide(kernels, norm, out=np.zeros_like(kernels), where=norm > 0)
    products = (
        unit[..., 1:] * unit[..., :-1],
        unit[:, :, 1:] * unit[:, :, :-1],
        unit[:, 1:] * unit[:, :-1],
    )
    spread = [float(np.sqrt((product**2).sum())) for product in products]
    return max(
        (abs(float(one.sum())) / wide for one, wide in zip(products, spread, strict=True) if wide),
        default=0.0,
    )


def looks_random(kernels: Floats) -> bool | None:
    """Whether nothing tells the layer from random weights; None where it holds too few to say."""
    return None if kernels.size < LEAST_WEIGHTS else beyond_chance(kernels) < SURE
