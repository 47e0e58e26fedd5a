# SPDX-License-Identifier: Apache-2.0
"""The presets' distributions, and the one warp against the steps done one by one by SciPy."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
import torch

from pellucid.ascent.streams import stream
from pellucid.ascent.transforms import TRANSFORMS, Draws, Transforms, affine, view_maps, warped

MANY = 60_000


def shares(values):
    counted = Counter(np.round(np.asarray(values), 6).tolist())
    return {value: count / len(values) for value, count in sorted(counted.items())}


def assert_uniform_on(values, wanted):
    found = shares(values)
    assert list(found) == pytest.approx(sorted(wanted))
    assert max(abs(share - 1 / len(wanted)) for share in found.values()) < 0.01


def drawn(name):
    return TRANSFORMS[name](224, 224).draws(stream(0, "test"), MANY)


def test_lucid_draws_what_its_standard_transforms_draw():
    draws = drawn("lucid")
    assert_uniform_on(draws.scale, [0.9, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1])
    turns = shares(draws.angle)
    assert list(turns) == list(range(-10, 11))
    assert turns[0] == pytest.approx(6 / 26, abs=0.01)
    assert max(abs(share - 1 / 26) for angle, share in turns.items() if angle) < 0.005
    for axis in (0, 1):
        assert_uniform_on(draws.first_shift[:, axis], range(-4, 5))
        assert_uniform_on(draws.second_shift[:, axis], range(-2, 3))
    assert TRANSFORMS["lucid"](224, 224).pad == 12


def test_distill2017_draws_what_the_article_says():
    draws = drawn("distill2017")
    assert_uniform_on(draws.scale, [0.95, 0.975, 1.0, 1.025, 1.05])
    assert_uniform_on(draws.angle, range(-5, 6))
    for axis in (0, 1):
        assert_uniform_on(draws.first_shift[:, axis], range(-8, 9))
        assert_uniform_on(draws.second_shift[:, axis], range(-4, 5))
    assert TRANSFORMS["distill2017"](224, 224).pad == 16


@pytest.mark.parametrize(
    ("field", "first", "second", "pad", "reach"),
    [
        (3, 1, 1, 1, 0.3125),
        (24, 2, 1, 3, 2.5),
        (48, 4, 2, 6, 5.0),
        (96, 8, 4, 12, 10.0),
        (500, 8, 4, 12, 10.0),
    ],
)
def test_auto_grows_with_the_receptive_field_up_to_lucid(field, first, second, pad, reach):
    preset = TRANSFORMS["auto"](field, 224)
    draws = preset.draws(stream(0, "test"), MANY)
    for shift, jitter in ((draws.first_shift, first), (draws.second_shift, second)):
        for axis in (0, 1):
            assert_uniform_on(shift[:, axis], np.arange(jitter + 1) - jitter / 2)
    turns = shares(draws.angle)
    assert max(turns) == -min(turns) == reach
    assert turns[0] == pytest.approx(6 / 26, abs=0.01)
    assert_uniform_on(draws.scale, 1 + reach / 100 * np.linspace(-1, 1, 11))
    assert preset.pad == pad
    lucid = TRANSFORMS["lucid"](field, 224)
    assert (replace(preset, name="lucid") == lucid) == (field >= 96)


@pytest.mark.parametrize(
    ("side", "first", "second", "reach"), [(8, 1, 1, 10 / 12), (28, 2, 1, 280 / 96), (96, 8, 4, 10.0)]
)
def test_fitted_is_lucid_in_proportion_to_a_small_picture(
    side: int, first: int, second: int, reach: float
) -> None:
    preset = TRANSFORMS["fitted"](3, side)  # whatever the unit sees
    assert (preset.first_jitter, preset.second_jitter) == (first, second)
    assert max(preset.angles) == pytest.approx(reach)
    lucid = TRANSFORMS["lucid"](3, side)
    assert (replace(preset, name="lucid") == lucid) == (side >= 96)


def test_all_draws_are_independent():
    draws = drawn("lucid")
    columns = np.column_stack([draws.first_shift, draws.scale, draws.angle, draws.second_shift])
    assert np.abs(np.corrcoef(columns.T) - np.eye(6)).max() < 0.02


def test_a_longer_run_begins_with_the_draws_of_a_shorter():
    short, long = (TRANSFORMS["lucid"](224, 224).draws(stream(0, "x"), views) for views in (5, 50))
    assert np.array_equal(short.angle, long.angle[:5])
    assert np.array_equal(short.first_shift, long.first_shift[:5])


def one(first=(0, 0), scale=1.0, angle=0.0, second=(0, 0)):
    return Draws(np.array([first], float), np.array([scale]), np.array([angle]), np.array([second], float))


def seen(picture, draws, gray=True):
    """`picture` (H, W) through the warp."""
    matrices = torch.from_numpy(affine(draws)).float()
    return warped(torch.from_numpy(picture)[None, None].float(), matrices, gray=gray)[0, 0].numpy()


def smooth(height, width, seed=0):
    noise = np.random.default_rng(seed).normal(size=(height, width))
    blurred = scipy.ndimage.gaussian_filter(noise, 4) * np.hanning(height)[:, None] * np.hanning(width)
    return 0.5 + 0.4 * blurred / np.abs(blurred).max()


@pytest.mark.parametrize(("height", "width", "error"), [(96, 96, 1e-5), (33, 50, 1e-5), (224, 160, 3e-5)])
def test_the_identity_returns_the_picture(height, width, error):
    # Even noise: grid_sample counts positions in float32 from -1 to 1, so the error grows with the side.
    picture = np.random.default_rng(0).random((height, width))
    assert np.abs(seen(picture, one()) - picture).max() < error
    assert np.abs(seen(picture, one(), gray=False) - picture).max() < error


def test_a_whole_shift_is_a_crop_surrounded_by_gray():
    picture = np.random.default_rng(0).random((20, 30))
    found = seen(picture, one(first=(3, -2)))
    np.testing.assert_allclose(found[:17, 2:], picture[3:, :28], atol=1e-5)
    np.testing.assert_allclose(found[17:], 0.5, atol=1e-5)
    np.testing.assert_allclose(found[:, :2], 0.5, atol=1e-5)
    np.testing.assert_allclose(seen(picture, one(second=(3, -2))), found, atol=1e-5)
    np.testing.assert_allclose(
        seen(picture, one(first=(3, -2)), gray=False)[17:, 2:], picture[[19] * 3, :28], atol=1e-5
    )


def test_a_quarter_turn_is_counterclockwise():
    picture = np.random.default_rng(0).random((16, 16))
    np.testing.assert_allclose(seen(picture, one(angle=90.0)), np.rot90(picture), atol=1e-5)


def test_the_second_shift_is_in_the_turned_and_scaled_view():
    picture = np.random.default_rng(0).random((16, 16))
    found = seen(picture, one(angle=90.0, second=(2, 0)))
    np.testing.assert_allclose(found[:14], np.rot90(picture)[2:], atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_the_warp_is_the_steps_one_by_one(seed):
    """Pad, crop, zoom, turn, crop, the middle of what is left, each by SciPy; it resamples otherwise, so smooth pictures."""
    chance = np.random.default_rng(seed)
    height, width, pad, first, second = 60, 84, 24, 8, 4
    picture = smooth(height, width, seed)
    # Offsets of the crops, a zoom between even sizes near the scale drawn, an angle.
    early, late, angle = (
        chance.integers(0, first + 1, 2),
        chance.integers(0, second + 1, 2),
        chance.uniform(-10, 10),
    )
    image = np.pad(picture, pad, constant_values=0.5)
    image = image[early[0] :, early[1] :][: image.shape[0] - first, : image.shape[1] - first]
    scale = chance.choice([0.95, 1.05])
    image = scipy.ndimage.zoom(image, scale, order=3, mode="grid-constant", cval=0.5, grid_mode=True)
    image = scipy.ndimage.rotate(image, angle, reshape=False, order=3, mode="constant", cval=0.5)
    image = image[late[0] :, late[1] :][: image.shape[0] - second, : image.shape[1] - second]
    top, left = (image.shape[0] - height) / 2, (image.shape[1] - width) / 2
    wanted = scipy.ndimage.shift(image, (-top, -left), order=3)[:height, :width]
    found = seen(picture, one(early - first / 2, scale, angle, late - second / 2))
    assert np.abs(found - wanted).max() < 0.01
    assert np.abs(found - picture).max() > 0.05


def test_each_picture_gets_its_own_map_and_gradient_flows_back():
    pictures = torch.rand(2, 3, 12, 12, requires_grad=True)
    maps = torch.from_numpy(np.concatenate([affine(one()), affine(one(first=(12, 0)))])).float()
    views = warped(pictures, maps, gray=True)
    torch.testing.assert_close(views[0], pictures[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(views[1], torch.full_like(views[1], 0.5))
    views.sum().backward()
    torch.testing.assert_close(pictures.grad[0], torch.ones(3, 12, 12), atol=1e-4, rtol=0)
    assert pictures.grad[1].abs().max() == 0


def test_maps_of_all_steps_are_each_streams_own():
    maps = view_maps(TRANSFORMS["lucid"](224, 224), [stream(0, "a"), stream(0, "b")], 5)
    assert maps.shape == (5, 2, 2, 3)
    alone = view_maps(TRANSFORMS["lucid"](224, 224), [stream(0, "b")], 5)
    assert torch.equal(maps[:, 1], alone[:, 0])
    assert not torch.equal(maps[:, 0], maps[:, 1])


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_preset_says_what_it_is(name):
    preset = TRANSFORMS[name](224, 224)
    assert preset.name == name
    assert preset.to_json()["scales"] == list(preset.scales)
    assert preset.identity == (name == "none")
    assert Transforms("one angle", angles=(1.0,)).identity is False
