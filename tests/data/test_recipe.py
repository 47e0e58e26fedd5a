# SPDX-License-Identifier: Apache-2.0
"""Preprocessing is torchvision's, bit for bit, and boxes find their way back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from pellucid.data import INTERPOLATIONS, ItemProblem, Recipe, fed
from pellucid.errors import InputError


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def by_torchvision(image: Image.Image, recipe: Recipe) -> np.ndarray:
    resize = recipe.resize or recipe.size[0]
    steps = [
        transforms.Resize(resize, transforms.InterpolationMode(recipe.interpolation)),
        transforms.CenterCrop(recipe.size),
    ]
    pixels = np.asarray(transforms.Compose(steps)(image.convert("L" if recipe.channels == 1 else "RGB")))
    return pixels.reshape(*recipe.size, recipe.channels)


SIDES = st.integers(1, 70)


@settings(deadline=None)
@given(
    SIDES, SIDES, SIDES, st.none() | SIDES, st.sampled_from(sorted(INTERPOLATIONS)), st.sampled_from([1, 3])
)
def test_fed_pixels_are_those_of_resize_and_center_crop(
    width: int, height: int, side: int, resize: int | None, interpolation: str, channels: int
) -> None:
    image = noise(width, height)
    recipe = Recipe((side, side), resize, interpolation, channels)
    pixels, placement = fed(image, recipe)
    assert pixels.dtype == np.uint8
    assert placement.item == (width, height)
    if image.size == (side, side):
        untouched = image.convert("L") if channels == 1 else image
        assert np.array_equal(pixels, np.asarray(untouched).reshape(side, side, channels))
    else:
        assert np.array_equal(pixels, by_torchvision(image, recipe))


@settings(deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, SIDES)
def test_an_oblong_input_with_a_resize_is_torchvisions_too(w: int, h: int, fh: int, fw: int, r: int) -> None:
    recipe = Recipe((fh, fw), r)
    if (w, h) != (fw, fh):
        assert np.array_equal(fed(noise(w, h), recipe)[0], by_torchvision(noise(w, h), recipe))


@settings(deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_an_oblong_input_without_a_resize_is_covered_by_the_smallest_resize(
    w: int, h: int, fh: int, fw: int
) -> None:
    resized = Recipe((fh, fw)).place((w, h)).resized
    assert resized[0] >= fw
    assert resized[1] >= fh
    assert resized[0] == fw or resized[1] == fh


def test_an_item_of_the_input_size_is_fed_untouched_whatever_the_recipe_resizes_to() -> None:
    image = noise(32, 32)
    pixels, placement = fed(image, Recipe((32, 32), resize=40))
    assert np.array_equal(pixels, np.asarray(image))
    assert placement.to_item_box(3, 4, 10, 12) == (3, 4, 10, 12)


@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.none() | st.integers(1, 60), st.data())
def test_a_box_holds_the_item_pixels_that_its_fed_pixels_came_from(
    width: int, height: int, side: int, resize: int | None, data: st.DataObject
) -> None:
    # Red is x and green is y; nearest neighbors carry the item's own coordinates into the fed pixels. Blue tells
    # items from the black around them.
    grid = np.stack(np.broadcast_arrays(np.arange(width), np.arange(height)[:, None], 255), -1)
    pixels, placement = fed(Image.fromarray(grid.astype(np.uint8)), Recipe((side, side), resize, "nearest"))
    x0, y0 = data.draw(st.integers(-5, side)), data.draw(st.integers(-5, side))
    x1, y1 = data.draw(st.integers(x0, side + 5)), data.draw(st.integers(y0, side + 5))
    left, top, right, bottom = placement.to_item_box(x0, y0, x1, y1)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    seen = pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)].reshape(-1, 3)
    seen = seen[seen[:, 2] == 255].astype(int)
    if len(seen):
        assert left <= seen[:, 0].min()
        assert seen[:, 0].max() < right
        assert top <= seen[:, 1].min()
        assert seen[:, 1].max() < bottom
        # No wider than two item pixels, or one fed pixel's share of the item, on each side.
        slack = [
            2 + -(-item // resized) for item, resized in zip(placement.item, placement.resized, strict=True)
        ]
        assert seen[:, 0].min() - left <= slack[0]
        assert right - 1 - seen[:, 0].max() <= slack[0]
        assert seen[:, 1].min() - top <= slack[1]
        assert bottom - 1 - seen[:, 1].max() <= slack[1]


def test_a_known_box() -> None:
    # 500 x 375, shorter side to 256: 341 x 256; the crop of 224 starts at (341 - 224) / 2 = 58.5 -> 58 and 16.
    placement = Recipe((224, 224), 256).place((500, 375))
    assert (placement.resized, placement.offset) == ((341, 256), (58, 16))
    # x: (10 + 58) * 500 / 341 = 99.7, (20 + 58) * 500 / 341 = 114.4; y: 16 * 375 / 256 = 23.4, 240 -> 351.6
    assert placement.to_item_box(10, -7, 20, 900) == (99, 23, 115, 352)


def test_a_needle_is_refused_instead_of_filling_the_memory() -> None:
    with pytest.raises(ItemProblem, match=r"1 x 30000 px is too narrow: resized it is 224 x 6720000"):
        fed(Image.new("RGB", (1, 30000)), Recipe((224, 224)))


def test_a_recipe_survives_json_and_speaks() -> None:
    recipe = Recipe((64, 80), None, "bicubic", 1)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert str(recipe).startswith("gray, resized to cover 64x80 (bicubic), center crop 64x80")
    assert "shorter side resized to 224" in str(Recipe((224, 224)))


@pytest.mark.parametrize(
    "wrong", [{"size": (0, 3)}, {"size": (3, 3), "resize": 0}, {"size": (3, 3), "channels": 0}]
)
def test_senseless_recipes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Recipe(**wrong)
    with pytest.raises(InputError, match="no interpolation 'cubic'; there is nearest"):
        Recipe((3, 3), interpolation="cubic")


def test_a_picture_has_no_fourth_channel() -> None:
    with pytest.raises(ItemProblem, match="takes 4 channels; a picture has red, green and blue"):
        fed(Image.new("RGB", (3, 3)), Recipe((3, 3), channels=4))
