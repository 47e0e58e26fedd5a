# SPDX-License-Identifier: Apache-2.0
"""Small kernels judged together: random ones are found random, structured ones are not."""

import numpy as np
import pytest

from pellucid.kernels.bank import Bank
from pellucid.kernels.chance import beyond_chance, looks_random
from pellucid.kernels.reading import read

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("draw", [RANDOM.normal, RANDOM.uniform, RANDOM.laplace])
def test_random_weights_look_random_whatever_their_distribution(draw) -> None:
    found = [
        beyond_chance(draw(-1, 1, (64, 3, 3, 3)) if draw == RANDOM.uniform else draw(size=(64, 3, 3, 3)))
        for _ in range(50)
    ]
    assert 1 < np.mean(found) < 2  # the largest of three normal deviates
    assert max(found) < 4


def test_structure_of_either_sign_is_seen() -> None:
    noise = RANDOM.normal(size=(32, 3, 3, 3))
    smooth = noise + np.roll(noise, 1, 3)
    checkered = noise + 1.5 * (np.indices((3, 3)).sum(0) % 2 - 0.5)
    gray = np.repeat(noise[:, :1], 3, 1)
    assert all(looks_random(kernels) is False for kernels in (smooth, checkered, gray))
    assert looks_random(noise) is True
    assert looks_random(noise[:10]) is None


def test_a_random_layer_of_small_kernels_is_said_to_look_untrained() -> None:
    reading = read(Bank.of(RANDOM.normal(size=(64, 3, 3, 3))))
    assert "64 of 64 look untrained" in reading.verdict
    assert {row.family for row in reading.filters} == {"noise"}
    trained = read(Bank.of(np.repeat(RANDOM.normal(size=(64, 1, 3, 3)), 3, 1)))
    assert "none of 64 looks untrained" in trained.verdict.lower()
    assert "far from random weights" in trained.verdict


def test_a_named_kernel_is_never_noise() -> None:
    kernels = RANDOM.normal(size=(64, 1, 3, 3))
    kernels[5, 0] = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    row = read(Bank.of(kernels)).filters[5]
    assert (row.name, row.noisy) == ("laplacian", False)
