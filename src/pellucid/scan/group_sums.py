# SPDX-License-Identifier: Apache-2.0
"""Very many exact sums of float32 numbers, in as few limbs as the sizes that were met take."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from pellucid.scan.exact import BITS, LIMBS, LOWEST, carry, digits
from pellucid.scan.responses import Doubles, Integers

__all__ = ["GroupSums"]


class GroupSums:
    """One exact running sum for each class and unit: a thousand classes times all units are too many for `ExactSums`.

    Responses of a net lie within some doublings of one another, so that three limbs of the twenty there could be hold their
    sums. Which those are is found out.

    Attributes
    ----------
    limbs : (limbs, sums) int64; a sum is `sum(limbs[i] * 2**(32 * (i + low))) * 2**-320`
    low : the number of the first limb

    Examples
    --------
    >>> sums = GroupSums(2)
    >>> sums.add(np.array([[1e30], [-1e30], [2.0]]), np.array([0]), np.array([1]))
    >>> sums.add(np.array([[1e-30], [1e-30]]), np.array([0, 1]), np.array([0, 1]))
    >>> sums.rounded().tolist(), sums.settled().limbs.shape
    ([1e-30, 2.0], (6, 2))
    """

    def __init__(self, sums: int) -> None:
        self.low = 0
        self.limbs: Integers = np.zeros((0, sums), np.int64)

    def add(self, values: Doubles, starts: Integers, sums: Integers) -> None:
        """Add (n, k) numbers in groups of rows, each to k sums of its own: the rows from `starts[g]` on to `sums[g]`.

        `starts` is (groups,), `sums` (groups * k,) and all different.
        """
        for limb, whole in digits(values):
            self.reach(limb, 1)
            self.limbs[limb - self.low, sums] += np.add.reduceat(whole, starts).astype(np.int64).ravel()

    def take(self, other: Self) -> None:
        """Add the sums of another."""
        self.reach(other.low, len(other.limbs))
        first = other.low - self.low
        self.limbs[first : first + len(other.limbs)] += other.limbs

    def reach(self, low: int, count: int) -> None:
        """Have limbs for all of `count` from number `low` on."""
        if not count:
            return
        if not len(self.limbs):
            self.low = low
        below = max(self.low - low, 0)
        above = max(low + count - self.low - len(self.limbs), 0)
        if below or above:
            self.limbs = np.pad(self.limbs, ((below, above), (0, 0)))
            self.low -= below

    def reach_like(self, limbs: object, low: object) -> None:
        """Limbs as saved sums have them, in fresh ones; none where these cannot be any."""
        if (
            isinstance(limbs, np.ndarray)
            and isinstance(low, np.ndarray)
            and low.size == 1
            and limbs.ndim == 2
        ):
            first = int(low.ravel()[0])
            if first >= 0 and first + len(limbs) <= LIMBS:
                self.reach(first, len(limbs))

    def settled(self) -> Self:
        """The sums in the one form that depends on nothing else: no limb more than it takes, all but the last without a sign."""
        limbs = np.pad(self.limbs, ((0, 1), (0, 0)))
        carry(limbs)
        while (
            len(limbs) > 1 and (limbs[-1] >> 1 == limbs[-1]).all()
        ):  # 0 or -1: a sign that the limb below can bear
            limbs[-2] += limbs[-1] << BITS
            limbs = limbs[:-1]
        met = np.flatnonzero(limbs.any(1))
        first = int(met[0]) if len(met) else len(limbs)
        self.low, self.limbs = (self.low + first if len(met) else 0), limbs[first:].copy()
        return self

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What is kept; not copies, but for `low`."""
        return {"sums": self.limbs, "sums.low": np.array([self.low])}

    def rounded(self) -> Doubles:
        """(sums,) as float64, right to about 1e-15 of themselves."""
        total: Doubles = np.zeros(self.limbs.shape[1])
        if not len(self.settled().limbs):
            return total
        signs = np.where(self.limbs[-1] < 0, -1, 1)
        sizes = self.limbs * signs
        carry(sizes)  # the size of a negative sum: its own digits nearly cancel
        for limb, part in enumerate(sizes):
            total += part * 2.0 ** (LOWEST + BITS * (limb + self.low))
        return total * signs
