# SPDX-License-Identifier: Apache-2.0
"""Accentuation: the unit rises, what it does not see stays, and a strong hold keeps the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import mixing
from torch import nn

from pellucid.errors import InputError, UnknownName
from pellucid.inversion import accentuate


@pytest.fixture
def net(net_of):
    torch.manual_seed(0)
    return net_of(nn.Conv2d(3, 6, 5), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 3), nn.ReLU(inplace=True))


def mean_by_hand(net, unit, pixels):
    with torch.no_grad():
        fed = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None].float()
        return float(net.module[:3](fed)[0, unit].mean())


def test_units_rise_and_the_values_are_those_of_the_saved_pictures(net, picture):
    found = accentuate(net, picture, "2:0-3", strength=0.3, steps=48)
    assert [one.subject for one in found] == ["2:0", "2:1", "2:2", "2:3"]
    for unit, one in enumerate(found):
        assert one.before == pytest.approx(mean_by_hand(net, unit, picture), rel=1e-3, abs=1e-5)
        assert one.after == pytest.approx(mean_by_hand(net, unit, one.pixels), rel=1e-3, abs=1e-5)
        assert one.after > one.before
        assert one.departed > 0
    assert found.to_json()["pictures"][2]["unit"] == "2:2"


def test_a_unit_can_be_lowered(net, picture):
    [found] = accentuate(net, picture, "2:1", sign="-", strength=0.3, steps=48)
    assert found.after < found.before


def test_the_stronger_the_hold_the_nearer_the_image(net, picture):
    holds = (0.0, 0.3, 3.0, 1e6)
    found = [accentuate(net, picture, "2:1", strength=each, steps=64)[0] for each in holds]
    departed = [one.departed for one in found]
    assert departed == sorted(departed, reverse=True)
    assert np.abs(found[-1].pixels.astype(int) - picture).mean() < 2
    assert np.abs(found[0].pixels.astype(int) - picture).mean() > 10


def test_pixels_that_the_unit_does_not_see_stay_as_they_are(net, picture):
    free = {"strength": 0.0, "canvas": "pixels", "transforms": "none", "steps": 16}
    [found] = accentuate(net, picture, "2:2@4,6", **free)
    box = np.zeros(picture.shape[:2], bool)
    box[4:11, 6:13] = True  # 7x7 pixels from y 4, x 6
    assert np.array_equal(found.pixels[~box], picture[~box])
    assert not np.array_equal(found.pixels[box], picture[box])
    assert (found.transparency[~box] == 0).all()
    assert found.transparency[box].max() == 1
    assert np.asarray(found.display)[..., 3][~box].max() == 0


def test_what_is_kept_is_priced_by_the_layer_asked(net_of, picture):
    # The unit wants red; the layer kept sees red and blue, or only blue.
    net = net_of(mixing([[0, 0, 1.0]]), nn.ReLU())
    [blue] = accentuate(net, picture, "0:0", strength=0.0, steps=24)
    assert (blue.pixels[..., 2].astype(int) - picture[..., 2]).mean() > 20
    assert np.abs(blue.pixels[..., 0].astype(int) - picture[..., 0]).mean() < 25
    [held] = accentuate(net, picture, "0:0", keep="0", strength=1e4, steps=64)
    assert held.kept == "0"
    assert held.departed < 0.05


def test_the_layer_kept_sees_at_most_a_quarter_of_the_image(picture, net_of):
    # They see 3, 3, 5, 5, 9, 9 and 9 of 20 pixels.
    convolutions = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 5)
    net = net_of(*convolutions, nn.ReLU(), nn.Conv2d(2, 2, 1))
    late, early = accentuate(net, picture, "6:0", "0:0", steps=1)
    assert late.kept == "3"
    assert early.kept == "0"


def test_several_layers_in_one_call_and_the_same_bytes_again(net, picture):
    first, again = (accentuate(net, picture, "2:0", "0:1", steps=8) for _ in range(2))
    assert [one.png() for one in first] == [one.png() for one in again]
    assert [one.subject for one in first] == ["2:0", "0:1"]


@pytest.mark.parametrize(
    ("units", "options", "error", "words"),
    [
        ([], {}, InputError, "no unit was asked"),
        (["2:9"], {}, UnknownName, "2 has 4 units, 9 was asked"),
        (["2:0"], {"keep": "nine"}, UnknownName, "nine"),
        (["2:0"], {"sign": "both"}, InputError, "sign 'both'"),
        (["2:0"], {"strength": -1}, InputError, "strength -1"),
        (["2:0"], {"canvas": "maco"}, InputError, "start from a given picture"),
        (["3:0"], {"sign": "-"}, InputError, "no negative optimum"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(net, picture, units, options, error, words):
    with pytest.raises(error, match=words):
        accentuate(net, picture, *units, **options)
