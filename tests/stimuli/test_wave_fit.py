# SPDX-License-Identifier: Apache-2.0
"""The fitted grating, of units whose spectrum is known; on hand-set filters see tests/evidence/test_tuning.py."""

import numpy as np
import pytest

from pellucid.stimuli.wave_fit import preferred_wave

ANGLES, SPEEDS, TURNS = np.arange(0, 180, 15.0), np.geomspace(0.05, 0.4, 7), np.arange(0, 360, 60.0)


def waves(orientation, frequency, phase, spread=0.05, rectify=False):
    f, a = np.meshgrid(SPEEDS, np.radians(ANGLES))
    fx, fy = frequency * np.cos(np.radians(orientation)), frequency * np.sin(np.radians(orientation))
    near = sum(
        np.exp(-((f * np.cos(a) - s * fx) ** 2 + (f * np.sin(a) - s * fy) ** 2) / (2 * spread**2))
        for s in (1, -1)
    )
    response = near[..., None] * np.cos(np.radians(TURNS - phase))
    return np.maximum(response, 0) if rectify else response


@pytest.mark.parametrize("orientation", [0.0, 7.0, 88.0, 174.0])
@pytest.mark.parametrize("phase", [0.0, 100.0, 333.0])
@pytest.mark.parametrize("rectify", [False, True])
def test_between_the_gratings_shown(orientation, phase, rectify):
    found = preferred_wave(ANGLES, SPEEDS, TURNS, waves(orientation, 0.17, phase, rectify=rectify), 0.0)
    assert found.fitted
    assert abs((found.orientation_deg - orientation + 90) % 180 - 90) < 1.0
    assert found.frequency == pytest.approx(0.17, rel=0.03)


def test_a_top_beyond_the_gratings_is_not_invented():
    found = preferred_wave(ANGLES, SPEEDS, TURNS, waves(30.0, 0.02, 0.0), 0.0)
    assert not found.fitted
    assert (found.orientation_deg, found.frequency) == (30.0, pytest.approx(0.05))


def test_nothing_above_gray_is_no_wave():
    assert preferred_wave(ANGLES, SPEEDS, TURNS, np.zeros((12, 7, 6)), 1.0) is None


def test_two_orientations_are_not_fitted():
    found = preferred_wave(ANGLES[:2], SPEEDS, TURNS, waves(10.0, 0.17, 0.0)[:2], 0.0)
    assert not found.fitted
