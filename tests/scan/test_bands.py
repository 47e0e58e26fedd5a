# SPDX-License-Identifier: Apache-2.0
"""Bands are what sorting everything gives, for every split, order and merge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import band_by_sorting, batch, layer, run, splits, streams

from pellucid.scan import BANDS, Bands, Entry


def assert_bands(bands: Bands, values: torch.Tensor) -> None:
    """Each unit's entries are those of a sort over all of (items, K, *grid)."""
    found = bands.result()
    flat = values.double().numpy().reshape(*values.shape[:2], -1)
    for name, sign in BANDS.items():
        for unit in range(values.shape[1]):
            truth = [
                Entry(row, response, tuple(int(axis) for axis in np.unravel_index(place, values.shape[2:])))
                for row, response, place in band_by_sorting(flat[:, unit], sign)
            ]
            assert list(found[name].entries(unit)) == truth
            assert all(
                math.copysign(1, each.response) == 1
                for each in found[name].entries(unit)
                if not each.response
            )


@settings(deadline=None)
@given(streams(), st.data())
def test_any_split_and_order_gives_what_sorting_gives(stream, data) -> None:
    about, values = stream
    whole = run(Bands, about, values, [list(range(len(values)))])
    assert_bands(whole, values)
    parts = run(Bands, about, values, data.draw(splits(len(values))))
    for name, array in whole.arrays().items():
        assert np.array_equal(array, parts.arrays()[name])


@settings(deadline=None)
@given(streams(), st.data())
def test_merging_is_associative_and_free_of_order(stream, data) -> None:
    about, values = stream
    whole = run(Bands, about, values, [list(range(len(values)))])
    parts = [run(Bands, about, values, [rows]) for rows in data.draw(splits(len(values)))]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        at = data.draw(st.integers(0, len(parts) - 1))
        parts[at] = one.merge(parts[at])
    for name, array in whole.arrays().items():
        assert np.array_equal(array, parts[0].arrays()[name])


def test_ties_go_to_the_earlier_item_then_smaller_y_then_x() -> None:
    about = layer(1, (2, 3))
    values = torch.zeros(12, 1, 2, 3)
    values[:, 0, 1, 2] = 5.0
    values[:, 0, 1, 0] = 5.0
    values[4, 0, 0, 2] = 5.0
    bands = run(Bands, about, values, [[9, 10, 11], [0, 1, 2, 3, 4], [5, 6, 7, 8]])
    entries = bands.result()["max"].entries(0)
    assert [entry.row for entry in entries] == list(range(9))
    assert [entry.position for entry in entries] == [(1, 0)] * 4 + [(0, 2)] + [(1, 0)] * 4
    assert [entry.position for entry in bands.result()["min"].entries(0)] == [(0, 0)] * 9


def test_nan_never_wins_and_never_hides_another() -> None:
    values = torch.tensor([3.0, math.nan, 5.0, 1.0, 4.0, math.inf, -math.inf])[:, None]
    for rows in ([list(range(7))], [[row] for row in range(7)]):
        bands = run(Bands, layer(1, ()), values, rows).result()
        assert [entry.response for entry in bands["max"].entries(0)] == [5.0, 4.0, 3.0, 1.0]
        assert [entry.row for entry in bands["min"].entries(0)] == [3, 0, 4, 2]


def test_an_item_that_is_partly_nan_counts_with_the_rest() -> None:
    values = torch.tensor([[[math.nan, 2.0, -7.0]], [[1.0, 1.0, math.inf]]])
    bands = run(Bands, layer(1, (3,)), values, [[0, 1]]).result()
    assert bands["max"].entries(0) == (Entry(0, 2.0, (1,)), Entry(1, 1.0, (0,)))
    assert bands["min"].entries(0) == (Entry(0, -7.0, (2,)), Entry(1, 1.0, (0,)))


def test_fewer_items_than_nine_give_fewer_entries() -> None:
    bands = run(Bands, layer(2, ()), torch.tensor([[1.0, math.nan]] * 4), [[0, 1, 2, 3]]).result()["max"]
    assert bands.counts.tolist() == [4, 0]
    assert bands.entries(1) == ()
    assert bands.rows[0].tolist() == [0, 1, 2, 3, -1, -1, -1, -1, -1]


@pytest.mark.parametrize("shape", [(7, 4, 5, 6), (7, 4, 9), (7, 4)])
def test_any_memory_layout_gives_the_same(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    about = layer(4, shape[2:])
    last = values.movedim(1, -1).contiguous().movedim(-1, 1)  # channels last, as tokens lie
    assert len(shape) == 2 or not last.is_contiguous()
    for each in (values, last):
        assert_bands(run(Bands, about, each, [[0, 1, 2], [3, 4, 5, 6]]), values)


def test_rows_up_to_four_billion_and_all_floats_survive_the_rank() -> None:
    tiny, large = float(np.float32(1e-45)), float(np.float32(3.4e38))
    values = torch.tensor([[-large], [large], [tiny], [-tiny], [0.0]])
    rows = [5, 2**31, 2**32 - 1, 2**32 - 2, 2**31 + 1]
    bands = Bands(layer(1, ()))
    for slot, row in enumerate(rows):
        one = batch(values, [slot])
        bands.update(type(one)(one.values, np.array([row]), one.slots))
    found = [(entry.row, entry.response) for entry in bands.result()["max"].entries(0)]
    assert found == [(2**31, large), (2**32 - 1, tiny), (2**31 + 1, 0.0), (2**32 - 2, -tiny), (5, -large)]
