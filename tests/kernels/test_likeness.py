# SPDX-License-Identifier: Apache-2.0
"""Pairs planted among noise, and correlations against SciPy's."""

import numpy as np
import pytest
from scipy.signal import correlate

from pellucid.kernels.likeness import alike_bound, pairs


@pytest.fixture(scope="module")
def planted() -> np.ndarray:
    """Ten noise filters; 7 is the negative of 2 shifted by two pixels, 9 is 4 with a little noise."""
    random = np.random.default_rng(0)
    kernels = random.normal(size=(10, 3, 9, 9))
    kernels[2, :, :, 7:] = 0
    kernels[7] = 0
    kernels[7, :, :, 2:] = -3 * kernels[2, :, :, :7]
    kernels[9] = kernels[4] + 0.1 * random.normal(size=(3, 9, 9))
    return kernels


def test_a_shifted_negative_and_a_duplicate_are_found_and_nothing_else(planted: np.ndarray) -> None:
    found = pairs(planted)
    assert [(pair.first, pair.second) for pair in found] == [(2, 7), (4, 9)]
    assert found[0].correlation == pytest.approx(-1)
    assert 0.95 < found[1].correlation < 1
    assert found[0].to_json() == {"first": 2, "second": 7, "correlation": -1.0}


def test_the_bound_is_never_below_the_correlation_at_any_shift(planted: np.ndarray) -> None:
    bound = alike_bound(planted)
    for one, other in ((0, 1), (2, 7), (4, 9), (3, 3)):
        norm = np.linalg.norm(planted[one]) * np.linalg.norm(planted[other])
        channels = zip(planted[one], planted[other], strict=True)
        largest = np.abs(sum(correlate(a, b) for a, b in channels)).max() / norm
        assert largest <= bound[one, other] + 1e-9


def test_filters_of_zeros_are_like_nothing() -> None:
    assert pairs(np.zeros((3, 1, 5, 5))) == ()
