# SPDX-License-Identifier: Apache-2.0
"""The color of a filter: how much of it is color at all, and along which opponent axis.

The four axes are those that Rafegas and Vanrell (2018) found in first layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.shares import share

__all__ = ["AXES", "BLACK_WHITE", "COLORED", "Opponency", "main_color", "opponency"]

Floats = NDArray[np.float64]

BLACK_WHITE = "black-white"
# Directions in red, green, blue without gray; the first named end is the positive one where it can be said.
AXES = {"red-cyan": (2, -1, -1), "blue-yellow": (-1, -1, 2), "magenta-green": (1, -2, 1)}
# Below this share of the energy, what is off the gray axis only tints a gray filter (ImageNet's first layers
# give blue less weight than red and green, so even their gray Gabors hold about a tenth).
COLORED = 0.25


@dataclass(frozen=True, eq=False)
class Opponency:
    """The color of K filters over red, green and blue.

    `chroma` (K,): the share of energy off the gray axis (1, 1, 1), 0..1; `axis`: K names, `black-white` where
    chroma is below a quarter.
    """

    chroma: Floats
    axis: tuple[str, ...]


def opponency(kernels: Floats) -> Opponency:
    """The color of kernels (K, 3, kh, kw).

    Examples
    --------
    >>> red = np.zeros((1, 3, 5, 5)); red[0, 0] = 1
    >>> found = opponency(red)
    >>> found.axis, found.chroma.round(3)
    (('red-cyan',), array([0.667]))
    """
    pixels = kernels.reshape(len(kernels), 3, -1)
    moments = pixels @ pixels.transpose(0, 2, 1)  # (K, 3, 3)
    energy = np.trace(moments, axis1=1, axis2=2)
    off_gray = np.eye(3) - 1 / 3
    colored = off_gray @ moments @ off_gray
    chroma = share(np.trace(colored, axis1=1, axis2=2), energy)
    names = tuple(AXES)
    directions = np.array([AXES[name] for name in names], float)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    nearest = np.abs(_strongest(colored) @ directions.T).argmax(1)
    axis = tuple(
        names[which] if part >= COLORED else BLACK_WHITE for which, part in zip(nearest, chroma, strict=True)
    )
    return Opponency(np.clip(chroma, 0, 1), axis)


def main_color(kernels: Floats) -> Floats:
    """The unit direction over the channels that holds most of each filter's energy: (K, C, kh, kw) -> (K, C).

    Its largest entry is positive.
    """
    pixels = kernels.reshape(*kernels.shape[:2], -1)
    return _strongest(pixels @ pixels.transpose(0, 2, 1))


def _strongest(moments: Floats) -> Floats:
    """The eigenvector of the largest eigenvalue, its largest entry positive: (K, C, C) -> (K, C)."""
    direction = np.linalg.eigh(moments)[1][..., -1]
    largest = np.take_along_axis(direction, np.abs(direction).argmax(1)[:, None], 1)
    return direction * np.where(largest < 0, -1, 1)
