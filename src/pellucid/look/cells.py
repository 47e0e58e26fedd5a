# SPDX-License-Identifier: Apache-2.0
"""What fires at each spot: of every cell of a layer the units that answer most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHOWN", "Tops", "top_units"]

# As in Olah et al. 2018, The building blocks of interpretability (semantic dictionary).
SHOWN = 4


@dataclass(frozen=True, eq=False)
class Tops:
    """For each of P cells the n units that stand first, the first one first.

    Parameters
    ----------
    units : (P, n) int32
    responses : (P, n) float32, of the net itself
    """

    units: NDArray[np.int32]
    responses: NDArray[np.float32]


def top_units(maps: NDArray[np.float32], count: int = SHOWN, by: NDArray[Any] | None = None) -> Tops:
    """The first units at each cell: those of largest response, or of the largest number in `by`; of equal ones the lower index.

    Parameters
    ----------
    maps : (K, P) responses; what is no number comes last
    by : (K, P), instead of the responses

    Examples
    --------
    >>> found = top_units(np.float32([[1, 5], [3, 5], [2, 0]]), 2)
    >>> found.units.tolist(), found.responses.tolist()
    ([[1, 2], [0, 1]], [[3.0, 2.0], [5.0, 5.0]])
    """
    left = np.where(np.isnan(maps), -np.inf, maps if by is None else by)
    cells = np.arange(maps.shape[1])
    taken = np.zeros(maps.shape, np.bool_)
    found = np.empty((min(count, len(maps)), len(cells)), np.int32)
    for place in range(len(found)):
        # A unit of -inf may be the first of those that are left: what was taken is marked, not lowered.
        found[place] = np.argmax(np.where(taken, -np.inf, left), axis=0)
        again = taken[found[place], cells]
        if again.any():
            found[place, again] = np.argmin(taken[:, again], axis=0)
        taken[found[place], cells] = True
    return Tops(np.ascontiguousarray(found.T), maps[found, cells].T.astype(np.float32))
