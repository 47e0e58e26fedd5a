# SPDX-License-Identifier: Apache-2.0
"""Sums of floating point numbers that are exact, so that no order of adding can change them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.scan.responses import Doubles, Integers

__all__ = ["BITS", "LIMBS", "LOWEST", "ExactSums", "carry", "digits"]

# Sums are integers in units of 2**LOWEST, in LIMBS limbs of 32 bits. Sums of float32 numbers are multiples of
# 2**-149, sums of their squares of 2**-298, and a sum of 2**60 such squares stays under 2**320.
LIMBS = 20
BITS = 32
LOWEST = -320


class ExactSums:
    """One exact running sum per unit.

    Attributes
    ----------
    limbs : (20, K) int64; the sum is `sum(limbs[i] * 2**(32 * i)) * 2**LOWEST`

    Examples
    --------
    >>> sums = ExactSums(1)
    >>> for value in (1e16, 1.0, -1e16):
    ...     sums.add(np.array([[value]]))
    >>> sums.exact()[0] * 2**LOWEST
    1.0
    """

    def __init__(self, units: int) -> None:
        self.limbs: Integers = np.zeros((LIMBS, units), np.int64)

    def add(self, values: Doubles) -> None:
        """Add (n, K) finite numbers: sums of float32 numbers, or of their squares, as float64."""
        for limb, whole in digits(values):
            self.limbs[limb] += whole.sum(0).astype(np.int64)

    def settled(self) -> Integers:
        """The limbs after carrying, which makes them unique: all but the last in 0 to 2**32 - 1."""
        carry(self.limbs)
        return self.limbs

    def exact(self) -> list[int]:
        """The sum of every unit, in units of 2**LOWEST."""
        weights = [1 << (BITS * limb) for limb in range(LIMBS)]
        return [sum(map(int.__mul__, column, weights)) for column in self.limbs.T.tolist()]


def digits(values: Doubles) -> Iterator[tuple[int, Doubles]]:
    """What each limb gets of every number, from the limb that the largest begins in downwards."""
    largest = np.abs(values).max(initial=0.0)
    if largest == 0:
        return
    left = values.copy()
    for limb in range((int(np.frexp(largest)[1]) - 1 - LOWEST) // BITS, -1, -1):
        unit = 2.0 ** (LOWEST + BITS * limb)
        # Exact at every step: scaling by a power of two, cutting digits off, taking leading digits away.
        whole = np.trunc(left / unit)
        left -= whole * unit
        yield limb, whole
        if not left.any():
            break


def carry(limbs: Integers) -> None:
    """Bring all limbs but the last into 0 to 2**32 - 1, the sums unchanged."""
    for limb in range(len(limbs) - 1):
        limbs[limb + 1] += limbs[limb] >> BITS
        limbs[limb] &= (1 << BITS) - 1
