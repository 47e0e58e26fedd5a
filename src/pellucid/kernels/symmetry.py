# SPDX-License-Identifier: Apache-2.0
"""What a filter's weights say without any model: evenness, separability, agreement of neighbors.

And what a kernel too small for fits can be: an average, an edge, a line, a center with its surround.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.opponency import main_color
from pellucid.kernels.shares import share

__all__ = ["Parts", "evenness", "main_map", "neighbor_agreement", "parts", "separability", "untrained_below"]

Floats = NDArray[np.float64]


def evenness(kernels: Floats) -> Floats:
    """From -1 (odd: turned by 180 degrees it is its own negative) to 1 (even: turned it is itself): (K,).

    About the best center, which need not be the kernel's: the largest share, in magnitude, that the filter has
    in common with its turned self over all shifts.
    """
    size = [2 * length - 1 for length in kernels.shape[2:]]
    spectrum = np.fft.rfft2(kernels, size)
    turned = np.fft.irfft2((spectrum**2).sum(1), size).reshape(len(kernels), -1)
    energy = (kernels**2).sum((1, 2, 3))
    low, high = turned.min(1), turned.max(1)
    best = np.where(-low > high, low, high)
    return np.clip(share(best, energy), -1, 1)


def main_map(kernels: Floats) -> Floats:
    """The map that, times one color, holds most of each filter's energy: (K, C, kh, kw) -> (K, kh, kw).

    It carries that energy, and the sign it has under its color's largest entry.
    """
    count, channels, height, width = kernels.shape
    color = main_color(kernels)
    return np.asarray(color[:, None] @ kernels.reshape(count, channels, -1)).reshape(count, height, width)


def separability(maps: Floats) -> Floats:
    """The share of a map's energy in one product of a column and a row: (K, kh, kw) -> (K,), 0..1."""
    shares = np.asarray(np.linalg.svd(maps, compute_uv=False), np.float64) ** 2
    whole = shares.sum(1)
    return share(shares[:, 0], whole, of_nothing=1)


def neighbor_agreement(kernels: Floats) -> Floats:
    """How alike neighboring weights are, along the one of four directions where they are most: (K,), -1..1.

    Stripes agree along themselves, a blob all around; noise agrees nowhere.
    """
    height, width = kernels.shape[2:]
    best = np.full(len(kernels), -1.0)
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        if down >= height or abs(across) >= width:
            continue
        left, right = max(-across, 0), max(across, 0)
        one = kernels[:, :, : height - down, left : width - right]
        other = kernels[:, :, down:, right : width - left]
        scale = np.sqrt((one**2).sum((1, 2, 3)) * (other**2).sum((1, 2, 3)))
        alike = (one * other).sum((1, 2, 3))
        best = np.maximum(best, share(alike, scale))
    return best


def untrained_below(channels: int, height: int, width: int) -> float:
    """The neighbor agreement below which a filter looks untrained.

    Independent weights reach about 3 / sqrt(number of neighbor pairs) in one of a hundred filters; at 0.35 about
    half of a filter is still noise.
    """
    pairs = max(channels * height * max(width - 1, 1), 1)
    return float(max(3 / np.sqrt(pairs), 0.35))


@dataclass(frozen=True, eq=False)
class Parts:
    """What a small kernel can be: shares of its energy that add to 1, and the directions of two, (K,) each.

    `average`: the even gray; `edge`: what becomes its negative when turned by 180 degrees; `line`: what, of the
    rest, becomes its negative when turned by 90 degrees; `center`: what stays. A bar that runs through the kernel
    is half line, half center. Angles as in `Spectrum`: across the edge, across the line.
    """

    average: Floats
    edge: Floats
    line: Floats
    center: Floats
    edge_angle: Floats
    line_angle: Floats


def parts(kernels: Floats) -> Parts:
    """The parts of small kernels (K, C, kh, kw); a kernel that is not square has no `line`.

    They are orthogonal because they behave differently when the kernel is turned.

    Examples
    --------
    >>> laplacian = np.array([[[[0, 1, 0], [1, -4, 1], [0, 1, 0]]]], float)
    >>> parts(laplacian).center
    array([1.])
    """
    turned = kernels[:, :, ::-1, ::-1]
    mean = kernels.mean((2, 3), keepdims=True)
    odd, even = (kernels - turned) / 2, (kernels + turned) / 2 - mean
    square = kernels.shape[2] == kernels.shape[3]
    line = (even - np.rot90(even, axes=(2, 3))) / 2 if square else np.zeros_like(even)
    y, x = np.mgrid[: kernels.shape[2], : kernels.shape[3]]
    x, y = x - x.mean(), y - y.mean()
    # Angles are doubled while channels are added up, so that opposite directions are one.
    slope = (odd * (x + 1j * y)).sum((2, 3))
    bright = np.sign((even * (1 / (1 + x**2 + y**2))).sum((2, 3)))  # a bright line or a dark one
    along = bright * (line * (x + 1j * y) ** 2).sum((2, 3))
    energy = (kernels**2).sum((1, 2, 3))
    every = (np.broadcast_to(mean, kernels.shape), odd, line, even - line)
    average, edge, lines, center = (share((part**2).sum((1, 2, 3)), energy) for part in every)
    return Parts(average, edge, lines, center, _half_angle(slope**2), _half_angle(-along))


def _half_angle(doubled: NDArray[np.complex128]) -> Floats:
    """The direction of doubled directions added up over channels: (K, C) -> (K,) in 0..pi."""
    return np.asarray(np.angle(doubled.sum(1)) / 2 % np.pi)
