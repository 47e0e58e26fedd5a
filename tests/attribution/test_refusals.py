# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear line that says what was asked, what is there, and what would work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from counting import TokenNet, counting_net, square
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName


@pytest.fixture(scope="module")
def net() -> pl.Net:
    return pl.load(counting_net(), input=pl.ImageInput(32), labels=["red", "green"])


def refused(
    net: pl.Net, image: object, *words: str, error: type[Exception] = InputError, **asked: object
) -> None:
    with pytest.raises(error) as raised:
        pl.attribute(net, image, **asked)
    line = str(raised.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def test_images_that_do_not_fit(net: pl.Net, tmp_path: Path) -> None:
    refused(net, np.zeros((32, 32, 5), np.uint8), "(32, 32, 5)", "32x32x3")
    refused(net, torch.zeros(4, 32, 32), "4, 32, 32", "3x32x32")
    refused(net, torch.zeros(3, 16, 16), "3, 16, 16", "3x32x32")
    refused(net, 3 * torch.ones(3, 32, 32), "outside 0..1")
    refused(net, torch.full((3, 32, 32), float("nan")), "outside 0..1")
    refused(net, tmp_path / "none.png", "no picture", "none.png", error=UnknownName)
    refused(net, tmp_path, "no picture", error=UnknownName)
    refused(net, 7, "array of shape ()", "32x32x3")
    four = pl.load(nn.Sequential(nn.Conv2d(4, 2, 3), nn.ReLU(), nn.Flatten()), input=pl.ImageInput(8, 4))
    picture = Image.new("RGB", (8, 8))
    refused(four, picture, "takes 4 channels")


def test_names_that_do_not_exist(net: pl.Net) -> None:
    pixels = square()
    refused(net, pixels, "no label 'rad'", "did you mean red", aim="logits:rad", error=UnknownName)
    refused(net, pixels, "no layer 'convv'", "did you mean conv", aim="convv:0", error=UnknownName)
    refused(net, pixels, "2 units, 9 was asked", aim="conv:9", error=UnknownName)
    refused(net, pixels, "grid of 4x4", aim="conv:0@7,7", error=UnknownName)
    refused(net, pixels, "no method 'gradcan'", "did you mean gradcam", methods="gradcan", error=UnknownName)
    refused(net, pixels, "no setting 'windows'", "window", windows=3, error=UnknownName)
    refused(net, pixels, "no setting 'masks'", methods="occlusion", masks=30, error=UnknownName)
    refused(net, pixels, "no baseline 'pink'", "gray", baseline="pink", error=UnknownName)
    refused(net, pixels, "'most'", "strongest", over="most", aim="conv:0", error=UnknownName)
    refused(net, pixels, "conv:INDEX", "logits:conv", aim="conv")
    refused(net, pixels, "2 units", aim="conv:0,1")


def test_settings_that_make_no_sense(net: pl.Net) -> None:
    pixels = square()
    refused(net, pixels, "window 0", methods="occlusion", window=0)
    refused(net, pixels, "window of 40", "32x32", methods="occlusion", window=40)
    refused(net, pixels, "stride of 9", methods="occlusion", window=8, stride=9)
    refused(net, pixels, "masks 1", methods="rise", masks=1)
    refused(net, pixels, "samples 'many'", "number", methods="smoothgrad", samples="many")
    refused(net, pixels, "max_steps 8", "32", methods="integrated_gradients", max_steps=8)
    refused(net, pixels, "0 steps", steps=0)
    refused(net, pixels, "relu 3", methods="gradcam", relu=3)


def test_gradcam_needs_a_layer_with_a_grid_on_the_way(net: pl.Net) -> None:
    pixels = square()
    refused(net, pixels, "fc has no positions", methods="gradcam", layer="fc", aim="logits:0")
    refused(net, pixels, "relu does not come before conv:0", methods="gradcam", layer="relu", aim="conv:0")
    refused(net, pixels, "no layer before conv:0", "saliency", methods="gradcam", aim="conv:0@1,1")
    flat = pl.load(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), input=pl.ImageInput(8))
    refused(flat, torch.rand(3, 8, 8), "no layer before logits:0", methods="gradcam", aim="logits:0")


def test_gradcam_is_left_out_where_nobody_asked_for_it_and_it_does_not_apply(net: pl.Net) -> None:
    assert [one.method for one in pl.attribute(net, square(), "conv:0", steps=2)] == [
        "integrated_gradients",
        "occlusion",
    ]
    assert len(pl.attribute(net, square(), "logits:0", steps=2)) == 3


def test_rules_for_relu_name_what_stands_in_their_way() -> None:
    smooth = TokenNet()
    smooth.norm = nn.SiLU()
    net = pl.load(smooth, input=pl.ImageInput(32))
    refused(net, square(), "rule for ReLU", "SiLU", "saliency", methods="guided_backprop", aim="logits:0")
    linear = pl.load(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), input=pl.ImageInput(8, 1))
    refused(linear, torch.rand(1, 8, 8), "none on the way", methods="deconvnet", aim="logits:0")


def test_an_image_smaller_than_the_receptive_field_works() -> None:
    """A field of 31 pixels on an input of 12: boxes reach beyond, maps stay on the image."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 7, padding=3), nn.ReLU()]
    for _ in range(4):
        layers += [nn.Conv2d(2, 2, 7, padding=3), nn.ReLU()]
    net = pl.load(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), input=pl.ImageInput(12, 1))
    pixels = torch.rand(1, 12, 12)
    for one in pl.attribute(
        net, pixels, "8:0", methods="gradcam,saliency,occlusion,rise,smoothgrad", masks=20
    ):
        assert one.values.shape == (12, 12)
        assert np.isfinite(one.values).all()


def test_one_pixel_is_enough() -> None:
    net = pl.load(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), input=pl.ImageInput(1))
    for one in pl.attribute(
        net, torch.rand(3, 1, 1), "logits:0", methods="saliency,integrated_gradients,occlusion,rise"
    ):
        assert one.values.shape == (1, 1)
        one.plot()
