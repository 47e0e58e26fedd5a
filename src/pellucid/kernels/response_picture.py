# SPDX-License-Identifier: Apache-2.0
"""Response maps as pictures: black for none, red where the response is positive, blue where it is negative."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.palette import from_black

__all__ = ["response_pixels", "response_reach"]

Floats = NDArray[np.float64]

FULL = 0.995  # the share of places below full color: a few glints would leave all others black


def response_reach(values: Floats) -> float:
    """The magnitude of full color: all but the strongest half percent of responses are below it."""
    size = np.abs(values)
    reach = float(np.quantile(size, FULL))
    return reach if reach > 0 else float(size.max(initial=0))


def response_pixels(values: Floats, *, reach: float, most: tuple[float, float]) -> NDArray[np.uint8]:
    """A response map (h, w) as colors, uint8 (h', w', 3), of at most about `most` pixels in height and width.

    Where it is reduced, a pixel shows the strongest response of its block: an average would cancel red and blue.
    """
    down, across = (max(math.floor(side / limit), 1) for side, limit in zip(values.shape, most, strict=True))
    height, width = (math.ceil(side / step) for side, step in zip(values.shape, (down, across), strict=True))
    whole = np.zeros((height * down, width * across))
    whole[: values.shape[0], : values.shape[1]] = values
    blocks = whole.reshape(height, down, width, across).swapaxes(1, 2).reshape(height, width, -1)
    strongest = np.abs(blocks).argmax(-1)[..., None]
    return from_black(np.take_along_axis(blocks, strongest, -1)[..., 0], reach)
