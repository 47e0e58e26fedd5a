# SPDX-License-Identifier: Apache-2.0
"""Numbers as colors: weights about middle gray, signed numbers about white, responses about black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WHITE_RAMP", "from_black", "from_gray", "from_white"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

# From the lowest to the highest number, zero in the middle. Lightness runs evenly to both sides, and blue against
# red is told apart by any color vision.
WHITE_RAMP = np.array(
    [(28, 68, 120), (116, 159, 196), (250, 249, 246), (222, 141, 108), (143, 36, 24)], float
)
BLACK_RAMP = np.array(
    [(120, 200, 255), (30, 110, 210), (16, 48, 104), (0, 0, 0), (110, 26, 16), (222, 62, 28), (255, 160, 90)],
    float,
)


def from_gray(values: Floats, reach: float) -> Pixels:
    """Zero as middle gray (128), -reach as 0, +reach as 255; the shape stays, so a last axis of 3 is a color."""
    shares = values / reach if reach > 0 else np.zeros_like(values)
    return np.clip(np.round(127.5 + 127.5 * shares + 1e-9), 0, 255).astype(np.uint8)


def from_white(values: Floats, reach: float) -> Pixels:
    """Zero white, negative blue, positive red: (...) -> (..., 3)."""
    return _ramp(values, reach, WHITE_RAMP)


def from_black(values: Floats, reach: float) -> Pixels:
    """Zero black, negative blue, positive red: (...) -> (..., 3)."""
    return _ramp(values, reach, BLACK_RAMP)


def _ramp(values: Floats, reach: float, colors: Floats) -> Pixels:
    shares = values / reach if reach > 0 else np.zeros_like(values)
    stops = np.linspace(-1, 1, len(colors))
    channels = [np.interp(shares, stops, colors[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).round().astype(np.uint8)
