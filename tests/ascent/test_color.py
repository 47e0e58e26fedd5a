# SPDX-License-Identifier: Apache-2.0
"""The color axes against the constants that other libraries ship, already normalized and transposed."""

import numpy as np
import torch

from pellucid.ascent.color import COLOR_AXES, mixed

SHIPPED = [
    [0.56282854, 0.58447580, 0.58447580],
    [0.19482528, 0.00000000, -0.19482528],
    [0.04329450, -0.10823626, 0.06494176],
]


def test_axes_are_those_that_others_ship():
    # Their matrix multiplies from the right; its third row stands in another order of signs than lucid's columns.
    np.testing.assert_allclose(np.abs(COLOR_AXES.numpy().T), np.abs(SHIPPED), atol=4e-8 * 10)


def test_each_axis_moves_the_channels_that_lucid_says():
    axes = torch.eye(3).reshape(3, 3, 1, 1)
    lightness, warmth, green = mixed(axes)[:, :, 0, 0] * 0.461952
    np.testing.assert_allclose(lightness, [0.26, 0.27, 0.27], atol=1e-6)
    np.testing.assert_allclose(warmth, [0.09, 0.00, -0.09], atol=1e-6)
    np.testing.assert_allclose(green, [0.02, -0.05, 0.03], atol=1e-6)


def test_other_numbers_of_channels_get_no_invented_color():
    for channels in (1, 2, 4, 12):
        planes = torch.randn(2, channels, 5, 7)
        assert mixed(planes) is planes
