# SPDX-License-Identifier: Apache-2.0
"""The MACO canvas: only the phases of frequencies vary, their sizes stay those of real pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.ascent.canvas import Canvas, CanvasShape
from pellucid.ascent.color import COLOR_AXES, Colors
from pellucid.ascent.natural import natural
from pellucid.ascent.statistics import ImageStatistics
from pellucid.ascent.transparency import transparency_of

__all__ = ["MacoCanvas", "displayed"]

# Spread of phases that are uniform over a turn, as in the paper. Xplique and Horama standardize phases to 1: then the waves
# agree in the corner of the picture, which stays pale, and large pictures are seen in crops that seldom meet it.
SPREAD = math.pi / math.sqrt(3)
# What keeps a division finite; Xplique's.
EPSILON = 1e-5
# Horama's display: the share cut off each end of the picture's values, in percent.
CUT_PERCENT = 1.0


class MacoCanvas(Canvas):
    """Phases are the variables; the picture is standardized, so its contrast is that of photographs from the start.

    A picture cannot become louder, only better arranged: activations are lower than on other canvases, and pictures never
    clip. Every step adds the absolute gradient of the pictures to a sum, from which `transparency` tells where the net
    looked: where it did not, the picture is arbitrary noise.

    Parameters
    ----------
    shape : CanvasShape
    streams : one random stream for each item
    statistics : of the user's data; sizes of frequencies, color and mean are then theirs. None for those of photographs
        around gray; where there are not three channels, each has their lightness, and no color

    References
    ----------
    Fel et al. 2023, "Unlocking feature visualization for deeper networks with magnitude constrained optimization",
    arXiv:2306.06805, with its uniform start; standardized phases and pictures, optimizer and learning rate of Xplique.
    Differs: phases are standardized to the spread of the uniform start, not to 1; frequencies are compared in cycles per
    pixel, not by resizing a grid; pixels are in 0..1, which the net's own normalization takes to its range.

    Examples
    --------
    >>> canvas = MacoCanvas(CanvasShape(3, 32, 45), [np.random.default_rng(0)])
    >>> canvas.variables[0].shape, canvas.pictures().shape
    (torch.Size([1, 3, 32, 23]), torch.Size([1, 3, 32, 45]))
    """

    optimizer = "nadam"
    learning_rate = 1.0

    def __init__(
        self,
        shape: CanvasShape,
        streams: Sequence[np.random.Generator],
        *,
        statistics: ImageStatistics | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._size = shape.height, shape.width
        self._colors = Colors() if statistics is None else statistics.colors(device)
        sizes = _sizes(shape, statistics).astype(np.float32)
        self._sizes = torch.from_numpy(sizes).to(device)
        self.variables = (_uniform_start(streams, sizes.shape).to(device).requires_grad_(),)
        self._slope: Tensor | None = None
        self._looked = torch.zeros(len(streams), *self._size, device=device)

    def pictures(self) -> Tensor:
        spectrum = torch.polar(self._sizes, SPREAD * _standardized(self.variables[0]))
        planes = torch.fft.irfft2(spectrum, s=self._size, norm="ortho")
        pictures = self._colors.pixels(_standardized(planes))
        if pictures.requires_grad:
            hook: Callable[[Callable[[Tensor], None]], object] = pictures.register_hook
            hook(self._look)
        return pictures

    def _look(self, gradient: Tensor) -> None:
        # A step may take several ways back; the last one holds every item's own gradient.
        self._slope = gradient.detach().abs().mean(1).nan_to_num(0, 0, 0)

    def project(self) -> None:
        if self._slope is not None:
            self._looked += self._slope
            self._slope = None

    def transparency(self) -> Tensor:
        """Sums of the absolute gradients over all steps, full at their 80th percentile and above: (N, H, W) in 0..1."""
        return transparency_of(self._looked)


def _uniform_start(streams: Sequence[np.random.Generator], shape: tuple[int, ...]) -> Tensor:
    """Phases uniform over a turn: (N, *shape) float32."""
    phases = np.stack([each.uniform(-math.pi, math.pi, shape) for each in streams])
    return torch.from_numpy(phases.astype(np.float32))


def _standardized(values: Tensor) -> Tensor:
    """Each item about its mean, in units of its spread."""
    spread, mean = torch.std_mean(values, (1, 2, 3), correction=0, keepdim=True)
    return (values - mean) / (spread + EPSILON)


def _sizes(shape: CanvasShape, statistics: ImageStatistics | None) -> NDArray[np.float64]:
    """(C, H, W//2+1) sizes of frequencies along the axes of color that the canvas mixes."""
    side = shape.height, shape.width
    if statistics is not None:
        longest = np.linalg.norm(statistics.axes, axis=0).max()
        return statistics.amplitude(*side, statistics.axes / longest if longest > 0 else None)
    photographs = natural().amplitude(*side, COLOR_AXES.double().numpy())
    return photographs if shape.channels == len(COLOR_AXES) else np.repeat(photographs[:1], shape.channels, 0)


def displayed(picture: NDArray[np.uint8], transparency: NDArray[np.float32]) -> NDArray[np.uint8]:
    """MACO's way to show a picture: contrast stretched between its percentiles, and transparent where the net did not look.

    The net was never fed what this shows; activations belong to the picture itself.

    Parameters
    ----------
    picture : (H, W, 3) uint8, or (H, W, 1)
    transparency : (H, W) in 0..1, 1 for opaque

    Returns
    -------
    (H, W, 4) uint8, RGBA
    """
    low, high = np.percentile(picture, (CUT_PERCENT, 100 - CUT_PERCENT))
    stretched = np.clip((picture.astype(np.float64) - low) / max(high - low, 1.0), 0, 1)
    color = np.repeat(stretched, 3, 2) if picture.shape[2] == 1 else stretched
    shown: NDArray[np.uint8] = np.rint(np.dstack([color, transparency]) * 255).astype(np.uint8)
    return shown
