# SPDX-License-Identifier: Apache-2.0
"""Eight bits and their ends: what is fed again is as near as eight bits allow."""

import numpy as np
import pytest
import torch

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.saved import saved


class Given(Canvas):
    """Pictures as given."""

    def __init__(self, pictures, ends):
        self.variables, self.ends = (pictures,), ends

    def pictures(self):
        return self.variables[0]


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_pictures_in_their_range_are_saved_as_ever():
    pictures = torch.sigmoid(noise(2, 3, 8, 9))
    found = saved(Given(pictures, (0.0, 1.0)))
    assert np.array_equal(found.pixels, (pictures * 255).round().byte().permute(0, 2, 3, 1).numpy())
    assert found.ends.tolist() == [[0, 1], [0, 1]]


def test_pictures_without_a_range_use_all_of_eight_bits():
    pictures = noise(3, 2, 40, 30) * torch.tensor([0.01, 1.0, 100.0]).view(3, 1, 1, 1) + 5
    found = saved(Given(pictures, None))
    assert found.pixels.reshape(3, -1).min(1).tolist() == [0, 0, 0]
    assert found.pixels.reshape(3, -1).max(1).tolist() == [255, 255, 255]
    error = (found.fed() - pictures).abs().flatten(1).amax(1)
    span = pictures.flatten(1).amax(1) - pictures.flatten(1).amin(1)
    assert (error <= span / 255 * 0.6).all()


def test_rounding_leaves_the_norm():
    """To the second order: the ends that merely span the picture are off by ten times as much."""
    pictures = noise(200, 1, 6, 6)
    norms = saved(Given(pictures, None)).fed().flatten(1).norm(dim=1)
    assert (norms / pictures.flatten(1).norm(dim=1) - 1).abs().max() < 1e-4


@pytest.mark.parametrize("ends", [None, (-2.0, 3.0)])
def test_a_flat_picture_is_saved(ends):
    found = saved(Given(torch.full((1, 3, 4, 4), 0.7), ends))
    torch.testing.assert_close(found.fed(), torch.full((1, 3, 4, 4), 0.7), atol=0.01, rtol=0)
