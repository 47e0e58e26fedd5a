# SPDX-License-Identifier: Apache-2.0
"""Colors around the hue circle, and their names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HUE_NAMES", "hue_color", "hue_name"]

# Every 30 degrees, where one of red, green and blue is at an end.
HUE_NAMES = (
    "red",
    "orange",
    "yellow",
    "yellow-green",
    "green",
    "spring green",
    "cyan",
    "azure",
    "blue",
    "violet",
    "magenta",
    "rose",
)


def hue_color(degrees: float) -> NDArray[np.float64]:
    """Red, green, blue in 0..1 of HSL(h, 1, 0.5): the fully saturated color of a hue.

    References
    ----------
    Harris et al. 2020, How convolutional neural network architecture biases learned opponency and color tuning, use this
    circle as uniform fields.

    Examples
    --------
    >>> hue_color(60).tolist(), hue_color(210).tolist()
    ([1.0, 1.0, 0.0], [0.0, 0.5, 1.0])
    """
    sector = (np.array([0.0, 240.0, 120.0]) + degrees) % 360 / 60
    rising = np.abs(sector - 3) - 1
    return np.asarray(np.clip(rising, 0.0, 1.0), np.float64)


def hue_name(degrees: float) -> str:
    """The nearest of `HUE_NAMES`.

    >>> hue_name(352)
    'red'
    """
    return HUE_NAMES[round(degrees / 30) % 12]
