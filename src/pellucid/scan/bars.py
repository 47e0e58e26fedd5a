# SPDX-License-Identifier: Apache-2.0
"""A unit's histogram as it is looked at: what is faint beside the unit's own loudest is one bar around zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.scan.bins import EDGES, ZERO
from pellucid.scan.responses import Integers

__all__ = ["Bars", "bars_of"]

# Six doublings reach from a shout to a whisper; a unit's responses go on halving towards zero without end.
SHOWN = 12


@dataclass(frozen=True, eq=False)
class Bars:
    """`counts[i]` values lie in `edges[i] <= value < edges[i + 1]`; `bins[i]` are the places, among those met, of its bins."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    bins: tuple[Integers, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


def bars_of(bins: Integers, counts: Integers) -> Bars:
    """The bars of one unit with (B,) counts in (B,) bins; from the lowest bin that has any to the highest.

    >>> made = bars_of(np.array([ZERO, ZERO + 1, ZERO + 252, ZERO + 253]), np.array([5, 2, 0, 3]))
    >>> made.counts[0], made.counts[-1], made.edges[-2:]
    (7, 3, (1.0, 1.4142135623730951))
    """
    met = np.flatnonzero(counts)
    if not len(met):
        return Bars((), (), ())
    steps = bins[met] - ZERO
    faintest = max(int(np.abs(steps).max()) - SHOWN, 0)  # steps up to here are one bar
    shown = np.where(np.abs(steps) <= faintest, 0, steps - np.sign(steps) * faintest)
    low, high = int(shown.min()), int(shown.max())
    owners = tuple(met[shown == place] for place in range(low, high + 1))
    starts = [
        EDGES[ZERO + place + np.sign(place) * faintest] if place else EDGES[ZERO - faintest]
        for place in range(low, high + 1)
    ]
    end = EDGES[ZERO + high + np.sign(high) * faintest + 1] if high else EDGES[ZERO + faintest + 1]
    return Bars(
        tuple(float(edge) for edge in (*starts, end)),
        tuple(int(counts[owner].sum()) for owner in owners),
        owners,
    )
