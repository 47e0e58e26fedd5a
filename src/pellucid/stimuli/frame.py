# SPDX-License-Identifier: Apache-2.0
"""Where stimuli are drawn: the size of the picture, and the receptive field that they are made for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError

__all__ = ["DARK", "GROUND", "LIGHT", "Frame"]

Floats = NDArray[np.float64]

DARK, GROUND, LIGHT = 0.0, 0.5, 1.0


@dataclass(frozen=True)
class Frame:
    """A picture to be drawn on, and the receptive field within it.

    Places are measured in pixels from the field's center, x to the right and y down; pixel i covers i to i + 1. Angles run
    from x toward y: 0 to the right, 90 down.

    Parameters
    ----------
    size : (height, width) of the picture
    channels : 3 for red, green, blue; any other number has no colors, and each channel shows the same
    center : (x, y) of the receptive field, in pixels from the picture's upper left corner
    side : the shorter side of the receptive field within the picture, px: what sizes are chosen for
    stride : pixels between neighboring positions of the layer

    Raises
    ------
    InputError : no pixels, no channels, or a field without extent
    """

    size: tuple[int, int]
    channels: int
    center: tuple[float, float]
    side: float
    stride: int = 1

    def __post_init__(self) -> None:
        if min(self.size) < 1 or self.channels < 1 or not (self.side > 0 and self.stride > 0):
            raise InputError(
                f"a picture of {self.channels}x{self.size[0]}x{self.size[1]} and a field of {self.side} px: "
                "all start at 1"
            )
        if not all(map(math.isfinite, self.center)):
            raise InputError(f"a field around {self.center}: two finite numbers are needed")

    @classmethod
    def of_box(
        cls, box: tuple[int, int, int, int], size: tuple[int, int], channels: int, stride: int = 1
    ) -> Frame:
        """The frame of a receptive field (x0, y0, x1, y1), half-open, of which only what lies in the picture counts.

        >>> Frame.of_box((104, 104, 123, 123), (224, 224), 3).center
        (113.5, 113.5)
        """
        height, width = size
        x0, y0, x1, y1 = box
        center = (min(max((x0 + x1) / 2, 0), width), min(max((y0 + y1) / 2, 0), height))
        side = min(x1 - x0, y1 - y0, width, height)
        return cls(size, channels, center, max(float(side), 1.0), stride)

    @property
    def colored(self) -> bool:
        """Whether the channels are red, green and blue."""
        return self.channels == 3

    def places(self) -> tuple[Floats, Floats]:
        """x (1, W) and y (H, 1) of the pixels' centers, from the field's center."""
        height, width = self.size
        x = np.arange(width, dtype=np.float64) + (0.5 - self.center[0])
        y = np.arange(height, dtype=np.float64) + (0.5 - self.center[1])
        return x[None, :], y[:, None]
