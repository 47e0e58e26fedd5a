# SPDX-License-Identifier: Apache-2.0
"""What is held stays exactly as given, on every canvas; the rest climbs."""

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.ascent import CANVASES, Box, ClimbSettings, Goal, Held, NormBall, climb
from pellucid.errors import InputError
from pellucid.models import ImageInput, load
from pellucid.records import Unit

SIZE = (14, 19)


def brightness(channels=3):
    """A net that wants every pixel bright."""
    conv = nn.Conv2d(channels, 1, 3, bias=False)
    nn.init.constant_(conv.weight, 1.0)
    return load(conv, input=ImageInput(SIZE, channels))


def given(channels=3):
    return np.random.default_rng(0).integers(0, 256, (*SIZE, channels), np.uint8)


@pytest.mark.parametrize("name", CANVASES)
@pytest.mark.parametrize("channels", [3, 4])
def test_held_pixels_and_bands_stay_and_the_rest_climbs(name, channels):
    picture = given(channels)
    mask = np.zeros(SIZE, bool)
    mask[3:9, 5:15] = True
    held = Held(picture, mask, channels=(1,))
    settings = ClimbSettings(canvas=name, steps=24, size=SIZE, held=held)
    [found] = climb(brightness(channels), [Goal(Unit("logits", 0))], settings)
    assert np.array_equal(found.picture[mask], picture[mask])
    assert np.array_equal(found.picture[..., 1], picture[..., 1])
    free = ~mask
    assert found.activation > found.initial
    # MACO keeps its mean about gray, so only its arrangement can rise.
    assert name == "maco" or found.picture[free][:, 0].mean() > 180


def test_a_box_may_be_held():
    picture = given()
    mask = np.eye(*SIZE, dtype=bool)
    settings = ClimbSettings(
        canvas="pixels", constraint=Box(), transforms="none", size=SIZE, held=Held(picture, mask)
    )
    [found] = climb(brightness(), [Goal(Unit("logits", 0))], settings)
    assert np.array_equal(found.picture[mask], picture[mask])
    assert (found.picture[~mask] == 255).all()


def test_what_is_held_gets_no_gradient():
    """A unit that only sees what is held has nothing to climb."""
    mask = np.ones(SIZE, bool)
    mask[0, 0] = False
    picture = given()
    net = brightness()
    settings = ClimbSettings(canvas="pixels", steps=8, size=SIZE, held=Held(picture, mask))
    [found] = climb(net, [Goal(Unit("logits", 0))], settings)
    wanted = picture.copy()
    wanted[0, 0] = 255
    with torch.no_grad():
        most = net.module(torch.from_numpy(wanted / 255).float().permute(2, 0, 1)[None]).mean().item()
    assert found.initial < found.activation <= most


def test_wrong_wishes_are_refused():
    picture = given()
    for wrong in (
        lambda: Held(picture),
        lambda: Held(picture, np.zeros(SIZE, bool)),
        lambda: Held(picture, np.ones((3, 3), bool)),
        lambda: Held(picture, channels=(3,)),
        lambda: Held(picture / 100.0, np.ones(SIZE, bool)),
    ):
        with pytest.raises(InputError):
            wrong()
    held = Held(picture, channels=(0,))
    with pytest.raises(InputError, match="what is held has"):
        ClimbSettings(held=held)
    with pytest.raises(InputError, match="inside a ball"):
        ClimbSettings(size=SIZE, held=held, canvas="pixels", constraint=NormBall(1.0))
    with pytest.raises(InputError, match="a held picture of 4x14x19 on a canvas of 3x14x19"):
        climb(
            brightness(),
            [Goal(Unit("logits", 0))],
            ClimbSettings(size=SIZE, held=Held(given(4), channels=(0,))),
        )


def test_the_digest_tells_what_is_held_and_where():
    picture = given()
    other = picture.copy()
    other[0, 0] ^= 1
    mask = np.eye(*SIZE, dtype=bool)
    held = Held(picture, mask)
    assert held.to_json() == Held(picture, mask.copy()).to_json()
    assert held.to_json() != Held(other, mask).to_json()
    assert held.to_json() != Held(picture, mask[::-1]).to_json()
    flat = np.zeros_like(picture)
    assert Held(flat, mask).to_json() != Held(flat, mask[::-1]).to_json()
    other = picture.copy()
    other[0, 1] ^= 1  # outside the mask
    assert held.to_json() == Held(other, mask).to_json()
