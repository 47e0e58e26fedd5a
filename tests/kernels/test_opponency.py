# SPDX-License-Identifier: Apache-2.0
"""Colors set by hand."""

import numpy as np
import pytest

from pellucid.kernels.opponency import main_color, opponency


def of_color(color: tuple[float, ...]) -> np.ndarray:
    pattern = np.random.default_rng(3).normal(size=(1, 1, 5, 5))
    return pattern * np.array(color, float).reshape(1, -1, 1, 1)


@pytest.mark.parametrize(
    ("color", "axis"),
    [
        ((1, 1, 1), "black-white"),
        ((0.9, 1, 0.6), "black-white"),
        ((1, 0, 0), "red-cyan"),
        ((-1, 1, 1), "red-cyan"),
        ((0, 0, 1), "blue-yellow"),
        ((1, 1, -1), "blue-yellow"),
        ((1, 1, 0), "blue-yellow"),
        ((0, 1, 0), "magenta-green"),
        ((1, -1, 1), "magenta-green"),
    ],
)
def test_the_axis_of_a_color(color: tuple[float, ...], axis: str) -> None:
    assert opponency(of_color(color)).axis == (axis,)


def test_chroma_is_the_share_of_energy_off_gray() -> None:
    color = np.array([0.8, -0.1, 0.4])
    off = color - color.mean()
    assert opponency(of_color(tuple(color))).chroma[0] == pytest.approx((off @ off) / (color @ color))


def test_a_filter_that_is_gray_here_and_red_there_is_a_mixture() -> None:
    kernels = np.zeros((1, 3, 1, 2))
    kernels[0, :, 0, 0], kernels[0, 0, 0, 1] = 1, 1
    assert opponency(kernels).chroma[0] == pytest.approx((2 / 3) / 4)


def test_the_main_color_has_unit_length_and_its_largest_entry_positive() -> None:
    color = np.array([0.2, -0.9, 0.3, 0.1])
    found = main_color(of_color(tuple(color)))
    np.testing.assert_allclose(found, [-color / np.linalg.norm(color)], atol=1e-12)


def test_nothing_has_no_color() -> None:
    found = opponency(np.zeros((2, 3, 3, 3)))
    assert found.axis == ("black-white",) * 2
    assert (found.chroma == 0).all()
