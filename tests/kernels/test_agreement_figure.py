# SPDX-License-Identifier: Apache-2.0
"""The figure shows the numbers it is about, at the places they belong to."""

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.kernels.agreement import Probe, agreement
from pellucid.kernels.agreement_figure import agreement_figure
from pellucid.kernels.named import kernel_from
from pellucid.kernels.page import Frame, Label, Page, Raster

HALVES = np.repeat([80, 200], 5)[:, None].repeat(14, 1).astype(np.uint8)


def words(page: Page) -> list[str]:
    return [mark.words for mark in page.marks if isinstance(mark, Label)]


def rasters(page: Page) -> list[Raster]:
    return [mark for mark in page.marks if isinstance(mark, Raster)]


def boxes(page: Page) -> list[Frame]:
    return [mark for mark in page.marks if isinstance(mark, Frame) and mark.outline == "#ffffff"]


def test_patch_filter_product_and_sum_are_written_out() -> None:
    found = agreement(HALVES, kernel_from("laplacian"))
    page = agreement_figure(HALVES, found.response, found.probe((3, 2)), title="a border")
    said = words(page)
    assert said[0] == "a border"
    for number in ("0.31", "0.78", "-4", "-1.25", "0.4706"):
        assert number in said
    assert [said.count(sign) for sign in "×="] == [1, 1]
    assert len(rasters(page)) == 5
    assert rasters(page)[3].pixels.shape == (3, 3, 3)
    assert "add up to 0.4706" in page.alt


def test_the_box_in_the_map_stands_over_the_middle_of_the_patch() -> None:
    for pad in (None, "zero"):
        found = agreement(HALVES, np.ones((3, 5)), pad=pad)
        page = agreement_figure(HALVES, found.response, found.probe((2, 4)))
        picture, map_ = rasters(page)[:2]
        in_image, in_map = boxes(page)
        scale = picture.width / HALVES.shape[1]
        assert map_.width / found.response.shape[1] == pytest.approx(scale)
        across = [box.x + box.width / 2 for box in (in_image, in_map)]
        down = [box.y + box.height / 2 for box in (in_image, in_map)]
        assert down[0] == pytest.approx(down[1])
        left = in_map.x + in_map.width / 2 - map_.x
        assert left == pytest.approx(4.5 * scale)
        # The whole map is shifted by one column of the page: so much lies between the image and its frame.
        frame = next(mark for mark in page.marks if isinstance(mark, Frame) and mark.width == picture.width)
        assert across[1] - across[0] == pytest.approx(frame.x - picture.x)


def test_a_stride_spreads_the_map_over_the_image() -> None:
    response = np.arange(4 * 6, dtype=float).reshape(4, 6)
    probe = Probe(1, 2, (4, 2, 7, 5), np.ones((3, 3)), np.ones((3, 3)))
    page = agreement_figure(HALVES, response, probe, stride=(2, 2))
    picture, map_ = rasters(page)[:2]
    assert map_.width == pytest.approx(picture.width * 12 / 14)
    assert map_.height == pytest.approx(picture.height * 8 / 10)


def test_numbers_stand_up_to_11_by_11_and_are_left_out_beyond() -> None:
    image = np.random.default_rng(0).uniform(size=(40, 40))
    pixels = (255 * image).astype(np.uint8)
    for side, expected in ((11, 3 * 121), (25, 0)):
        found = agreement(image, np.random.default_rng(1).normal(size=(side, side)))
        page = agreement_figure(pixels, found.response, found.probe())
        cells = [mark for mark in page.marks if isinstance(mark, Label) and mark.anchor == "middle"]
        assert len(cells) - 2 == expected  # the two signs
        assert all(mark.letters >= 6.5 for mark in cells)


def test_a_color_filter_is_drawn_in_color_and_says_what_each_channel_adds() -> None:
    random = np.random.default_rng(0)
    patch, weights = random.uniform(size=(3, 7, 7)), np.zeros((3, 7, 7))
    weights[0], weights[2, 0, 0] = 1, 0.5
    probe = Probe(0, 0, (0, 0, 7, 7), patch, weights, bias=-1.5)
    page = agreement_figure(HALVES, np.ones((2, 4)), probe, stride=(2, 2))
    assert (rasters(page)[3].pixels[1:] == [255, 128, 128]).all()
    assert f"{patch[0, 0, 0] + 0.5 * patch[2, 0, 0]:.2f}" in words(page)
    said = words(page)
    assert f"red {patch[0].sum():.3g}" in said
    assert "green 0" in said
    assert any(word.startswith("bias") for word in said)


