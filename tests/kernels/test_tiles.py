# SPDX-License-Identifier: Apache-2.0
"""Pictures of kernels, pixel by pixel."""

import numpy as np
import pytest

from pellucid.errors import InputError, UnknownName
from pellucid.kernels.bank import Bank
from pellucid.kernels.tiles import band_colors, filter_tiles, scale_words, style_of


def test_a_red_filter_is_red_and_its_negative_is_cyan() -> None:
    weights = np.zeros((2, 3, 2, 2))
    weights[0, 0], weights[1, 0] = 0.01, -0.01
    red, cyan = filter_tiles(Bank.of(weights))
    assert (red == [255, 128, 128]).all()
    assert (cyan == [0, 128, 128]).all()


def test_own_and_shared_scales() -> None:
    bank = Bank.of(np.array([1.0, 0.5]).reshape(2, 1, 1, 1))
    assert [tile[0, 0, 0] for tile in filter_tiles(bank, scale="own")] == [255, 255]
    assert [tile[0, 0, 0] for tile in filter_tiles(bank, scale="shared")] == [255, 191]
    assert "each on a scale of its own" in scale_words(bank, scale="own", style="color")[1]
    assert "largest |weight|, 1, in" in scale_words(bank, scale="shared", style="color")[1]


def test_many_channels_are_panels_and_very_many_are_signed_maps() -> None:
    few, many = Bank.of(np.ones((1, 5, 4, 4))), Bank.of(np.ones((1, 64, 3, 3)))
    assert (style_of(few), style_of(many)) == ("panels", "signed")
    # Each weight three pixels, a seam of two.
    assert filter_tiles(few)[0].shape == (2 * 14 - 2, 3 * 14 - 2, 3)
    assert filter_tiles(many)[0].shape == (8 * 14 - 2, 8 * 14 - 2, 3)
    huge = Bank.of(np.ones((1, 256, 3, 3)))
    assert filter_tiles(huge)[0].shape == (16 * 4 - 1, 16 * 4 - 1, 3)


def test_each_channel_stands_in_its_panel_in_reading_order() -> None:
    weights = np.linspace(-1, 1, 4).reshape(1, 4, 1, 1)
    tile = filter_tiles(Bank.of(weights))[0]
    assert tile[::14, ::14, 0].tolist() == [[0, 85], [170, 255]]


def test_bands_add_up_in_their_colors() -> None:
    weights = np.zeros((1, 4, 1, 2))
    weights[0, 3, 0, 0], weights[0, 1, 0, 1] = 1, -1
    bank = Bank.of(weights, channels=("blue", "green", "red", "infrared"))
    bands = {"blue": (0, 0, 1), "green": (0, 1, 0), "red": (1, 0, 0), "infrared": (1, 0, 0)}
    assert filter_tiles(bank, bands=bands)[0].tolist() == [[[255, 128, 128], [128, 0, 128]]]
    with pytest.raises(UnknownName, match="'infrared'"):
        filter_tiles(bank, bands={"blue": (0, 0, 1), "green": (0, 1, 0), "red": (1, 0, 0)})
    with pytest.raises(InputError, match="three numbers"):
        filter_tiles(bank, bands=dict.fromkeys(bank.channels, (1, 0)))


def test_three_channels_that_are_no_colors_are_not_drawn_as_colors() -> None:
    bank = Bank.of(np.ones((1, 3, 2, 2)), channels=("x", "y", "z"))
    assert style_of(bank) == "panels"
    with pytest.raises(InputError, match="no colors"):
        filter_tiles(bank, style="color")


def test_unknown_words_are_answered_with_known_ones() -> None:
    with pytest.raises(UnknownName, match="did you mean shared"):
        filter_tiles(Bank.of(np.ones((1, 1, 2, 2))), scale="share")
    with pytest.raises(UnknownName, match="did you mean panels"):
        filter_tiles(Bank.of(np.ones((1, 1, 2, 2))), style="panel")


def test_a_signal_is_a_bar_chart() -> None:
    weights = np.array([1.0, 0.5, 0, -0.25]).reshape(1, 1, 4)
    bank = Bank.of(weights)
    assert style_of(bank) == "bars"
    tile = filter_tiles(bank)[0]
    assert tile.shape == (25, 48, 3)
    red = (tile[:, ::12] == tile[0, 0]).all(-1).sum(0)  # the color of the first, full bar
    assert red.tolist() == [12, 6, 0, 0]
    blue = (tile[13:16, 36] == tile[13, 36]).all(-1)
    assert blue.all()
    assert (tile[16:, 36] == tile[0, 36]).all()


def test_a_volume_shows_its_slices_in_color() -> None:
    weights = np.zeros((1, 3, 2, 12, 12))
    weights[0, 0, 1] = 1  # red in the second slice
    bank = Bank.of(weights)
    assert (style_of(bank), bank.is_color, bank.words) == (
        "slices",
        True,
        "1 filter of 2x12x12 on red, green, blue",
    )
    tile = filter_tiles(bank)[0]
    assert tile[0, 0].tolist() == [128, 128, 128]
    assert tile[0, 14].tolist() == [255, 128, 128]


def test_the_places_of_the_panels_are_said() -> None:
    bank = Bank.of(np.ones((1, 4, 5, 5)), channels=("blue", "green", "red", "infrared"))
    assert scale_words(bank, scale="own", style="panels")[0].endswith(": blue, green / red, infrared")


def test_bands_by_number() -> None:
    bank = Bank.of(np.ones((1, 4, 3, 3)))
    assert band_colors(bank, "3,2,1") == {"0": (0, 0, 0), "1": (0, 0, 1), "2": (0, 1, 0), "3": (1, 0, 0)}
    for words in ("3,2", "4,2,1", ""):
        with pytest.raises(InputError, match="there is 0 to 3"):
            band_colors(bank, words)
