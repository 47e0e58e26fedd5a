# SPDX-License-Identifier: Apache-2.0
"""Tuning curves: where things stand on the drawing, and what it says in words."""

import pytest

from pellucid.figures import TuningCurve
from pellucid.figures.drawing import Line, Words


def lines(figure, role):
    return [mark for mark in figure.drawing().marks if isinstance(mark, Line) and mark.role == role]


def words(figure):
    return [mark.words for mark in figure.drawing().marks if isinstance(mark, Words)]


AROUND = TuningCurve(
    (0.0, 90.0, 180.0, 270.0), (4.0, 2.0, 0.0, 1.0), "hue, deg", "response", 2.0, 360.0, preferred=0.0
)


def test_a_circle_starts_at_the_right_and_runs_downward():
    [curve] = lines(AROUND, "line")
    right, down, left, up, again = curve.points
    middle = left  # the lowest value lies in the middle
    assert right[0] > middle[0] + 60
    assert right[1] == pytest.approx(middle[1])
    assert down[1] > middle[1] + 30
    assert up[1] < middle[1] - 15
    assert again == right


def test_gray_is_a_ring_at_its_share_of_the_radius():
    rim, ring, *_ = lines(AROUND, "axis")
    across = [max(x for x, _ in one.points) - min(x for x, _ in one.points) for one in (rim, ring)]
    assert across[1] == pytest.approx(across[0] / 2)
    assert any("gray 2, the inner ring" in one for one in words(AROUND))


def test_orientations_are_drawn_to_both_sides():
    figure = TuningCurve((0.0, 90.0), (3.0, 1.0), "orientation, deg", "response", 0.0, 180.0)
    [curve] = lines(figure, "line")
    assert len(curve.points) == 5
    xs = [x for x, _ in curve.points]
    assert xs[0] - xs[1] == pytest.approx(xs[1] - xs[2])


def test_ratios_are_spaced_evenly_and_the_preferred_value_is_written():
    figure = TuningCurve(
        (1.0, 2.0, 4.0), (0.0, 5.0, 1.0), "radius, px", "response", 0.0, log=True, preferred=2.5
    )
    [curve] = lines(figure, "line")
    steps = [later[0] - earlier[0] for earlier, later in zip(curve.points, curve.points[1:], strict=False)]
    assert steps[0] == pytest.approx(steps[1])
    assert {"1", "2", "4", "2.5"} <= set(words(figure))
    [mark] = lines(figure, "mark")
    assert curve.points[1][0] < mark.points[0][0] < curve.points[2][0]


def test_a_flat_curve_and_an_empty_one_can_be_drawn():
    flat = TuningCurve((1.0, 2.0), (3.0, 3.0), "x", "y", 3.0)
    assert flat.drawing().image().size == (840, 400)
    assert "no points" in TuningCurve((), (), "x", "y", 0.0).drawing().alt


def test_words_for_those_who_do_not_see_it():
    assert AROUND.drawing().alt == "response over hue, deg: from 0 to 4, highest at 0; middle gray gives 2"
