# SPDX-License-Identifier: Apache-2.0
"""Waves of known frequency and direction."""

import numpy as np
import pytest

from pellucid.kernels.spectrum import energy_center, energy_spread, spectra, within_nyquist


def wave(size: int, degrees: float, frequency: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    turn = np.radians(degrees)
    return np.cos(2 * np.pi * frequency * (x * np.cos(turn) + y * np.sin(turn)) + 0.4)[None, None]


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120, 160])
def test_the_strongest_wave_is_found_with_its_direction(degrees: int) -> None:
    found = spectra(wave(16, degrees, 0.2))
    turn = (np.degrees(found.angle[0]) - degrees + 90) % 180 - 90
    assert abs(turn) < 5.5  # of a transform padded to 64
    assert abs(found.frequency[0] - 0.2) < 0.016
    assert found.oriented[0] > 0.7


def test_a_round_blob_has_no_direction_and_no_frequency() -> None:
    y, x = np.mgrid[-5:6, -5:6]
    found = spectra(np.exp(-(x**2 + y**2) / 8.0)[None, None])
    assert found.frequency[0] == 0
    assert found.oriented[0] < 1e-3


def test_several_peaks_are_apart() -> None:
    both = wave(16, 0, 0.15) + 0.8 * wave(16, 90, 0.35)
    first, second = spectra(both).peaks[0]
    assert np.hypot(*first) == pytest.approx(0.15, abs=0.02)
    assert np.hypot(*second) == pytest.approx(0.35, abs=0.02)
    assert abs(second[1]) == pytest.approx(0.35, abs=0.02)


def test_a_wave_beyond_half_a_cycle_is_named_by_the_one_it_looks_like() -> None:
    frequency, angle = within_nyquist(np.array([0.6, 0.3]), np.array([0.0, 3.3]))
    np.testing.assert_allclose(frequency, [0.4, 0.3])
    np.testing.assert_allclose(np.cos(2 * angle), np.cos([0, 6.6]))
    np.testing.assert_allclose(wave(8, 0, 0.6 - 1), wave(8, 0, -0.4))


def test_energy_in_the_middle_evenly_and_at_the_rim() -> None:
    point, even, rim = np.zeros((1, 1, 7, 7)), np.ones((1, 1, 7, 7)), np.ones((1, 1, 7, 7))
    point[..., 3, 3], rim[..., 1:6, 1:6] = 1, 0
    spreads = energy_spread(np.concatenate([point, even, rim]))
    assert spreads[0] == 0
    assert spreads[1] == pytest.approx(1)
    assert spreads[2] > 1.4
    corner = np.zeros((1, 3, 5, 7))
    corner[0, 2, 4, 0] = -2
    np.testing.assert_allclose(energy_center(corner), [[-3, 2]])


def test_a_filter_of_zeros_and_one_of_one_weight_are_read() -> None:
    for kernels in (np.zeros((2, 3, 7, 7)), np.ones((2, 1, 1, 1)), np.ones((1, 2, 1, 9))):
        found = spectra(kernels)
        assert np.isfinite(found.peaks).all()
        assert (found.frequency == 0).all()
    assert (energy_spread(np.zeros((1, 1, 3, 3))) == 0).all()
