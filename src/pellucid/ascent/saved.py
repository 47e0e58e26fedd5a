# SPDX-License-Identifier: Apache-2.0
"""What is saved of a canvas: pictures of 8 bits, and what 0 and 255 stand for where a picture leaves 0..1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.pictures import fed, shown

__all__ = ["Saved", "saved"]


@dataclass(frozen=True, eq=False)
class Saved:
    """Pictures as files hold them.

    Parameters
    ----------
    pixels : (N, H, W, C) uint8
    ends : (N, 2) float32, the pixel values that 0 and 255 stand for: 0 and 1, or else told beside the picture
    """

    pixels: NDArray[np.uint8]
    ends: NDArray[np.float32]

    def fed(self, device: torch.device | str = "cpu") -> Tensor:
        """What a net is fed when the files are read again: (N, C, H, W) float32."""
        low, span = _low_and_span(torch.from_numpy(self.ends).to(device))
        return fed(self.pixels, device) * span + low


def saved(canvas: Canvas) -> Saved:
    """The canvas's pictures in 8 bits, between its ends or, where it has none, each between its own lowest and highest."""
    pictures = canvas.pictures().detach().float()
    if canvas.ends is not None:
        ends = torch.tensor(canvas.ends, device=pictures.device).expand(len(pictures), 2)
        return Saved(shown(_between(pictures, ends)), ends.cpu().numpy())
    flat = pictures.flatten(1)
    pixels = shown(_between(pictures, torch.stack([flat.amin(1), flat.amax(1)], 1)))
    return Saved(pixels, _fitted(fed(pixels, pictures.device), pictures).cpu().numpy())


def _between(pictures: Tensor, ends: Tensor) -> Tensor:
    """Shares of the way from one end to the other, in 0..1."""
    low, span = _low_and_span(ends)
    return ((pictures - low) / span).nan_to_num(0.0).clamp(0, 1)


def _fitted(shares: Tensor, pictures: Tensor) -> Tensor:
    """The ends (N, 2) between which rounded shares come nearest to the pictures, by least squares.

    What rounding takes away is then at right angles to the picture, so that its norm, and the answer of a unit that it
    fits, change in the second order only.
    """
    x, y = shares.flatten(1).double(), pictures.flatten(1).double()
    about_x, about_y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    size = about_x.square().sum(1)
    slope = torch.where(size > 0, (about_x * about_y).sum(1) / size, 1.0)
    low = y.mean(1) - slope * x.mean(1)
    return torch.stack([low, low + slope], 1).float()


def _low_and_span(ends: Tensor) -> tuple[Tensor, Tensor]:
    """Two of (N, 1, 1, 1); a picture of one value spans 1."""
    rows = ends[:, :, None, None, None]
    span = rows[:, 1] - rows[:, 0]
    return rows[:, 0], torch.where(span > 0, span, 1.0)
