# SPDX-License-Identifier: Apache-2.0
"""Large kernels are read at a size at which they can be, and say what they say at their own."""

import numpy as np
import pytest

from pellucid.kernels.bank import Bank
from pellucid.kernels.reading import read
from pellucid.kernels.reduction import reduced


def test_means_of_blocks_and_of_what_is_left_over() -> None:
    kernels = np.arange(66.0)[None, None, None, :] * np.ones((1, 1, 65, 1))
    small, factor = reduced(kernels)
    assert (small.shape, factor) == ((1, 1, 22, 22), 3)
    assert small[0, 0, 0].tolist() == [3 * block + 1 for block in range(22)]
    assert np.array_equal(reduced(kernels[..., :32, :32])[0], kernels[..., :32, :32])


def test_a_signal_keeps_its_numbers() -> None:
    assert reduced(np.ones((1, 1, 1, 400)))[1] == 1


@pytest.mark.parametrize("size", [28, 32, 96, 224])
def test_a_gabor_on_a_large_kernel_is_measured_in_its_own_pixels(gabor, size: int) -> None:
    frequency = 3 / size
    weights = np.stack(
        [gabor(size, 40, frequency, sigma=size / 5), gabor(size, 130, frequency, sigma=size / 6)]
    )
    for row, degrees in zip(read(Bank.of(weights)).filters, (40, 130), strict=True):
        assert row.family == "gabor"
        assert row.orientation_deg == pytest.approx(degrees, abs=2)
        assert row.frequency == pytest.approx(frequency, rel=0.05)
        assert row.gabor_r2 > 0.98


def test_random_weights_on_a_whole_image_look_untrained() -> None:
    reading = read(Bank.of(np.random.default_rng(0).normal(size=(12, 3, 64, 64))))
    assert sum(row.noisy for row in reading.filters) == 12
