# SPDX-License-Identifier: Apache-2.0
"""Decorrelated color: a canvas varies along the main axes of color in photographs, not along R, G and B."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["COLOR_AXES", "Colors", "main_axes", "mixed"]

# Square root of the covariance of RGB in ImageNet photographs as lucid ships it (rows R, G, B; columns lightness,
# blue-yellow, green-magenta), divided by its longest column.
_ROOT = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)
COLOR_AXES = (_ROOT / _ROOT.norm(dim=0).max()).float()


def mixed(planes: Tensor, axes: Tensor | None = None) -> Tensor:
    """Channels from as many decorrelated planes.

    Parameters
    ----------
    planes : (N, C, H, W) float32
    axes : (C, C), a column for each plane, as `main_axes` gives; None for those of photographs where there are three
        channels, and for no mixing at all, with no invented color, where there is another number

    Returns
    -------
    (N, C, H, W) float32

    References
    ----------
    Olah, Mordvintsev, Schubert 2017, "Feature Visualization"; lucid `optvis/param/color.py`.
    """
    if axes is None and planes.shape[1] != len(COLOR_AXES):
        return planes
    return torch.einsum("rp,nphw->nrhw", (COLOR_AXES if axes is None else axes).to(planes), planes)


def main_axes(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The axes along which channels vary independently, the strongest first: (C, C), a column for each.

    The square root U sqrt(S) of the covariance U S U', each column with its largest entry positive, so that equal data
    give equal axes; lucid's constants are such a root, of photographs.

    Examples
    --------
    >>> main_axes(np.array([[1.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.0, 1.0], [2.0, 0.0]]
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1]
    signs = np.sign(root[np.abs(root).argmax(0), np.arange(len(root))])
    found: NDArray[np.float64] = root * np.where(signs == 0, 1, signs)
    return found


# What a sigmoid cannot reach: rounded to 8 bits it is the end of the range.
INSIDE = 0.45 / 255
# A mean nearer to an end of the range than this would leave a canvas hardly any slope to start with.
ENDS = 0.02


@dataclass(frozen=True, eq=False)
class Colors:
    """How decorrelated planes become pixels.

    Parameters
    ----------
    axes : as `mixed` takes them
    rest : (C, 1, 1) what is added to mixed planes, so that planes of 0 show the mean of the data; None for gray
    """

    axes: Tensor | None = None
    rest: Tensor | None = None

    @classmethod
    def measured(
        cls, mean: NDArray[np.float64], axes: NDArray[np.float64], device: torch.device | str = "cpu"
    ) -> Colors:
        """Those of data with this mean (C,) in 0..1 and these main axes (C, C)."""
        longest = np.linalg.norm(axes, axis=0).max()
        scaled = axes / longest if longest > 0 else np.eye(len(axes))
        inside = np.clip(mean, ENDS, 1 - ENDS)
        rest = np.log(inside / (1 - inside))[:, None, None]
        return cls(*(torch.from_numpy(each.astype(np.float32)).to(device) for each in (scaled, rest)))

    def pixels(self, planes: Tensor) -> Tensor:
        """(N, C, H, W) in 0..1 from planes of the same shape."""
        mixture = mixed(planes, self.axes)
        return torch.sigmoid(mixture if self.rest is None else mixture + self.rest)

    def planes(self, pixels: Tensor) -> Tensor:
        """The planes that `pixels` turns into these; values at the ends of the range stand for some a little inside it.

        >>> shown = torch.tensor([0.1, 0.5, 1.0]).view(1, 3, 1, 1)
        >>> Colors().pixels(Colors().planes(shown)).mul(255).round().flatten()
        tensor([ 26., 128., 255.])
        """
        # In float64, which some devices lack.
        mixture = torch.logit(pixels.cpu().double(), INSIDE)
        if self.rest is not None:
            mixture = mixture - self.rest.cpu()
        if self.axes is not None or pixels.shape[1] == len(COLOR_AXES):
            axes = COLOR_AXES if self.axes is None else self.axes.cpu()
            mixture = mixed(mixture, torch.linalg.pinv(axes.double()))
        return mixture.float().to(pixels.device)
