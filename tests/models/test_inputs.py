# SPDX-License-Identifier: Apache-2.0
"""What a network is fed: sizes, normalization against torchvision's own, words of the command line."""

from __future__ import annotations

import json

import pytest
import torch

from pellucid.data.recipe import Recipe
from pellucid.errors import InputError
from pellucid.models.inputs import INPUTS, ImageInput, normalized_as, sized_as


def test_defaults() -> None:
    image = ImageInput()
    assert (image.size, image.channels, image.mean, image.std) == ((224, 224), 3, (0, 0, 0), (1, 1, 1))
    assert image.recipe == Recipe((224, 224))
    assert ImageInput((64, 80), 1).recipe == Recipe((64, 80), channels=1)
    assert ImageInput(32, mean=[0.5], std=(2,)).mean == (0.5, 0.5, 0.5)
    assert ImageInput(32) == ImageInput((32, 32))
    assert INPUTS["image"] is ImageInput


def test_normalization_is_torchvisions() -> None:
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    pixels = torch.rand(2, 3, 8, 9)
    image = normalized_as("imagenet", ImageInput((8, 9)))
    expected = transforms.normalize(pixels, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(image.normalize(pixels), expected)


def test_caffe_normalization() -> None:
    image = normalized_as("103.939,116.779,123.68/1,2,4 0..255 bgr", ImageInput(2))
    pixels = torch.zeros(1, 3, 2, 2)
    pixels[:, 0] = 1.0  # red
    fed = image.normalize(pixels)[0, :, 0, 0]
    torch.testing.assert_close(fed, torch.tensor([-103.939, -116.779 / 2, (255 - 123.68) / 4]))


def test_imagenet_in_other_ranges_and_orders_is_the_same_function() -> None:
    pixels = torch.rand(1, 3, 4, 4)
    usual = normalized_as("imagenet", ImageInput(4)).normalize(pixels)
    torch.testing.assert_close(normalized_as("imagenet 0..255", ImageInput(4)).normalize(pixels), usual)
    torch.testing.assert_close(normalized_as("imagenet bgr", ImageInput(4)).normalize(pixels), usual.flip(1))


def test_none_and_its_words() -> None:
    pixels = torch.rand(1, 3, 4, 4)
    known = normalized_as("imagenet", ImageInput(4))
    assert torch.equal(normalized_as("none", known).normalize(pixels), pixels)
    assert torch.equal(normalized_as("none 0..255", known).normalize(pixels), pixels * 255)
    assert torch.equal(normalized_as("bgr", known).normalize(pixels), pixels.flip(1))


def test_normalization_is_differentiable() -> None:
    pixels = torch.rand(1, 3, 2, 2, requires_grad=True)
    normalized_as("0.1/0.5 0..255 bgr", ImageInput(2)).normalize(pixels)[0, 0, 0, 0].backward()
    assert pixels.grad is not None
    assert pixels.grad[0, :, 0, 0].tolist() == [0, 0, 510]


@pytest.mark.parametrize(
    "text", ["imagenett", "1,2/3,4", "1,2,3", "1,2,3/0,1,1", "/", "a/b", "1/2/3", "1,2,3/-1,1,1"]
)
def test_bad_normalizations_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        normalized_as(text, ImageInput(4))


def test_imagenet_on_gray_is_refused() -> None:
    with pytest.raises(InputError, match="imagenet"):
        normalized_as("imagenet", ImageInput(4, 1))


def test_sizes_in_words() -> None:
    assert sized_as(" 1x28x30 ", None) == ImageInput((28, 30), 1)
    known = ImageInput(224, mean=(1, 2, 3), recipe=Recipe((224, 224), resize=256, interpolation="bicubic"))
    larger = sized_as("3x448x448", known)
    assert larger.mean == known.mean
    assert larger.recipe == Recipe((448, 448), resize=512, interpolation="bicubic")
    assert sized_as("3x224x224", known) == known
    assert sized_as("1x28x28", known) == ImageInput(28, 1)


@pytest.mark.parametrize(
    "text", ["", "224", "224x224", "3x224", "0x8x8", "3x0x8", "3x-1x8", "3x8x8x8", "axbxc"]
)
def test_bad_sizes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="input"):
        sized_as(text, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean": (1, 2)},
        {"std": (0, 1, 1)},
        {"value_range": "0..2"},
        {"order": "gbr"},
        {"channels": 0},
        {"recipe": Recipe((9, 9))},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ImageInput(8, **wrong)


def test_json_and_words() -> None:
    image = normalized_as("imagenet", ImageInput((8, 9)))
    row = json.loads(json.dumps(image.to_json()))
    assert row["shape"] == [3, 8, 9]
    assert row["recipe"]["size"] == [8, 9]
    assert str(image).startswith("3x8x9, 0..1 rgb, mean 0.485 0.456 0.406, std 0.229 0.224 0.225; ")


@pytest.mark.parametrize("words", ["none", "imagenet", "imagenet bgr", "103.9,116.8,123.7/1,2,3 0..255 bgr"])
def test_denormalize_is_the_way_back(words: str) -> None:
    image = normalized_as(words, ImageInput((4, 5)))
    pixels = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(image.denormalize(image.normalize(pixels)), pixels, atol=1e-5, rtol=0)
