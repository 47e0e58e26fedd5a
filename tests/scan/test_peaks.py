# SPDX-License-Identifier: Apache-2.0
"""Peaks and troughs are counted item by item, whatever the split, order and merge."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import run, splits, streams

from pellucid.scan import Peaks


@settings(deadline=None)
@given(streams(), st.data())
def test_any_split_order_and_merge_counts_every_item_once(stream, data) -> None:
    about, values = stream
    whole = run(Peaks, about, values, [list(range(len(values)))])
    flat = values.double().numpy().reshape(*values.shape[:2], -1)
    for end, extreme in (("peaks", max), ("troughs", min)):
        for unit in range(about.units):
            rows = [[each for each in row if math.isfinite(each)] for row in flat[:, unit].tolist()]
            extremes = [extreme(row) for row in rows if row]
            bars = whole.result().bars(end, unit)
            assert bars.total == len(extremes)
            for bar, count in enumerate(bars.counts):
                assert count == sum(bars.edges[bar] <= each < bars.edges[bar + 1] for each in extremes)
            assert not bars.counts or (bars.counts[0] and bars.counts[-1])
    split = data.draw(splits(len(values)))
    parts = [run(Peaks, about, values, [rows]) for rows in split]
    while len(parts) > 1:
        parts.insert(0, parts.pop().merge(parts.pop(0)))
    for other in (run(Peaks, about, values, split), parts[0]):
        for name, array in whole.arrays().items():
            assert np.array_equal(array, other.arrays()[name]), name