def test_figures_of_other_channels_are_drawn_and_odd_ranks_refused() -> None:
    probe = Probe(0, 0, (0, 0, 3, 3), np.ones((5, 3, 3)), np.ones((5, 3, 3)))
    assert "mean of channels" in " ".join(words(agreement_figure(HALVES, np.ones((2, 2)), probe)))
    with pytest.raises(InputError, match=r"\(h, w\) and \(kh, kw\)"):
        agreement_figure(HALVES, np.ones((2, 2, 3)), probe)


def test_a_response_of_nothing_is_black() -> None:
    probe = Probe(0, 0, (0, 0, 3, 3), np.zeros((3, 3)), np.ones((3, 3)))
    page = agreement_figure(HALVES, np.zeros((8, 12)), probe)
    assert (rasters(page)[1].pixels == 0).all()
    assert page.png().startswith(b"\x89PNG")
    assert page.svg().startswith("<svg")


def test_small_products_are_written_times_a_power_of_ten_that_the_caption_says() -> None:
    found = agreement(HALVES, np.full((3, 3), 0.004))
    said = words(agreement_figure(HALVES, found.response, found.probe((1, 2))))
    # 0.004 times 80/255 is 0.0012549: thirteen ten-thousandths; the filter itself forty.
    assert said.count("13") == 9
    assert said.count("40") == 9
    assert "product, times 10,000" in said
    assert any(one.endswith("times 10,000") and "filter" in one for one in said)


@pytest.mark.parametrize("corner", [(0, 0), (9, 13)])
def test_a_patch_beyond_the_border_is_boxed_as_far_as_it_is_in_the_image(corner: tuple[int, int]) -> None:
    found = agreement(HALVES, np.ones((5, 5)), pad="zero")
    page = agreement_figure(HALVES, found.response, found.probe(corner))
    picture, box = rasters(page)[0], boxes(page)[0]
    assert box.x >= picture.x - 1
    assert box.y >= picture.y - 1
    assert box.x + box.width <= picture.x + picture.width + 1
    assert box.y + box.height <= picture.y + picture.height + 1
    assert any("cut by the border" in one for one in words(page))


def test_a_map_that_misses_the_image_by_half_a_cell_covers_it() -> None:
    """As under a strided convolution with padding: its first patch is centered on the first pixel, not on the first cell."""
    probe = Probe(0, 0, (-1, -1, 2, 2), np.ones((3, 3)), np.ones((3, 3)))
    page = agreement_figure(HALVES, np.ones((5, 7)), probe, stride=(2, 2))
    picture, map_ = rasters(page)[:2]
    assert (map_.width, map_.height, map_.y) == pytest.approx((picture.width, picture.height, picture.y))


def test_a_dead_filter_is_called_dead_and_a_bias_that_is_most_of_it_so() -> None:
    dead = Probe(1, 1, (1, 1, 4, 4), np.ones((3, 3)), np.zeros((3, 3)), bias=-1.0)
    said = " ".join(words(agreement_figure(HALVES, np.full((8, 12), -1.0), dead)))
    assert "-1 everywhere: a dead filter" in said.replace("\N{MINUS SIGN}", "-")
    assert "most of it" in said
    live = Probe(1, 1, (1, 1, 4, 4), np.ones((3, 3)), np.ones((3, 3)), bias=1.0)
    said = " ".join(words(agreement_figure(HALVES, np.ones((8, 12)), live)))
    assert "dead" not in said
    assert "most of it" not in said


def test_a_bias_beside_larger_shares_that_cancel_is_not_most_of_it() -> None:
    filter_ = np.stack([np.full((3, 3), 1.0), np.full((3, 3), -1.3), np.zeros((3, 3))])
    probe = Probe(1, 1, (1, 1, 4, 4), np.ones((3, 3, 3)), filter_, bias=3.0)
    said = " ".join(words(agreement_figure(HALVES, np.ones((8, 12)), probe)))
    assert "bias 3" in said
    assert "most of it" not in said
