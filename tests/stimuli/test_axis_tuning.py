# SPDX-License-Identifier: Apache-2.0
"""Preferred value, bandwidth and selectivity against curves that are known in closed form."""

import numpy as np
import pytest

from pellucid.stimuli import Axis
from pellucid.stimuli.axis_tuning import axis_tuning
from pellucid.stimuli.half_height import falls

ANGLE = Axis("orientation", "deg", lambda frame: (), period=180)
RADIUS = Axis("radius", "px", lambda frame: (), log=True)
LEVEL = Axis("level", "", lambda frame: ())
STEPS = tuple(15.0 * turn for turn in range(12))


@pytest.mark.parametrize("truth", [0.0, 3.0, 44.0, 91.0, 176.5])
@pytest.mark.parametrize("sharpness", [0.5, 2.0, 6.0])
def test_von_mises_curves(truth, sharpness):
    far = np.radians(2 * (np.array(STEPS) - truth))
    found = axis_tuning(ANGLE, STEPS, 5 + np.exp(sharpness * np.cos(far)), 5.0)
    assert abs((found.preferred - truth + 90) % 180 - 90) < 1.5
    half = np.degrees(np.arccos(1 - np.log(2) / sharpness)) if sharpness > 0.5 else None
    if half is not None:  # twice the angle, both sides
        assert found.bandwidth == pytest.approx(half, rel=0.04)
    resultant = np.exp(sharpness * np.cos(far))
    assert found.selectivity == pytest.approx(abs((resultant * np.exp(1j * far)).sum()) / resultant.sum())


def test_a_flat_curve_prefers_nothing():
    found = axis_tuning(ANGLE, STEPS, np.full(12, 7.0), 5.0)
    assert found.preferred is None
    assert found.bandwidth is None
    assert found.selectivity == pytest.approx(0, abs=1e-12)


def test_nothing_above_gray_prefers_nothing():
    found = axis_tuning(ANGLE, STEPS, -np.arange(12.0), 0.5)
    assert (found.preferred, found.bandwidth, found.selectivity) == (None, None, None)


def test_one_value_alone_is_wholly_selective():
    responses = np.zeros(12)
    responses[4] = 3.0
    found = axis_tuning(ANGLE, STEPS, responses, 0.0)
    assert (found.preferred, found.selectivity, found.bandwidth) == (
        60.0,
        pytest.approx(1),
        pytest.approx(15),
    )


def test_a_flat_top_is_preferred_in_its_middle_across_the_seam():
    responses = np.zeros(12)
    responses[[11, 0, 1]] = 2.0
    assert axis_tuning(ANGLE, STEPS, responses, 0.0).preferred == pytest.approx(0.0)
    responses[10] = 2.0
    assert axis_tuning(ANGLE, STEPS, responses, 0.0).preferred == pytest.approx(172.5)


def test_ratios_are_fitted_in_octaves():
    radii = (2.0, 3.0, 4.5, 6.75, 10.125, 15.1875)
    found = axis_tuning(RADIUS, radii, np.exp(-(np.log2(np.array(radii) / 5.0) ** 2) / (2 * 0.5**2)), 0.0)
    assert found.preferred == pytest.approx(5.0, rel=1e-6)
    assert found.bandwidth == pytest.approx(2 * 0.5 * np.sqrt(2 * np.log(2)), rel=1e-3)
    assert found.bandwidth_unit == "octaves"


def test_a_rise_to_the_end_has_no_bandwidth():
    found = axis_tuning(LEVEL, (0.0, 0.5, 1.0), np.array([0.0, 1.0, 4.0]), 1.0)
    assert (found.preferred, found.bandwidth) == (1.0, None)
    assert found.selectivity == pytest.approx(1 - (0 + 0 + 3) / 3 / 3)


def test_words_have_a_best_one():
    found = axis_tuning(Axis("polarity", "", lambda frame: ()), ("light", "dark"), np.array([0.2, 0.9]), 0.0)
    assert found.preferred == "dark"
    assert found.selectivity == pytest.approx(1 - 0.55 / 0.9)


@pytest.mark.parametrize("center", [0.0, 4.0, 7.5, 41.0, 45.0])
def test_the_width_of_a_bell_is_the_same_wherever_its_top_falls(center):
    far = (np.array(STEPS) - center + 90) % 180 - 90
    found = axis_tuning(ANGLE, STEPS, 3 + np.exp(-(far**2) / (2 * 11.0**2)), 3.0)
    assert found.bandwidth == pytest.approx(2 * 11 * np.sqrt(2 * np.log(2)), rel=0.01)


def test_the_end_of_an_axis_is_marked():
    radii = (2.0, 4.0, 8.0, 16.0)
    rising = axis_tuning(RADIUS, radii, np.array([0.0, 1.0, 2.0, 4.0]), 0.0)
    assert rising.at_end
    assert rising.to_json()["at_end"]
    assert axis_tuning(RADIUS, radii, np.array([4.0, 1.0, 0.5, 0.2]), 0.0).at_end
    assert not axis_tuning(RADIUS, radii, np.array([0.0, 4.0, 2.0, 1.0]), 0.0).at_end
    assert not axis_tuning(ANGLE, STEPS, np.cos(np.radians(2 * np.array(STEPS))), 0.0).at_end
    gray = Axis("level", "", lambda frame: (), whole=True)  # nothing is lighter than white
    assert not axis_tuning(gray, (0.0, 0.5, 1.0), np.array([0.0, 1.0, 4.0]), 1.0).at_end


def test_a_curve_is_followed_to_both_sides_of_any_place():
    places = np.linspace(-3, 3, 25)
    bell = np.exp(-(places**2) / 2)
    side = np.sqrt(2 * np.log(2))
    for start in (10, 12):  # from the top, and from a place on its left
        lost = np.sqrt(places[start] ** 2 + 2 * np.log(2))
        assert falls(places, bell, start) == pytest.approx((-lost, lost), abs=0.01)
    assert falls(places[:14], bell[:14], 12)[1] is None
    assert falls(places[:14], bell[:14], 12)[0] == pytest.approx(-side, abs=0.01)
    angles = np.arange(-180.0, 180.0, 15)
    # Half a turn away it has fallen, but on the other side not before that half turn is over.
    saw = np.where((angles >= -60) & (angles < 0), 0.1, 1.0)
    low, high = falls(angles, saw, 12, 360.0)
    assert high is None
    assert -15 < low < 0
