# SPDX-License-Identifier: Apache-2.0
"""The sheet shows every filter once, says how to read it, and refuses what cannot be drawn."""

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.kernels.bank import Bank
from pellucid.kernels.filter_sheet import SheetStyle, filter_sheet
from pellucid.kernels.order import ORDERS, filter_order
from pellucid.kernels.page import Label, Page, Raster
from pellucid.kernels.reading import LayerReading, read


@pytest.fixture(scope="module")
def layer(gabor) -> tuple[Bank, LayerReading]:
    random = np.random.default_rng(0)
    filters = [gabor(7, 30 * number, 0.25, sigma=1.5) for number in range(5)]
    bank = Bank.of([*filters, *random.normal(size=(2, 3, 7, 7))], layer="conv1")
    return bank, read(bank)


def units(page: Page) -> list[int]:
    return [int(mark.words) for mark in page.marks if isinstance(mark, Label) and mark.words.isdigit()]


@pytest.mark.parametrize("order", ORDERS)
def test_every_filter_stands_once_in_the_order_asked(layer: tuple[Bank, LayerReading], order: str) -> None:
    page = filter_sheet(*layer, style=SheetStyle(order=order))
    assert tuple(units(page)) == filter_order(*layer, order)
    assert page.image().size == (2 * page.width, 2 * page.height)
    inside = [mark for mark in page.marks if isinstance(mark, Raster)]
    assert all(mark.x + mark.width <= page.width and mark.y + mark.height <= page.height for mark in inside)


def test_each_tile_shows_the_filter_of_its_caption(layer: tuple[Bank, LayerReading]) -> None:
    page = filter_sheet(*layer, style=SheetStyle(order="norm", scale="shared"))
    tiles = [mark for mark in page.marks if isinstance(mark, Raster)]
    weights = layer[0].weights
    for unit, tile in zip(units(page), tiles, strict=True):
        expected = 127.5 + 127.5 * weights[unit].transpose(1, 2, 0) / np.abs(weights).max()
        assert np.abs(tile.pixels - expected).max() <= 0.51
        assert tile.width % 7 == 0  # every weight a whole number of pixels


def test_the_sheet_says_what_it_holds_and_how_to_read_it(layer: tuple[Bank, LayerReading]) -> None:
    words = [mark.words for mark in filter_sheet(*layer).marks if isinstance(mark, Label)]
    lines = " ".join(words)
    assert words[0] == "conv1"
    assert "7 filters of 7x7 on red, green, blue; middle gray is 0; each on a scale of its own" in lines
    assert "2 of 7 look untrained, none of 7 is dead" in lines
    assert "gabor · 5" in words
    assert "noise · 2" in words


def test_sheets_of_other_layers_are_drawn() -> None:
    for shape in ((3, 64, 3, 3), (4, 2, 9), (1, 1, 28, 28), (2, 5, 1, 1)):
        bank = Bank.of(np.random.default_rng(0).normal(size=shape))
        page = filter_sheet(bank, read(bank))
        assert sorted(units(page)) == list(range(shape[0]))
        assert page.svg().count("<image") == shape[0]


def test_a_sheet_without_room_is_refused(layer: tuple[Bank, LayerReading]) -> None:
    with pytest.raises(InputError, match="both start at 1"):
        filter_sheet(*layer, style=SheetStyle(columns=0))


def test_pairs_are_written_below_the_tiles() -> None:
    one = np.random.default_rng(0).normal(size=(1, 3, 7, 7))
    bank = Bank.of(np.concatenate([one, -one, np.random.default_rng(1).normal(size=(2, 3, 7, 7))]))
    words = [mark.words for mark in filter_sheet(bank, read(bank)).marks if isinstance(mark, Label)]
    assert {"0 = -1", "1 = -0", "2", "3"} <= set(words)
    assert any("1 negated pair" in word for word in words)


def test_a_deeper_layer_stands_in_its_own_order_without_families() -> None:
    bank = Bank.of(np.random.default_rng(0).normal(size=(5, 6, 3, 3)), deeper=True)
    page = filter_sheet(bank, read(bank))
    assert units(page) == [0, 1, 2, 3, 4]
    words = " ".join(mark.words for mark in page.marks if isinstance(mark, Label))
    assert "white is 0, blue below, red above; one panel for each input channel: 0, 1, 2 / 3, 4, 5" in words
    assert "edge" not in words


def test_a_filter_on_a_whole_photograph_is_not_drawn_weight_by_weight() -> None:
    bank = Bank.of(np.random.default_rng(0).normal(size=(3, 1, 200, 150)))
    page = filter_sheet(bank, read(bank))
    assert max(page.width, page.height) < 600
    assert "averaged 7 to 1" in page.alt
