# SPDX-License-Identifier: Apache-2.0
"""Sums are exact, and therefore the same in any order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.scan.exact import LOWEST, ExactSums

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
NUMBERS = (
    SINGLES.map(float) | SINGLES.map(lambda x: float(x) ** 2) | st.sampled_from([2.0**-298, 1e38**2 * 3])
)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20), st.randoms(), st.data())
def test_any_split_and_order_gives_the_exact_sum(rows: list[tuple[float, float]], random, data) -> None:
    truth = [sum(map(Fraction, column)) for column in zip(*rows, strict=True)]
    whole = ExactSums(2)
    whole.add(np.array(rows))
    assert [Fraction(total) * Fraction(2) ** LOWEST for total in whole.exact()] == truth
    random.shuffle(rows)
    parts = [ExactSums(2), ExactSums(2)]
    for row in rows:
        parts[data.draw(st.integers(0, 1))].add(np.array([row]))
    parts[0].limbs += parts[1].settled()
    assert np.array_equal(parts[0].settled(), whole.settled())
    assert (whole.limbs[:-1] >= 0).all()
    assert (whole.limbs[:-1] < 2**32).all()


def test_no_number_of_additions_runs_over() -> None:
    sums = ExactSums(1)
    for _ in range(300):
        sums.add(np.full((1000, 1), -(2.0**33 - 1)))
    assert Fraction(sums.exact()[0]) * Fraction(2) ** LOWEST == -(2**33 - 1) * 300_000


def test_nothing_and_zeros_add_nothing() -> None:
    sums = ExactSums(3)
    sums.add(np.empty((0, 3)))
    sums.add(np.array([[0.0, -0.0, 0.0]]))
    assert not sums.settled().any()
