# SPDX-License-Identifier: Apache-2.0
"""What a histogram says of a value is true of what it counts, and its drawing can be read."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.figures import Histogram
from pellucid.figures.drawing import Line, Words, width_of
from pellucid.figures.standing import standing


@settings(deadline=None)
@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30),
    st.floats(-150, 150, width=32),
    st.sampled_from(["highest", "lowest"]),
)
def test_what_is_said_of_a_value_is_true_of_the_values_themselves(values, value, end):
    edges = (*(-(2.0 ** (j / 2)) for j in range(14, -15, -1)), *(2.0 ** (j / 2) for j in range(-14, 15)))
    counts = tuple(np.histogram(values, edges)[0].tolist())
    best = max(values) if end == "highest" else min(values)
    said = standing(edges, counts, value, ("the best", best), end).replace("\u202f", " ")
    short = [each < value if end == "highest" else each > value for each in values]
    share = 100 * sum(short) / len(values)
    if found := re.search(r"(?:above|below) ([\d.]+)(?: to ([\d.]+))? %$", said):
        low, high = float(found[1]), float(found[2] or found[1])
        assert low - 0.5 <= share <= high + 0.5
    elif f"all {len(values)}" in said:
        assert all(short)
    elif said == "as far as the best":
        assert value == best
    else:
        assert "none of" in said
        assert not any(short)


def words_below(drawing):
    base = max(mark.y for mark in drawing.marks if isinstance(mark, Words)) - 17
    return sorted(
        (mark.x, width_of(mark.words)) for mark in drawing.marks if isinstance(mark, Words) and mark.y == base
    )


@pytest.mark.parametrize("power", [-30, -7, 0, 8, 30])
def test_the_words_of_ticks_stand_clear_of_one_another_and_of_the_rim(power):
    steps = [2.0 ** (power + j / 2) for j in range(12)]
    edges = (*(-step for step in reversed(steps)), *steps)
    made = Histogram(edges, tuple(range(len(edges) - 1)), "response", (("the highest real one", steps[-2]),))
    for each in (
        made,
        made.placing({"optimum": 10 * steps[-1]}),
        made.placing({"optimum": -900 * steps[-1]}),
    ):
        ticks = words_below(each.drawing())
        assert len(ticks) >= 3
        assert ticks[0][0] - ticks[0][1] / 2 >= 0
        assert ticks[-1][0] + ticks[-1][1] / 2 <= each.drawing().width
        for (x, width), (other, wide) in itertools.pairwise(ticks):
            assert x + width / 2 + 4 <= other - wide / 2


def test_an_optimum_far_beyond_stands_past_a_break_with_its_value():
    counted = Histogram((1.0, 2.0, 4.0), (10, 20), "peak", (("the best", 3.9),))
    near, far = sorted(
        mark.points[0][0]
        for mark in counted.placing({"optimum": 6663.0}).drawing().marks
        if mark.role == "mark" and isinstance(mark, Line)
    )
    assert far - near > 30
    drawing = counted.placing({"optimum": 6663.0}).drawing()
    assert {"the best, 3.9", "optimum, 6663", "6663"} <= {
        mark.words for mark in drawing.marks if isinstance(mark, Words)
    }
    slanted = [
        mark
        for mark in drawing.marks
        if isinstance(mark, Line)
        and mark.role == "axis"
        and mark.points[0][0] != mark.points[1][0]
        and mark.points[0][1] != mark.points[1][1]
    ]
    assert len(slanted) == 2
    assert counted.drawing().marks[0].x < drawing.marks[0].x + 1e-9
