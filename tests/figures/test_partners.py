# SPDX-License-Identifier: Apache-2.0
"""Partners: their maps in one scale, their pictures and links where a page knows them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pellucid.figures import Blob, Partner, Partners, Picture
from pellucid.figures.partners import Neighbor, signed_image, small_map

FIGURE = Partners(
    (Partner("conv2:3", 1.5, ((0.0, -2.0), (1.0, 0.0))), Partner("conv2:9", -0.5, ((0.5, 0.0), (0.0, 0.0)))),
    "weights",
)


def link(blob: Blob) -> str:
    return f"../blob/{blob.hash}.png"


def test_a_page_shows_the_pictures_that_it_knows_and_links_to_them() -> None:
    picture = Picture.of(np.full((8, 8, 3), 90, np.uint8), {})
    known = {"conv2:3": Neighbor("../layer/2/3.html", picture, "tabby")}
    html = FIGURE.html(link, known.get)
    assert html.count('href="../layer/2/3.html"') == 1
    assert f'src="../blob/{picture.blob.hash}.png"' in html
    assert "tabby" in html
    assert html.count("no picture") == 1
    assert html.count('class="kernel') == 2
    assert html.count("href=") == 1


def test_all_maps_have_one_scale() -> None:
    assert FIGURE.reach == 2.0
    strong, weak = (np.asarray(signed_image(one.map, FIGURE.reach)) for one in FIGURE.partners)
    assert strong[0, 0].tolist() == strong[1, 1].tolist() == weak[0, 1].tolist()  # zero is one color
    assert strong[0, 1].tolist() == [28, 68, 120]  # as far below zero as anything
    assert strong[1, 0, 0] > strong[1, 0, 2]  # red above zero
    assert (
        np.abs(weak[0, 0].astype(int) - weak[0, 1]).sum()
        < np.abs(strong[1, 0].astype(int) - weak[0, 1]).sum()
    )


def test_a_sheet_has_pictures_where_it_is_given_some() -> None:
    red = Image.new("RGB", (20, 20), (200, 0, 0))
    plain, pictured = FIGURE.sheet(), FIGURE.sheet({"conv2:3": red})
    assert plain.size == pictured.size
    reds = [np.all(np.asarray(sheet) == (200, 0, 0), axis=2).sum() for sheet in (plain, pictured)]
    assert reds[0] == 0
    assert reds[1] > 5000
    opened = Image.open(io.BytesIO(FIGURE.png()))
    assert opened.size == plain.size


def test_without_maps_and_pictures_values_are_drawn_as_bars() -> None:
    bare = Partners((Partner("logits:1", 2.0), Partner("logits:2", -1.0)), "changes")
    bars = np.asarray(bare.sheet())
    ink = np.all(np.abs(bars.astype(int) - (0x54, 0x69, 0x7D)) < 8, axis=2)
    rows = np.flatnonzero(ink.sum(1) > 20)
    first, second = ink[rows[0]].sum(), ink[rows[-1]].sum()
    assert 1.8 < first / second < 2.2  # twice the value, twice the bar


def test_bars_are_as_wide_as_the_tiles_of_other_sheets_with_classes_by_name() -> None:
    named = Partners((Partner("logits:1", 2.0, label="gravel"), Partner("logits:2", 1.0, label="cat")), "c")
    sheet, tiles = named.sheet(), FIGURE.sheet()
    assert sheet.width == tiles.width
    assert sheet.height < tiles.height
    hairlines = np.all(np.asarray(sheet) == (0xDE, 0xDA, 0xD0), axis=2)
    assert not hairlines.any()  # no frame around
    assert "gravel" in named.html(link)
    assert Partners.from_json(named.to_json()) == named


def test_where_no_picture_is_known_one_line_says_so() -> None:
    known = {"conv2:3": Neighbor("../layer/2/3.html", None, "")}
    html = FIGURE.html(link, known.get)
    assert "no picture<" not in html
    assert html.count("survey conv2 as well") == 1
    assert 'href="../layer/2/3.html"' in html
    own = Picture.of(np.full((5, 5, 3), 9, np.uint8), {}).blob
    pictured = Partners((Partner("conv1:0", 1.0, picture=own),), "weights")
    assert f'src="../blob/{own.hash}.png"' in pictured.html(link)
    assert list(pictured.blobs()) == [own]
    assert Partners.from_json(pictured.to_json()) == pictured


def test_small_maps_are_small_and_keep_their_mean() -> None:
    large = np.random.default_rng(0).normal(size=(30, 45))
    small = np.array(small_map(large))
    assert small.shape == (15, 15)
    assert abs(small.mean() - large.mean()) < 1e-5
    assert small_map(np.float64(3.0)) == ()
    assert small_map(np.zeros((1, 1))) == ()
    assert small_map(np.array([1.0, 2.0])) == ((1.0, 2.0),)
