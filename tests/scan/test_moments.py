# SPDX-License-Identifier: Apache-2.0
"""Statistics are those of all finite responses, to the last bit the same for every split, order and merge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import layer, moments_exactly, run, splits, streams

from pellucid.scan import Moments, Statistics


def assert_moments(moments: Moments, values: torch.Tensor) -> None:
    for unit, found in enumerate(moments.result()):
        responses = values[:, unit].double().numpy()
        finite, mean, variance = moments_exactly(responses)
        assert found.count == len(finite)
        assert found.nonfinite == responses.size - len(finite)
        if not finite:
            assert found == Statistics(0, None, None, None, None, None, responses.size, dead=False)
            continue
        magnitude = float(sum(map(abs, finite))) / len(finite)
        assert abs(found.mean - float(mean)) <= 1e-15 * magnitude
        assert found.variance == pytest.approx(float(variance), rel=1e-12, abs=1e-30)
        assert (found.min, found.max) == (min(finite), max(finite))
        assert found.zero_share == sum(each == 0 for each in finite) / len(finite)
        assert found.dead == (len(finite) > 1 and len(set(finite)) == 1)


@settings(deadline=None)
@given(streams(), st.data())
def test_any_split_order_and_merge_gives_the_numbers_of_all_at_once(stream, data) -> None:
    about, values = stream
    whole = run(Moments, about, values, [list(range(len(values)))])
    assert_moments(whole, values)
    split = data.draw(splits(len(values)))
    parts = [run(Moments, about, values, [rows]) for rows in split]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        at = data.draw(st.integers(0, len(parts) - 1))
        parts[at] = one.merge(parts[at])
    for other in (run(Moments, about, values, split), parts[0]):
        for name, array in whole.arrays().items():
            assert np.array_equal(array, other.arrays()[name]), name


def test_merging_leaves_both_as_they_were() -> None:
    values = torch.randn(6, 2, 3)
    one, other = (run(Moments, layer(2, (3,)), values, [rows]) for rows in ([0, 1, 2], [3, 4, 5]))
    before = [one.result(), other.result()]
    one.merge(other)
    assert [one.result(), other.result()] == before


def test_a_large_mean_does_not_swallow_the_variance() -> None:
    noise = torch.randn(40, 1, 11, generator=torch.Generator().manual_seed(1))
    values = (noise * 0.125 + 4096).float()
    found = run(Moments, layer(1, (11,)), values, [list(range(40))]).result()[0]
    assert found.variance == pytest.approx(values.double().var(correction=0).item(), rel=1e-9)


def test_a_constant_has_no_variance_though_its_squares_are_rounded() -> None:
    for constant in (0.1, 0.3, 1e-20, 3e38):
        values = torch.full((5, 1, 3001), constant)
        found = run(Moments, layer(1, (3001,)), values, [[0, 1, 2], [3, 4]]).result()[0]
        assert (found.variance, found.dead) == (0.0, True)
        values[2, 0, 7] = float(np.nextafter(np.float32(constant), np.float32(0)))
        found = run(Moments, layer(1, (3001,)), values, [[0, 1, 2], [3, 4]]).result()[0]
        assert found.variance >= 0
        assert not found.dead


@pytest.mark.parametrize(
    "cached", [1000, 20_000, 50_000, 1 << 19]
)  # parts of one unit, of two, of an item, all
def test_large_layers_are_summed_in_parts_that_leave_nothing_out(
    cached: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.scan.responses.CACHED", cached)
    shape = (3, 5, 90, 91)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(2)).relu()
    values[values < 0.25] = 0.0
    flat = values.double().numpy()
    found = run(Moments, layer(5, shape[2:]), values, [[0, 1], [2]]).result()
    for unit in range(5):
        assert found[unit].count == 3 * 90 * 91
        assert found[unit].mean == pytest.approx(flat[:, unit].mean(), rel=1e-13)
        assert found[unit].variance == pytest.approx(flat[:, unit].var(), rel=1e-12)
        assert found[unit].zero_share == (flat[:, unit] == 0).mean()


@pytest.mark.parametrize(
    ("responses", "dead"),
    [
        ([0.0, 0.0], True),
        ([-1.5, -1.5, math.nan], True),
        ([0.0, -0.0], True),
        ([0.0, 1e-9], False),
        ([3.0], False),
    ],
)
def test_dead_is_a_unit_that_never_changes(responses: list[float], dead: bool) -> None:
    found = run(Moments, layer(1, ()), torch.tensor(responses)[:, None], [list(range(len(responses)))])
    assert found.result()[0].dead is dead
    assert not dead or found.result()[0].variance == 0.0


def test_json_has_no_nan() -> None:
    found = run(Moments, layer(1, ()), torch.tensor([[math.nan]]), [[0]]).result()[0]
    assert found.to_json() == {
        "count": 0,
        "mean": None,
        "variance": None,
        "min": None,
        "max": None,
        "zero_share": None,
        "nonfinite": 1,
        "dead": False,
    }
