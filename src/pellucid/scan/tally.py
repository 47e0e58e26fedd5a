# SPDX-License-Identifier: Apache-2.0
"""Counts by bin and unit, with rows for those bins only that any unit of the layer has met."""

from __future__ import annotations

import numpy as np

from pellucid.scan.bins import COUNT, bins_of
from pellucid.scan.responses import Floats, Integers

__all__ = ["Tally"]


class Tally:
    """How many values of each unit lie in each bin.

    Rows stand in the order in which bins were met, until they are settled.

    Attributes
    ----------
    bins : (B,) the bin of each row
    counts : (B, K)
    """

    def __init__(self, units: int) -> None:
        self.bins: Integers = np.empty(0, np.int64)
        self.counts: Integers = np.zeros((0, units), np.int64)
        self._rows: Integers = np.full(COUNT, -1, np.int64)

    def add(self, values: Floats) -> Integers:
        """Count (n, K) values; the (n, K) cells of `counts`, laid flat, that they went to. Not finite ones have -1."""
        units = self.counts.shape[1]
        bins, finite = bins_of(values), np.isfinite(values)
        met = np.zeros(COUNT, np.bool_)
        met[bins if finite.all() else bins[finite]] = True
        self.grow(np.flatnonzero(met & (self._rows < 0)))
        cells = np.where(finite, self._rows[bins] * units + np.arange(units), -1)
        self.counts += np.bincount(cells.ravel() + 1, minlength=self.counts.size + 1)[1:].reshape(
            self.counts.shape
        )
        return cells

    def grow(self, bins: Integers) -> None:
        """Rows for more bins, which have none yet."""
        if len(bins):
            self._rows[bins] = np.arange(len(self.bins), len(self.bins) + len(bins))
            self.bins = np.concatenate([self.bins, bins])
            empty = np.zeros((len(bins), self.counts.shape[1]), np.int64)
            self.counts = np.concatenate([self.counts, empty])

    def rows(self, bins: Integers) -> Integers:
        """The rows of bins; those without one get it."""
        self.grow(bins[self._rows[bins] < 0])
        return self._rows[bins]

    def grow_like(self, bins: object) -> None:
        """Rows for the bins of a saved tally, in a fresh one; for none if these are no bins."""
        if isinstance(bins, np.ndarray) and bins.dtype == np.int64 and bins.ndim == 1:
            inside = (bins >= 0) & (bins < COUNT)
            if inside.all() and (np.diff(bins) > 0).all():
                self.grow(bins)

    def settle(self) -> Integers:
        """Sort the rows by bin, so that what was met earlier makes no difference; where each row stood before."""
        order = np.argsort(self.bins)
        self.bins, self.counts = self.bins[order], self.counts[order]
        self._rows[self.bins] = np.arange(len(order))
        return order
