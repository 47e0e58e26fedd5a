# SPDX-License-Identifier: Apache-2.0
"""The pixel canvas: each channel of each pixel is a variable of its own, with nothing learned or known about pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas, CanvasShape, normal_start
from pellucid.ascent.color import Colors
from pellucid.ascent.statistics import ImageStatistics

__all__ = ["PixelCanvas"]

START_SD = 0.01  # lucid's


class PixelCanvas(Canvas):
    """Pixels through a sigmoid, with no color mixed, so that the gradient itself shows, fast frequencies first.

    Parameters
    ----------
    shape : CanvasShape
    streams : one random stream for each item
    statistics : of the user's data; only the mean is theirs then, instead of gray

    References
    ----------
    lucid `optvis/param/spatial.py`, pixel_image.

    Examples
    --------
    >>> canvas = PixelCanvas(CanvasShape(4, 5, 7), [np.random.default_rng(0)])
    >>> canvas.pictures().shape, bool((canvas.pictures() - 0.5).abs().max() < 0.02)
    (torch.Size([1, 4, 5, 7]), True)
    """

    def __init__(
        self,
        shape: CanvasShape,
        streams: Sequence[np.random.Generator],
        *,
        statistics: ImageStatistics | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        plain = torch.eye(shape.channels, device=device)
        rest = None if statistics is None else statistics.colors(device).rest
        self._colors = Colors(plain, rest)
        self.variables = (normal_start(streams, shape.chw, sd=START_SD).to(device).requires_grad_(),)

    def pictures(self) -> Tensor:
        return self._colors.pixels(self.variables[0])

    def showing(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return (self._colors.planes(pictures),)
