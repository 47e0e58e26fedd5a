# SPDX-License-Identifier: Apache-2.0
"""Maps as pictures: what is black, what is red, and that nothing strong is lost when a map is made smaller."""

import numpy as np
import pytest

from pellucid.errors import InputError, UnknownName
from pellucid.kernels.page import Label, Raster
from pellucid.kernels.response_picture import response_pixels, response_reach
from pellucid.kernels.response_sheet import response_sheet


def test_the_strongest_of_a_block_survives_reduction() -> None:
    values = np.zeros((200, 200))
    values[101, 50], values[101, 51] = -1, 0.9
    pixels = response_pixels(values, reach=1, most=(50, 50))
    assert pixels.shape == (50, 50, 3)
    assert pixels[25, 12, 2] > 200 > pixels[25, 12, 0]
    assert (pixels.reshape(-1, 3).sum(1) > 0).sum() == 1
    assert response_pixels(values[:55, :33], reach=1, most=(50, 50)).shape == (55, 33, 3)


def test_full_color_leaves_out_the_strongest_half_percent() -> None:
    values = np.full(1000, 0.5)
    values[0] = -40
    assert response_reach(values) == 0.5
    assert response_reach(np.zeros(10)) == 0
    rare = np.zeros(1000)
    rare[0] = -3
    assert response_reach(rare) == 3


def sheet_parts(*args, **kwargs) -> tuple[list[Raster], list[str]]:
    page = response_sheet(*args, **kwargs)
    return (
        [mark for mark in page.marks if isinstance(mark, Raster)],
        [mark.words for mark in page.marks if isinstance(mark, Label)],
    )


def test_every_map_once_after_the_image_with_its_unit() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 12, 16))
    maps[2] = 0
    pictures, words = sheet_parts(
        maps, image=np.full((24, 32, 3), 9, np.uint8), title="conv1 on a photograph"
    )
    assert len(pictures) == 6
    assert words[0] == "conv1 on a photograph"
    assert "blue below" in words[1]
    assert words[3] == "the image"
    assert [word.split(" ")[0] for word in words[4:]] == ["0", "1", "2", "3", "4"]
    assert (pictures[0].pixels == 9).all()
    assert (pictures[3].pixels == 0).all()


def test_shared_scale_makes_the_weak_map_dark_and_units_choose() -> None:
    maps = np.stack([np.full((4, 4), 1.0), np.full((4, 4), 0.1)])
    own, _ = sheet_parts(maps)
    shared, words = sheet_parts(maps, scale="shared", units=[1, 0])
    assert np.array_equal(own[0].pixels, own[1].pixels)
    assert shared[0].pixels.max() < shared[1].pixels.max()
    assert "none is below 0" in words[1]
    assert words[3:] == ["1", "0"]


def test_what_cannot_be_drawn_is_refused() -> None:
    maps = np.ones((2, 4, 4))
    with pytest.raises(InputError, match="units run from 0 to 1"):
        response_sheet(maps, units=[2])
    with pytest.raises(InputError, match=r"\(K, h, w\)"):
        response_sheet(maps[0])
    with pytest.raises(UnknownName, match="did you mean own"):
        response_sheet(maps, scale="owns")


def test_units_that_see_the_whole_image_share_a_scale_and_say_their_number() -> None:
    page = response_sheet(np.array([1.0, 0.25, 0.0]).reshape(3, 1, 1))
    colors = [int(mark.pixels.astype(int).sum()) for mark in page.marks if isinstance(mark, Raster)]
    assert colors[0] > colors[1] > colors[2] == 0
    said = [mark.words for mark in page.marks if isinstance(mark, Label)]
    assert any("sees the whole image" in one for one in said)
    assert [one.split()[-1] for one in said[-3:]] == ["1", "0.25", "0"]
