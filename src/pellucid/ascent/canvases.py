# SPDX-License-Identifier: Apache-2.0
"""The canvases by name: what a picture is made of, and so what it can easily show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.fourier import FourierCanvas
from pellucid.ascent.maco import MacoCanvas
from pellucid.ascent.pixels import PixelCanvas
from pellucid.ascent.pyramid import PyramidCanvas

__all__ = ["CANVASES"]

# Each is called with (shape, streams, statistics=, device=).
CANVASES: Mapping[str, Callable[..., Canvas]] = {
    "fourier": FourierCanvas,
    "pixels": PixelCanvas,
    "pyramid": PyramidCanvas,
    "maco": MacoCanvas,
}
