# SPDX-License-Identifier: Apache-2.0
"""A spectrum in bins of radius and angle: a few numbers from which the spectrum of a picture of any size is rebuilt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANGLES", "RADII", "PolarBins", "spread"]

Doubles = NDArray[np.float64]
# Lower edges of the rings, in cycles per pixel: each a third wider than the one inside it, to the corner of the spectrum.
RADII = np.geomspace(1 / 1024, 0.75, 25)[:-1]
GROWTH = float(RADII[1] / RADII[0])
# Sectors of half a turn; a real picture's spectrum is the same on the other half.
ANGLES = 8


class PolarBins:
    """The bins of the half spectrum of a picture of (height, width); frequency 0 is in none.

    Examples
    --------
    >>> bins = PolarBins(8, 8)
    >>> bins.means(np.ones((1, 8, 5))).shape
    (1, 192)
    """

    def __init__(self, height: int, width: int) -> None:
        radius, angle = _polar(height, width)
        ring = np.searchsorted(RADII, radius.ravel(), "right") - 1
        sector = np.rint(angle.ravel() / np.pi * ANGLES).astype(int) % ANGLES
        self._place = np.where(radius.ravel() > 0, ring * ANGLES + sector, len(RADII) * ANGLES)
        self.counts: Doubles = self._sums(np.ones(radius.size))
        with np.errstate(divide="ignore"):
            logs = (
                self._sums(np.where(radius.ravel() > 0, np.log(radius.ravel()), 0)).reshape(-1, ANGLES).sum(1)
            )
        rings = self.counts.reshape(-1, ANGLES).sum(1)
        centers = np.sqrt(GROWTH) * RADII
        self.radii: Doubles = np.where(rings > 0, np.exp(logs / np.maximum(rings, 1)), centers)

    def _sums(self, values: Doubles) -> Doubles:
        sums: Doubles = np.bincount(self._place, values, len(RADII) * ANGLES + 1)[:-1].astype(np.float64)
        return sums

    def means(self, planes: Doubles) -> Doubles:
        """The mean in each bin: (K, bins) from (K, H, W//2+1), 0 in empty bins."""
        sums = np.stack([self._sums(plane.ravel()) for plane in planes])
        return sums / np.maximum(self.counts, 1)

    def rings(self, values: Doubles) -> Doubles:
        """The mean in each ring: (rings,) from (bins,), 0 in empty rings."""
        weighted = (values * self.counts).reshape(-1, ANGLES).sum(1)
        found: Doubles = weighted / np.maximum(self.counts.reshape(-1, ANGLES).sum(1), 1)
        return found


def spread(values: Doubles, bins: PolarBins, height: int, width: int) -> Doubles:
    """Values of bins as a half spectrum of another size, smooth in the logarithms of radius and value.

    Parameters
    ----------
    values : (K, bins), not negative
    bins : where they were measured
    height, width : of the picture whose spectrum is wanted

    Returns
    -------
    (K, H, W//2+1) float64, 0 at frequency 0; beyond the measured rings the last one goes on
    """
    radius, angle = _polar(height, width)
    turn = angle / np.pi * ANGLES
    before = np.floor(turn).astype(int)
    share = turn - before
    measured = bins.counts.reshape(-1, ANGLES).sum(1) > 0
    found = np.empty((len(values), *radius.shape))
    for plane, row in zip(found, values, strict=True):
        ring = bins.rings(row)[:, None]
        full = np.where(bins.counts.reshape(-1, ANGLES) > 0, row.reshape(-1, ANGLES), ring)[measured]
        floor = 1e-12 * max(full.max(initial=0), 1e-300)
        curves = [
            np.interp(
                np.log(np.maximum(radius, 1e-9)), np.log(bins.radii[measured]), np.log(np.maximum(one, floor))
            )
            for one in full.T
        ]
        stack = np.stack(curves)  # (angles, H, W//2+1)
        rows, columns = np.indices(radius.shape)
        first, second = (stack[place % ANGLES, rows, columns] for place in (before, before + 1))
        plane[:] = np.exp((1 - share) * first + share * second)
        plane[radius == 0] = 0
        plane[plane <= 2 * floor] = 0
    return found


def _polar(height: int, width: int) -> tuple[Doubles, Doubles]:
    """Cycles per pixel, and the angle in 0 to pi, of each frequency of the half spectrum: two of (H, W//2+1)."""
    down = np.fft.fftfreq(height)[:, None]
    across = np.fft.rfftfreq(width)[None]
    return np.hypot(down, across), np.arctan2(down, across) % np.pi
