# SPDX-License-Identifier: Apache-2.0
"""The orders in which a layer's filters can be laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pellucid.errors import UnknownName, did_you_mean
from pellucid.kernels.bank import Bank
from pellucid.kernels.likeness import alike_bound
from pellucid.kernels.reading import FilterReading, LayerReading
from pellucid.kernels.reduction import reduced

__all__ = ["ORDERS", "filter_order"]


def filter_order(bank: Bank, reading: LayerReading, by: str) -> tuple[int, ...]:
    """The units of a layer in an order of ORDERS.

    `family`: largest family first, within it by color, then orientation; `orientation`: from 0 to 180 degrees, those
    without one last; `frequency`: slow to fast; `norm`: strong to weak; `cluster`: each beside one like it, from the
    strongest on; `index`: as the layer has them.

    Raises
    ------
    UnknownName : no such order
    """
    if by not in ORDERS:
        raise UnknownName(f"no order of filters is named {by!r}; {did_you_mean(by, ORDERS)}")
    return ORDERS[by](bank, reading)


Order = Callable[[Bank, LayerReading], tuple[int, ...]]


def _sorted_by(key: Callable[[FilterReading], tuple[float | str, ...]]) -> Order:
    def order(bank: Bank, reading: LayerReading) -> tuple[int, ...]:
        damaged = {
            row.unit for row in reading.filters if row.family == "damaged"
        }  # last, they have no numbers
        rows = sorted(
            reading.filters,
            key=lambda row: (row.unit in damaged, *(() if row.unit in damaged else key(row)), row.unit),
        )
        return tuple(row.unit for row in rows)

    return order


def _by_family(bank: Bank, reading: LayerReading) -> tuple[int, ...]:
    rank = list(reading.counts)
    return _sorted_by(lambda row: (rank.index(row.family), row.opponent_axis or "", _turn(row)))(
        bank, reading
    )


def _turn(row: FilterReading) -> float:
    return 360.0 if row.orientation_deg is None else row.orientation_deg


def _by_cluster(bank: Bank, reading: LayerReading) -> tuple[int, ...]:
    """A chain: from the strongest filter always on to the one most like the last, wherever in the kernel it lies."""
    alike = alike_bound(reduced(bank.weights)[0])
    left = np.ones(bank.count, bool)
    chain = [int(np.nanargmax([row.norm for row in reading.filters]))]
    left[chain[0]] = False
    while left.any():
        chain.append(int(np.where(left, alike[chain[-1]], -1).argmax()))
        left[chain[-1]] = False
    return tuple(chain)


ORDERS: Mapping[str, Order] = {
    "index": _sorted_by(lambda row: ()),
    "family": _by_family,
    "orientation": _sorted_by(lambda row: (_turn(row), row.frequency)),
    "frequency": _sorted_by(lambda row: (row.frequency, _turn(row))),
    "norm": _sorted_by(lambda row: (-row.norm,)),
    "cluster": _by_cluster,
}
