# SPDX-License-Identifier: Apache-2.0
"""The fit, against SciPy's least squares on the same problems."""

import numpy as np
from scipy.optimize import least_squares

from pellucid.kernels.fitting import amounts, fit

X = np.linspace(-4, 4, 25)


def hill_and_ground(at: np.ndarray) -> np.ndarray:
    """A hill at the first parameter, as wide as the second, and even ground: two parts."""
    hill = np.exp(-((X - at[:, :1]) ** 2) / (2 * at[:, 1:2] ** 2))
    return np.stack([hill, np.ones_like(hill)], -1)


def test_the_fit_reaches_what_scipy_reaches_from_the_same_start() -> None:
    random = np.random.default_rng(0)
    truth = np.column_stack([random.uniform(-2, 2, 20), random.uniform(0.5, 1.5, 20)])
    mixed = hill_and_ground(truth) @ random.normal(size=(20, 2, 3))
    data = mixed + 0.05 * random.normal(size=mixed.shape)
    starts = np.tile([[[-1.0, 1.0], [1.0, 1.0], [0.0, 0.6]]], (20, 1, 1))
    bounds = (np.array([-4.0, 0.2]), np.array([4.0, 4.0]))
    found = fit(hill_and_ground, data, starts=starts, bounds=bounds)

    for row in range(20):

        def left(at: np.ndarray, row: int = row) -> np.ndarray:
            parts = hill_and_ground(at[None])[0]
            return (data[row] - parts @ np.linalg.lstsq(parts, data[row], rcond=None)[0]).ravel()

        best = min(2 * least_squares(left, start, bounds=bounds).cost for start in starts[row])
        assert found.error[row] <= best * 1.001
        assert np.isclose(found.error[row], (left(found.parameters[row]) ** 2).sum(), rtol=1e-6)


def test_amounts_are_ordinary_least_squares() -> None:
    random = np.random.default_rng(1)
    parts, data = random.normal(size=(5, 30, 2)), random.normal(size=(5, 30, 4))
    expected = [np.linalg.lstsq(one, other, rcond=None)[0] for one, other in zip(parts, data, strict=True)]
    np.testing.assert_allclose(amounts(parts, data), expected, rtol=1e-6)


def test_two_parts_that_coincide_are_still_solved() -> None:
    part = np.ones((1, 6, 1))
    twice = amounts(np.concatenate([part, part], -1), 3 * part)
    np.testing.assert_allclose(twice.sum(1), 3, rtol=1e-6)


def test_parameters_stay_within_bounds_and_equal_bounds_hold_one_fixed() -> None:
    data = hill_and_ground(np.array([[3.0, 1.0]]))[..., :1]
    bounds = (np.array([-1.0, 0.7]), np.array([1.5, 0.7]))
    found = fit(hill_and_ground, data, starts=np.array([[[0.0, 2.0]]]), bounds=bounds)
    assert found.parameters[0, 1] == 0.7
    assert -1.0 <= found.parameters[0, 0] <= 1.5


def test_many_filters_in_pieces_are_fitted_like_one_by_one() -> None:
    random = np.random.default_rng(2)
    data = random.normal(size=(7, 25, 1))
    starts = np.tile([[[0.0, 1.0], [1.0, 0.5]]], (7, 1, 1))
    bounds = (np.array([-4.0, 0.2]), np.array([4.0, 4.0]))
    whole = fit(hill_and_ground, data, starts=starts, bounds=bounds)
    for row in range(7):
        one = fit(hill_and_ground, data[[row]], starts=starts[[row]], bounds=bounds)
        np.testing.assert_allclose(one.error, whole.error[[row]], rtol=1e-9)
