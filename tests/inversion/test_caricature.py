# SPDX-License-Identifier: Apache-2.0
"""Caricatures of layers whose exaggeration is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import mixing
from torch import nn

from pellucid.errors import InputError
from pellucid.inversion import caricature


def test_the_caricature_of_pixels_about_gray_drives_each_to_its_own_end(picture, net_of):
    # <x - 0.5, b - 0.5> over a box is largest at the corner that b leans to.
    net = net_of(mixing([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], -0.5), nn.ReLU())
    [found] = caricature(net, picture, "0", power=0, transforms="none", canvas="pixels", regularize={})
    clear = np.abs(picture.astype(int) - 128) > 6
    high = found.pixels[clear] > 128
    assert np.array_equal(high, picture[clear] > 128)
    assert np.abs(found.pixels[clear].astype(int) - 255 * high).mean() < 16
    assert found.dot > 1.3 * found.dot_image


def test_a_power_of_the_cosine_keeps_the_proportions(picture, net_of):
    net = net_of(mixing([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], -0.5), nn.ReLU())
    options = {"transforms": "none", "canvas": "pixels", "regularize": {}}
    loose, strict = (caricature(net, picture, "0", power=power, **options)[0] for power in (0, 4))
    assert loose.cosine < 0.95 < strict.cosine
    assert strict.dot < loose.dot


def test_the_values_are_dot_and_cosine_of_what_the_layer_answers(picture, net_of):
    torch.manual_seed(0)
    net = net_of(nn.Conv2d(3, 5, 3, stride=2), nn.ReLU(inplace=True))
    [found] = caricature(net, picture, "1", power=2.0, steps=8)
    with torch.no_grad():
        a, b = (
            net.module(torch.from_numpy(each / 255).permute(2, 0, 1)[None].float())[0].double().numpy()
            for each in (found.pixels, picture)
        )
    positions = a.shape[1] * a.shape[2]
    cosine = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
    assert found.dot == pytest.approx((a * b).sum() / positions, rel=1e-4)
    assert found.dot_image == pytest.approx((b**2).sum() / positions, rel=1e-4)
    assert found.cosine == pytest.approx(cosine, rel=1e-4)
    assert found.cosine_image == pytest.approx(1)
    assert found.value == pytest.approx(found.dot * cosine**2, rel=1e-4)
    assert found.to_json()["power"] == 2.0


def test_a_power_below_zero_is_refused(picture, net_of):
    with pytest.raises(InputError, match="power -1"):
        caricature(net_of(nn.Conv2d(3, 2, 3)), picture, "0", power=-1)
