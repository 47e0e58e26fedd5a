# SPDX-License-Identifier: Apache-2.0
"""The agreement of several starts, against brute force and known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pellucid.evidence.starts import agreement, likeness, modes


def pictures(count: int, channels: int = 3, seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.integers(0, 256, (7, 10, channels), dtype=np.uint8) for _ in range(count)]


def slow(one: np.ndarray, other: np.ndarray) -> float:
    a, b = (each.astype(float) - each.mean() for each in (one, other))
    shifts = itertools.product(range(a.shape[0]), range(a.shape[1]))
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return max(float((a * np.roll(b, shift, (0, 1))).sum() / norm) for shift in shifts)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_likeness_equals_a_loop_over_all_shifts(channels: int) -> None:
    ones, others = pictures(2, channels), pictures(3, channels, seed=1)
    expected = [[slow(one, other) for other in others] for one in ones]
    np.testing.assert_allclose(likeness(ones, others), expected, atol=1e-12)


def test_a_shifted_picture_is_alike_and_its_negative_is_not() -> None:
    [one] = pictures(1)
    assert likeness([one], [np.roll(one, (2, 5), (0, 1))])[0, 0] == pytest.approx(1)
    assert likeness([one], [255 - one])[0, 0] < 0.5
    dim = (one.astype(float) * 0.25 + 60).astype(np.uint8)
    assert likeness([one], [dim])[0, 0] > 0.99  # brightness and contrast do not count


def test_flat_pictures_are_like_each_other_and_like_nothing_else() -> None:
    gray, [noise] = np.full((7, 10, 3), 128, np.uint8), pictures(1)
    assert likeness([gray, noise], [gray, noise]).tolist() == [[1, 0], [0, pytest.approx(1)]]


def test_one_value_and_two_pictures() -> None:
    [one] = pictures(1)
    found = agreement([4.0] * 9, [one] * 5 + [255 - one] * 4, [], sign=1)
    assert (found.value_cv, found.modes, found.within_1pct) == (0, 2, 1)
    low = slow(one, 255 - one)
    assert found.image_similarity == pytest.approx((16 * 1 + 20 * low) / 36)
    assert found.baseline_similarity is None


def test_values_as_defined() -> None:
    [one], others = pictures(1), pictures(2, seed=3)
    found = agreement([10.0, 9.95, 5.0], [one] * 3, others, sign=1)
    assert found.value_cv == pytest.approx(np.std([10, 9.95, 5], ddof=1) / np.mean([10, 9.95, 5]))
    assert found.within_1pct == pytest.approx(2 / 3)
    assert found.baseline_similarity == pytest.approx(np.mean([slow(one, other) for other in others]))
    assert agreement([-10.0, -9.95, -5.0], [one] * 3, [], sign=-1).within_1pct == pytest.approx(2 / 3)


def test_what_is_not_finite_counts_as_far_off() -> None:
    [one] = pictures(1)
    found = agreement([1.0, None, 1.0], [one] * 3, [], sign=1)
    assert (found.value_cv, found.within_1pct) == (0, pytest.approx(2 / 3))
    nothing = agreement([None, None], [one] * 2, [], sign=1)
    assert (nothing.value_cv, nothing.within_1pct) == (None, None)
    alone = agreement([1.0], [one], [], sign=1)
    assert (alone.value_cv, alone.image_similarity, alone.modes) == (None, None, 1)


def test_modes_are_chains() -> None:
    pairs = np.eye(5)
    for a, b in ((0, 1), (1, 2), (3, 4)):
        pairs[a, b] = pairs[b, a] = 0.9
    assert modes(pairs) == 2
    assert modes(pairs - 1e-9 * (pairs == 0.9)) == 5
