# SPDX-License-Identifier: Apache-2.0
"""One image as a net is fed it: the same pixels from every form of it, and one line for what is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pellucid.errors import InputError, UnknownName
from pellucid.models import ImageInput, Net, fed_image, fed_pixels, load

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)


def net_of(channels: int = 3) -> Net:
    return load(nn.Conv2d(channels, 2, 3), input=ImageInput((12, 18), channels))


def test_a_file_a_picture_an_array_and_a_tensor_give_the_same_pixels(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "one.png")
    np.save(tmp_path / "last.npy", PIXELS)
    np.save(tmp_path / "first.npy", PIXELS.transpose(2, 0, 1))
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1).float() / 255
    forms = [
        tmp_path / "one.png",
        str(tmp_path / "last.npy"),
        tmp_path / "first.npy",
        Image.fromarray(PIXELS),
        PIXELS,
        PIXELS / 255,
        tensor,
        tensor[None].double(),
    ]
    for form in forms:
        torch.testing.assert_close(fed_pixels(form, net_of()), tensor, atol=1e-7, rtol=0)


def test_a_picture_of_another_size_goes_through_the_recipe() -> None:
    found = fed_image(Image.fromarray(PIXELS).resize((60, 24)), net_of())
    assert found.values.shape == (12, 18, 3)
    assert found.item.size == (60, 24)
    assert found.placement.to_item_box(0, 0, 18, 12) == (12, 0, 48, 24)  # the middle of the wide picture


def test_gray_and_many_channels() -> None:
    gray = fed_pixels(Image.fromarray(PIXELS[..., 0]), net_of(1))
    np.testing.assert_allclose(gray[0], PIXELS[..., 0] / 255, atol=1e-7)
    bands = np.random.default_rng(1).random((12, 18, 12), np.float32)
    np.testing.assert_array_equal(fed_pixels(bands, net_of(12)).permute(1, 2, 0), bands)
    assert fed_image(bands, net_of(12)).picture.size == (18, 12)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (PIXELS[:6], r"shape \(6, 18, 3\) was given; .* is fed 12x18x3, height x width x channels"),
        (PIXELS.astype(int), "numbers outside 0..1"),
        (torch.full((3, 12, 18), float("nan")), "numbers outside 0..1"),
        (torch.zeros(4, 12, 18), r"a tensor of shape \(4, 12, 18\) .* is fed 3x12x18"),
        (torch.zeros(3, 12, 18, dtype=torch.uint8), "floats in 0..1"),
    ],
)
def test_what_is_no_image_of_this_net_is_refused_in_one_line(image: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fed_pixels(image, net_of())


def test_files_that_hold_no_image(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="there is no picture"):
        fed_pixels(tmp_path / "none.png", net_of())
    for name in ("bad.png", "bad.npy"):
        (tmp_path / name).write_bytes(b"words")
        with pytest.raises(InputError, match=name):
            fed_pixels(tmp_path / name, net_of())
    Image.fromarray(PIXELS).save(tmp_path / "one.png")
    with pytest.raises(InputError, match="takes 12 channels"):
        fed_pixels(tmp_path / "one.png", net_of(12))
