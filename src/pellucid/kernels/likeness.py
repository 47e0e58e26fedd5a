# SPDX-License-Identifier: Apache-2.0
"""How alike filters are, wherever in the kernel they stand: negated pairs and duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.kernels.shares import share

__all__ = ["DUPLICATE", "NEGATED", "Pair", "alike_bound", "pairs"]

Floats = NDArray[np.float64]

NEGATED, DUPLICATE = -0.9, 0.95
MOST_NUMBERS = 1 << 23


@dataclass(frozen=True)
class Pair:
    """Two filters and their normalized cross-correlation at the shift where it is largest in magnitude."""

    first: int
    second: int
    correlation: float

    def to_json(self) -> dict[str, float | int]:
        """The pair as JSON."""
        return {"first": self.first, "second": self.second, "correlation": round(self.correlation, 4)}


def alike_bound(kernels: Floats) -> Floats:
    """The most that |correlation| of two filters can be at any shift: (K, K), from their spectra's sizes alone."""
    return _sizes(_unit(kernels))


def pairs(kernels: Floats) -> tuple[Pair, ...]:
    """The negated pairs (correlation <= -0.9) and duplicates (>= 0.95) among filters (K, C, kh, kw).

    The correlation is of all channels together, over all shifts, zero outside the kernel. A pair stands once,
    the lower index first; pairs are in order of their indices.

    Examples
    --------
    >>> one = np.random.default_rng(0).normal(size=(1, 3, 5, 5))
    >>> [(pair.first, pair.second) for pair in pairs(np.concatenate([one, -one]))]
    [(0, 1)]
    """
    found = []
    unit = _unit(kernels)
    first, second = np.nonzero(np.triu(_sizes(unit) >= min(DUPLICATE, -NEGATED), 1))
    for rows, low, high in _extremes(unit, first, second):
        for one, other, least, most in zip(first[rows], second[rows], low, high, strict=True):
            if most >= DUPLICATE or least <= NEGATED:
                strongest = most if most > -least else least
                found.append(Pair(int(one), int(other), float(strongest)))
    return tuple(found)


def _unit(kernels: Floats) -> Floats:
    norm = np.sqrt((kernels**2).sum((1, 2, 3), keepdims=True))
    return share(kernels, norm)


def _sizes(unit: Floats) -> Floats:
    height, width = unit.shape[2:]
    size = np.abs(np.fft.fft2(unit, (2 * height - 1, 2 * width - 1))).reshape(len(unit), -1)
    return np.asarray(size @ size.T / ((2 * height - 1) * (2 * width - 1)))


def _extremes(
    unit: Floats, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Iterator[tuple[slice, Floats, Floats]]:
    """The lowest and highest correlation of each pair over all shifts, some pairs at a time."""
    size = [2 * length - 1 for length in unit.shape[2:]]
    spectrum = np.fft.rfft2(unit, size)
    step = max(MOST_NUMBERS // spectrum[0].size, 1)
    for at in range(0, len(first), step):
        rows = slice(at, at + step)
        cross = (spectrum[first[rows]] * spectrum[second[rows]].conj()).sum(1)
        values = np.fft.irfft2(cross, size).reshape(len(cross), -1)
        yield rows, values.min(1), values.max(1)
