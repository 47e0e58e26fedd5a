# SPDX-License-Identifier: Apache-2.0
"""Pictures of 8 bits: what a canvas becomes when it is saved, and what a net is fed when the file is read again."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["band_sheet", "clipped_share", "departure", "fed", "shown"]

# How near to an end of the range counts as clipped.
EDGE = 0.02


def shown(pictures: Tensor) -> NDArray[np.uint8]:
    """(N, H, W, C) uint8 from (N, C, H, W) in 0..1."""
    whole = (pictures.detach() * 255).round().to(torch.uint8)
    return whole.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def fed(pictures: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """(N, C, H, W) float32 in 0..1 from (N, H, W, C) uint8; the way back from `shown`."""
    return torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255


def clipped_share(picture: NDArray[np.uint8]) -> float:
    """The share of channel values in the lowest or highest 2 % of the range.

    >>> clipped_share(np.array([[[0, 5, 6, 128]]], np.uint8))
    0.5
    """
    return float(((picture < EDGE * 255) | (picture > (1 - EDGE) * 255)).mean())


def departure(picture: NDArray[np.uint8]) -> float:
    """How far a picture is from gray: the root mean square distance of its values from the middle of the range.

    >>> departure(np.array([[[0, 255]]], np.uint8))
    0.5
    """
    return float(np.sqrt(np.mean((picture / 255 - 0.5) ** 2)))


def band_sheet(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bands of a picture side by side in gray, row by row, in a grid about as wide as high; black where none is left.

    >>> band_sheet(np.zeros((5, 7, 12), np.uint8)).shape
    (15, 28)
    """
    height, width, bands = picture.shape
    columns = math.ceil(math.sqrt(bands))
    rows = math.ceil(bands / columns)
    sheet = np.zeros((rows * columns, height, width), np.uint8)
    sheet[:bands] = picture.transpose(2, 0, 1)
    laid = sheet.reshape(rows, columns, height, width).transpose(0, 2, 1, 3)
    return laid.reshape(rows * height, columns * width)
