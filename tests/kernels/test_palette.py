# SPDX-License-Identifier: Apache-2.0
"""Where zero is, where full color is, and that signs are told apart."""

import numpy as np

from pellucid.kernels.palette import from_black, from_gray, from_white

FIVE = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


def test_weights_stand_about_middle_gray() -> None:
    assert from_gray(FIVE, 2.0).tolist() == [0, 64, 128, 191, 255]
    assert from_gray(FIVE, 1.0).tolist() == [0, 0, 128, 255, 255]
    assert from_gray(np.zeros(3), 0.0).tolist() == [128] * 3


def test_zero_is_white_or_black_and_signs_are_blue_and_red() -> None:
    for paint, light in ((from_white, True), (from_black, False)):
        colors = paint(FIVE, 2.0).astype(int)
        assert (colors[2] > 245).all() if light else (colors[2] == 0).all()
        assert all(color[2] > color[0] for color in colors[:2])
        assert all(color[0] > color[2] for color in colors[3:])
        brightness = colors.sum(1)
        order = brightness[2:] if light else -brightness[2:]
        assert (np.diff(order) < 0).all()
        assert np.array_equal(paint(2 * FIVE, 2.0)[[0, -1]], paint(FIVE, 2.0)[[0, -1]])
