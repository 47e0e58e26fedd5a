# SPDX-License-Identifier: Apache-2.0
"""To 8 bits and back."""

import io

import numpy as np
import torch
from PIL import Image

from pellucid.ascent.pictures import clipped_share, fed, shown


def test_a_saved_picture_is_fed_as_it_was_shown():
    pictures = torch.rand(2, 3, 5, 7)
    eight_bits = shown(pictures)
    file = io.BytesIO()
    Image.fromarray(eight_bits[1]).save(file, "PNG")
    again = np.asarray(Image.open(file))
    assert np.array_equal(again, eight_bits[1])
    assert (fed(eight_bits) - pictures).abs().max() <= 0.5 / 255 + 1e-6


def test_clipped_share_counts_channel_values_at_both_ends():
    picture = np.full((10, 10, 3), 128, np.uint8)
    picture[0, :, 0] = 5  # 1.96 % of the range
    picture[1, :, 0] = 6
    picture[2, :, 1] = 250  # 98.04 %
    picture[3, :, 1] = 249
    assert clipped_share(picture) == 20 / 300
