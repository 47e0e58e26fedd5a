# SPDX-License-Identifier: Apache-2.0
"""Mean peaks by class, selectivity and best items are those of a plain loop, whatever the split, order and merge."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import band_by_sorting, layer, run, splits, streams

from pellucid.scan import Classes, Entry, Given
from pellucid.scan.group_sums import GroupSums


@settings(deadline=None)
@given(streams(), st.data())
def test_any_split_order_and_merge_gives_what_a_loop_gives(stream, data) -> None:
    about, values = stream
    classes = np.array(data.draw(st.lists(st.integers(-1, 3), min_size=26, max_size=26)))[: len(values)]
    ground = Given(0, classes, 4, per_class=True)
    whole = run(Classes, about, values, [list(range(len(values)))], ground)
    flat = values.double().numpy().reshape(*values.shape[:2], -1)
    for unit in range(about.units):
        means, best = {}, {}
        for each in range(4):
            rows = np.flatnonzero(classes == each)
            finite = [[v for v in flat[row, unit].tolist() if math.isfinite(v)] for row in rows]
            peaks = [Fraction(max(row)) for row in finite if row]
            if peaks:
                means[each] = float(sum(peaks) / len(peaks))
                row, response, place = band_by_sorting(flat[rows, unit], 1)[0]
                position = tuple(map(int, np.unravel_index(place, values.shape[2:])))
                best[each] = Entry(int(rows[row]), response, position)
        found = whole.result().top(unit)
        order = sorted(means, key=lambda each: (-means[each], each))
        assert found.classes == tuple(order)
        assert found.means == pytest.approx([means[each] for each in order], rel=1e-12, abs=1e-13)
        assert whole.result().best_items(unit) == best
        assert_selectivity(found.selectivity, [max(means[each], 0.0) for each in order])
    split = data.draw(splits(len(values)))
    parts = [run(Classes, about, values, [rows], ground) for rows in split]
    while len(parts) > 1:
        parts.insert(0, parts.pop().merge(parts.pop(0)))
    for other in (run(Classes, about, values, split, ground), parts[0]):
        for name, array in whole.arrays().items():
            assert np.array_equal(array, other.arrays()[name]), name


def assert_selectivity(found: float | None, means: list[float]) -> None:
    if len(means) < 2 or means[0] == 0:
        assert found is None
    else:
        others = sum(means[1:]) / (len(means) - 1)
        assert found == pytest.approx((means[0] - others) / (means[0] + others), abs=1e-12)


def test_a_unit_of_one_class_is_wholly_selective() -> None:
    classes = np.repeat(np.arange(3), 10)
    values = torch.zeros(30, 2)
    values[classes == 1, 0] = 4.0
    values[:, 1] = 1.0
    found = run(Classes, layer(2, ()), values, [list(range(30))], Given(0, classes, 3)).result()
    assert (found.top(0).classes[0], found.top(0).selectivity) == (1, 1.0)
    assert (found.top(1).means, found.top(1).selectivity) == ((1.0, 1.0, 1.0), 0.0)
    assert found.best_items(0) == {}


def test_negative_sums_are_as_right_as_positive_ones() -> None:
    values = torch.tensor([[-1e-5], [-3e-5], [1e-5], [3e-5]])
    found = run(Classes, layer(1, ()), values, [[0, 1], [2, 3]], Given(0, np.array([0, 0, 1, 1]), 2)).result()
    assert found.top(0).means == pytest.approx((2e-5, -2e-5), rel=1e-6)


def test_means_of_responses_of_any_size_are_right() -> None:
    classes = np.arange(40) % 2
    for size in (1e-38, 1e-20, 1e-14, 1.0, 1e16, 1e37):
        values = torch.randn(40, 3, generator=torch.Generator().manual_seed(5)) * size
        found = run(Classes, layer(3, ()), values, [list(range(40))], Given(0, classes, 2)).result()
        for unit in range(3):
            truth = [float(sum(map(Fraction, values[each::2, unit].tolist())) / 20) for each in (0, 1)]
            assert dict(zip(found.top(unit).classes, found.top(unit).means, strict=True)) == pytest.approx(
                dict(enumerate(truth)), rel=1e-12, abs=0
            )


SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), SINGLES), min_size=1, max_size=20), st.data())
def test_group_sums_are_exact_and_kept_in_one_form_for_any_split(rows, data) -> None:
    def summed(some: list[tuple[int, float]]) -> GroupSums:
        sums = GroupSums(3)
        for group, value in some:
            sums.add(np.array([[value]]), np.array([0]), np.array([group]))
        return sums

    whole = summed(rows).settled()
    for group in range(3):
        truth = sum((Fraction(value) for each, value in rows if each == group), Fraction(0))
        digits = whole.limbs[:, group].tolist()
        place = Fraction(2) ** (32 * whole.low - 320)
        assert sum((digit * 2 ** (32 * at) for at, digit in enumerate(digits)), 0) * place == truth
        assert whole.rounded()[group] == pytest.approx(float(truth), rel=1e-14, abs=0)
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    other = summed(shuffled[:cut]).settled()
    other.take(summed(shuffled[cut:]))
    assert (other.settled().low, other.limbs.tolist()) == (whole.low, whole.limbs.tolist())
