# SPDX-License-Identifier: Apache-2.0
"""The first units of each cell, against sorting every cell by itself."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.look.cells import top_units


@pytest.mark.parametrize("count", [1, 4, 9])
def test_first_units_are_those_of_a_sort_of_each_cell(count: int) -> None:
    maps = np.random.default_rng(count).integers(-3, 4, (7, 50)).astype(np.float32)  # with many ties
    found = top_units(maps, count)
    for cell in range(50):
        wanted = sorted(range(7), key=lambda unit: (-maps[unit, cell], unit))[:count]
        assert found.units[cell].tolist() == wanted
        assert found.responses[cell].tolist() == maps[wanted, cell].tolist()


def test_what_is_no_number_comes_last_and_each_unit_once() -> None:
    maps = np.float32([[np.nan, np.nan], [-np.inf, np.nan], [1, np.nan]])
    found = top_units(maps, 3)
    assert found.units.tolist() == [[2, 0, 1], [0, 1, 2]]


def test_another_order_lists_the_responses_all_the_same() -> None:
    maps = np.float32([[1, 2], [3, 4]])
    found = top_units(maps, 1, np.array([[9.0, 0.0], [1.0, 5.0]]))
    assert found.units.tolist() == [[0], [1]]
    assert found.responses.tolist() == [[1.0], [4.0]]
