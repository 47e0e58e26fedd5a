# SPDX-License-Identifier: Apache-2.0
"""Pictures of kernels, pixel by pixel."""

import numpy as np
import pytest

from pellucid.errors import InputError, UnknownName
from pellucid.kernels.bank import Bank
from pellucid.kernels.tiles import filter_tiles, scale_words, style_of


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
    assert filter_tiles(few)[0].shape == (2 * 5 - 1, 3 * 5 - 1, 3)
    assert filter_tiles(many)[0].shape == (8 * 4 - 1, 8 * 4 - 1, 3)


def test_each_channel_stands_in_its_panel_in_reading_order() -> None:
    weights = np.linspace(-1, 1, 4).reshape(1, 4, 1, 1)
    tile = filter_tiles(Bank.of(weights))[0]
    assert tile[::2, ::2, 0].tolist() == [[0, 85], [170, 255]]


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
