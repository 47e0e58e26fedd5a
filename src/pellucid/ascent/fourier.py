# SPDX-License-Identifier: Apache-2.0
"""The Fourier canvas: spatial frequencies with decorrelated color, weighted as in photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas, CanvasShape, normal_start
from pellucid.ascent.color import Colors
from pellucid.ascent.statistics import ImageStatistics

__all__ = ["FourierCanvas"]

# Both from lucid: the spread of the variables at the start, and a divisor that keeps first steps from saturating.
START_SD = 0.01
DIVISOR = 4.0


class FourierCanvas(Canvas):
    """Real and imaginary parts of the half spectrum are the variables; a frequency f weighs 1/f.

    Gradient ascent then moves slow and fast frequencies alike, where pixels would let the fastest win.

    Parameters
    ----------
    shape : CanvasShape
    streams : one random stream for each item
    statistics : of the user's data; color, mean and slope are then theirs. None for lucid's axes of color where there are
        three channels, around gray, and slope 1

    References
    ----------
    Olah, Mordvintsev, Schubert 2017; lucid `optvis/param/spatial.py`, with its crop of one column at odd widths.

    Examples
    --------
    >>> canvas = FourierCanvas(CanvasShape(3, 32, 48), [np.random.default_rng(0)])
    >>> canvas.pictures().shape
    torch.Size([1, 3, 32, 48])
    """

    def __init__(
        self,
        shape: CanvasShape,
        streams: Sequence[np.random.Generator],
        *,
        statistics: ImageStatistics | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.shape = shape
        weight = frequency_weight(shape.height, shape.width, decay=1.0)
        if statistics is not None:
            steeper = frequency_weight(shape.height, shape.width, decay=statistics.decay)
            weight = steeper * (weight.norm() / steeper.norm())  # as much contrast, at other frequencies
        self._colors = Colors() if statistics is None else statistics.colors(device)
        self._weight = weight.to(device)[..., None]
        spectrum = (shape.channels, *self._weight.shape[:2], 2)
        self.variables = (normal_start(streams, spectrum, sd=START_SD).to(device).requires_grad_(),)

    def pictures(self) -> Tensor:
        spectrum = torch.view_as_complex(self.variables[0] * self._weight)
        size = (self.shape.height, self.shape.width + self.shape.width % 2)
        planes = torch.fft.irfft2(spectrum, s=size)[..., : self.shape.width]
        return self._colors.pixels(planes)

    def showing(self, pictures: Tensor) -> tuple[Tensor, ...]:
        planes = self._colors.planes(pictures)
        if (
            self.shape.width % 2
        ):  # the column that is cropped again: between its neighbors, the last and the first
            between = (planes[..., :1] + planes[..., -1:]) / 2
            planes = torch.cat([planes, between], -1)
        return (torch.view_as_real(torch.fft.rfft2(planes)) / self._weight,)


def frequency_weight(height: int, width: int, *, decay: float) -> Tensor:
    """What a variable of each frequency is multiplied by: (H, W//2+1) float32, (H, W//2+2) at odd widths."""
    vertical = np.fft.fftfreq(height)[:, None]
    horizontal = np.fft.fftfreq(width)[None, : width // 2 + 1 + width % 2]
    frequency = np.maximum(np.hypot(vertical, horizontal), 1 / max(height, width))
    weight = np.sqrt(height * width) / frequency**decay / DIVISOR
    return torch.from_numpy(weight.astype(np.float32))
