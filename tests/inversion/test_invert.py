# SPDX-License-Identifier: Apache-2.0
"""Inversion where the answer is known: layers that know everything, layers that know one thing, and real ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import mixing, residual_net
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.figures.stamp import read_stamp
from pellucid.inversion import invert

EXACT = {"regularize": {}, "canvas": "pixels", "learning_rate": 0.2, "precision": "float32"}


def error_by_hand(net, layer, pixels, image):
    """|a - b|^2 / |b|^2 in NumPy, of what the module itself answers."""
    answers = []
    with torch.no_grad():
        for each in (pixels, image):
            fed = torch.from_numpy(each / 255).permute(2, 0, 1)[None].float()
            answers.append(net.module[: int(layer) + 1](net.input.normalize(fed)).double().numpy())
    made, wanted = answers
    return ((made - wanted) ** 2).sum() / (wanted**2).sum()


def test_a_layer_that_can_be_undone_gives_the_image_back(picture, net_of):
    net = net_of(mixing([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.5, 0.0, 1.0]], -0.3), nn.ReLU())
    [found] = invert(net, picture, "0", **EXACT)
    assert np.abs(found.pixels.astype(int) - picture).max() <= 2
    assert found.error < 1e-4 < 0.1 < found.baseline
    assert found.alike > 0.999


def test_what_a_layer_does_not_know_is_not_in_the_picture(picture, net_of):
    net = net_of(mixing([[1.0, 0.0, 0.0]]), nn.ReLU())
    [found] = invert(net, picture, "0", **EXACT)
    assert np.abs(found.pixels[..., 0].astype(int) - picture[..., 0]).max() <= 2
    assert found.pixels[..., 1:].std() < 3  # gray, as the climb began


def test_the_values_are_those_of_the_saved_file(picture, net_of, tmp_path):
    torch.manual_seed(0)
    net = net_of(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(inplace=True), nn.Conv2d(8, 6, 3))
    found = invert(net, picture, "2", "0", steps=24)
    assert [one.subject for one in found] == ["2", "0"]
    for one, path in zip(found, found.save(tmp_path), strict=True):
        again = np.asarray(Image.open(path))
        assert np.array_equal(again, one.pixels)
        assert one.error == pytest.approx(error_by_hand(net, one.subject, again, picture), rel=1e-3)
        assert read_stamp(path)["method"] == "inversion"
        assert read_stamp(path)["settings"]["steps"] == 24
    assert {path.name for path in tmp_path.iterdir()} == {"0.png", "2.png", "image.png", "sheet.png"}
    assert found.plot().width > 3 * 240
    told = found.to_json()["pictures"][0]
    assert told["layer"] == "2"
    assert told["error"] < told["baseline"]


@pytest.mark.parametrize(("channels", "size"), [(1, (20, 28)), (4, (17, 23)), (12, (9, 9)), (3, (21, 13))])
def test_any_number_of_channels_and_any_shape(net_of, channels, size):
    noise = np.random.default_rng(0).normal(size=(*size, channels)).cumsum(0).cumsum(1)
    image = (noise - noise.min()) / np.ptp(noise)
    torch.manual_seed(0)
    net = net_of(nn.Conv2d(channels, 8, 3), nn.ReLU(), channels=channels, size=size)
    [found] = invert(net, image, "0", steps=48)
    assert found.pixels.shape == (*size, channels)
    assert found.error < 0.2 * found.baseline
    assert found.plot().mode == "RGB"


def test_a_net_that_takes_one_size_only_gets_it(picture):
    net = pl.load(nn.Sequential(nn.Flatten(), nn.Linear(3 * 20 * 28, 9)), input=pl.ImageInput((20, 28)))
    [found] = invert(net, Image.fromarray(picture).resize((90, 70)), "logits", steps=48)
    assert found.pixels.shape == (20, 28, 3)
    assert found.error < 0.05 * found.baseline
    with pytest.raises(InputError, match="accepts 20x28 only"):
        invert(net, Image.fromarray(picture), "logits", size=40)


def test_another_size_is_the_image_in_that_size(picture, net_of):
    net = net_of(nn.Conv2d(3, 4, 3), nn.ReLU())
    [found] = invert(net, Image.fromarray(picture), "0", size=(40, 56), steps=2)
    assert found.pixels.shape == found.original.shape == (40, 56, 3)


def test_a_module_that_is_called_again_is_inverted_by_its_call(net_of):
    net = pl.load(residual_net(), input=pl.ImageInput(8))
    before = {name: each.clone() for name, each in net.module.state_dict().items()}
    found = invert(net, Image.radial_gradient("L"), "relu#2", "relu", steps=96, regularize={})
    assert [one.subject for one in found] == ["relu#2", "relu"]
    assert all(one.error < 0.2 * one.baseline for one in found)
    assert not any(each._forward_hooks for each in net.module.modules())
    assert all(torch.equal(each, before[name]) for name, each in net.module.state_dict().items())


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(picture, net_of):
    net = net_of(nn.Conv2d(3, 4, 3, stride=3), nn.ReLU())
    first, again, other = (invert(net, picture, "0", steps=12, seed=seed)[0] for seed in (1, 1, 2))
    assert first.png() == again.png()
    assert not np.array_equal(first.pixels, other.pixels)


def test_some_layers_are_taken_where_none_is_named(picture, net_of):
    convolutions = [layer for _ in range(8) for layer in (nn.Conv2d(3, 3, 1), nn.ReLU())]
    told = []
    found = invert(net_of(*convolutions), picture, steps=2, progress=lambda *args: told.append(args))
    assert len(found) == 5
    assert found[0].subject == "0"
    assert told[-1] == (5, 5, "pictures")


@pytest.mark.parametrize(
    ("layers", "options", "error", "words"),
    [
        (["conv"], {}, UnknownName, "conv"),
        (["0"], {"stepz": 3}, InputError, "invert has no setting 'stepz'; did you mean steps"),
        (["0"], {"canvas": "maca"}, UnknownName, "no canvas is called 'maca'"),
        (["0"], {"sign": "-"}, InputError, "invert has no setting 'sign'"),
        (["0"], {"steps": 0}, InputError, "steps 0"),
        (["0"], {"cooling": 2.0}, InputError, "cooling 2.0: it is a share"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(picture, net_of, layers, options, error, words):
    with pytest.raises(error, match=words) as caught:
        invert(net_of(nn.Conv2d(3, 2, 3)), picture, *layers, **options)
    assert "\n" not in str(caught.value)


def test_an_image_of_other_channels_is_refused(net_of, picture):
    with pytest.raises(InputError, match="takes 4 channels"):
        invert(net_of(nn.Conv2d(4, 2, 3), channels=4), Image.fromarray(picture), "0")
