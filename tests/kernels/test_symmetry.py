# SPDX-License-Identifier: Apache-2.0
"""Evenness, separability and neighbors of filters that have them by construction; small kernels taken apart."""

import numpy as np
import pytest

from pellucid.kernels.named import kernel_from
from pellucid.kernels.symmetry import (
    evenness,
    main_map,
    neighbor_agreement,
    parts,
    separability,
    untrained_below,
)


def one(rows) -> np.ndarray:
    return np.array(rows, float)[None, None]


def test_even_and_odd_wherever_their_center_lies() -> None:
    off_center = np.zeros((2, 1, 7, 7))
    off_center[0, 0, 1:4, 2:5] = kernel_from("laplacian")
    off_center[1, 0, 3:6, 0:3] = kernel_from("sobel-y")
    np.testing.assert_allclose(evenness(off_center), [1, -1])
    half = np.zeros((1, 1, 3, 3))
    half[0, 0, 0, 0], half[0, 0, 0, 2] = 2, 1
    assert 0.7 < evenness(half)[0] < 0.9  # 2ab / (a² + b²) about the point between them


def test_a_product_of_column_and_row_is_separable_and_a_diagonal_is_not() -> None:
    np.testing.assert_allclose(separability(kernel_from("sobel-x")[None]), [1])
    np.testing.assert_allclose(separability(np.eye(4)[None]), [0.25])


def test_the_main_map_is_the_one_that_every_channel_repeats() -> None:
    pattern = np.random.default_rng(0).normal(size=(5, 5))
    kernels = np.array([0.2, -0.9, 0.1])[:, None, None] * pattern
    expected = -pattern * np.linalg.norm([0.2, -0.9, 0.1])
    np.testing.assert_allclose(main_map(kernels[None])[0], expected, atol=1e-12)


def test_neighbors_agree_along_stripes_in_any_of_four_directions() -> None:
    y, x = np.mgrid[:8, :8]
    for stripes in (x, y, x + y, x - y):
        assert neighbor_agreement(one((-1.0) ** stripes))[0] == pytest.approx(1)
    assert neighbor_agreement(one((-1.0) ** (x // 2 + y // 2)))[0] < 0.5


@pytest.mark.parametrize("shape", [(3, 5, 5), (3, 7, 7), (1, 11, 11), (3, 11, 11)])
def test_independent_weights_look_untrained(shape) -> None:
    weights = np.random.default_rng(0).normal(size=(500, *shape))
    assert (neighbor_agreement(weights) < untrained_below(*shape)).mean() > 0.97


@pytest.mark.parametrize(
    ("name", "part", "degrees"),
    [
        ("sobel-x", "edge", 0),
        ("sobel-y", "edge", 90),
        ("laplacian", "center", None),
        ("box:3", "average", None),
    ],
)
def test_known_small_kernels_are_one_part(name: str, part: str, degrees: int | None) -> None:
    found = parts(kernel_from(name)[None, None])
    for other in ("average", "edge", "line", "center"):
        assert getattr(found, other)[0] == pytest.approx(float(other == part), abs=1e-12)
    if degrees is not None:
        assert np.degrees(found.edge_angle[0]) % 180 == pytest.approx(degrees)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bar_is_half_line_half_center_and_its_direction_does_not_depend_on_its_sign(sign: int) -> None:
    upright = sign * np.array([[-1, 2, -1]] * 3, float)
    for kernel, degrees in ((upright, 0), (upright.T, 90)):
        found = parts(one(kernel))
        assert found.line[0] == pytest.approx(0.5)
        assert found.center[0] == pytest.approx(0.5)
        assert np.degrees(found.line_angle[0]) % 180 == pytest.approx(degrees)
    slash = sign * np.array([[-1, -1, 2], [-1, 2, -1], [2, -1, -1]], float)
    assert np.degrees(parts(one(slash)).line_angle[0]) == pytest.approx(45)  # across, to the lower right


def test_the_parts_are_the_whole() -> None:
    kernels = np.random.default_rng(5).normal(size=(20, 3, 3, 3))
    found = parts(kernels)
    np.testing.assert_allclose(found.average + found.edge + found.line + found.center, 1)
    flat = parts(kernels[:, :, :2])
    np.testing.assert_allclose(flat.average + flat.edge + flat.center, 1)
    assert (flat.line == 0).all()
