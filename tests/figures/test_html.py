# SPDX-License-Identifier: Apache-2.0
"""What every figure must do on a page, in a notebook and as a file, looped over the table of figures."""

import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from pellucid.figures import (
    FIGURES,
    Blob,
    Curve,
    Histogram,
    Item,
    Items,
    Levels,
    Map,
    Number,
    Partner,
    Partners,
    Picture,
    Table,
    TuningCurve,
    figure_from_json,
)
from pellucid.figures.strip import strip_sheet

EVIL = "</svg><script>alert(1)</script>\"' onload=alert(1) &amp; \u202e\n{{7*7}}"


def blob(width=32, height=16):
    encoded = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(encoded, "PNG")
    return Blob.of(encoded.getvalue())


def item(name="photo/1.jpg", box=(64, 0, 96, 32)):
    return Item(name, 3.25, (2, 1), box, 128, 64, blob())


def strip():
    cells = np.arange(-3, 3, dtype=np.int8).reshape(2, 3)
    return strip_sheet([[cells, None], [cells, cells]], (2, 3), 2.5)[1]


EXAMPLES = {
    "picture": [Picture.of(np.zeros((9, 9, 3), np.uint8), {}, alt=EVIL, pixelated=True)],
    "number": [Number(value, EVIL, "%") for value in (EVIL, True, None, 12.5, 3)],
    "curve": [
        Curve((0, 1, 2), (0.0, -4.0, 9.5), EVIL, EVIL),
        Curve((), (), "x", "y"),
        Curve((1,), (2,), "x", "y"),
    ],
    "histogram": [
        Histogram((-1.0, 0.0, 1.0, 4.0), (3, 0, 7), EVIL, ((EVIL, 0.5), ("far", 99.0), ("low", -99.0))),
        Histogram((0.0, 0.0), (0,), "empty"),
    ],
    "levels": [
        Levels.of(
            (-1.0, 0.0, 1.0, 4.0), (3, 0, 70), ((item(EVIL),), (), (item(), Item(EVIL, 1.0))), x_label=EVIL
        ),
        Levels.of((), (), (), x_label="none"),
    ],
    "items": [
        Items((item(), item(EVIL)), strip()),
        Items((item(EVIL), item(box=None), Item(EVIL, 1.0))),
        Items(()),
    ],
    "partners": [
        Partners((Partner(EVIL, 1.5, ((0.5, -1.0), (0.0, 2.0))), Partner("conv1:3", -0.25)), EVIL),
        Partners((), EVIL),
    ],
    "table": [Table((EVIL, "b"), ((EVIL, 1.5), (None, True)))],
    "tuning_curve": [
        TuningCurve(
            (0.0, 45.0, 90.0, 135.0),
            (1.0, 3.0, -1.0, 0.0),
            EVIL,
            EVIL,
            0.0,
            180.0,
            False,
            40.0,
            ((0.0, EVIL),),
        ),
        TuningCurve((0.1, 0.2, 0.4), (1.0, 2.0, 1.5), EVIL, "y", 0.5, None, True, 0.2, (), (EVIL, "half")),
        TuningCurve((0.0, 180.0), (1.0, 1.0), "x", "y", 1.0, 360.0),
        TuningCurve((), (), "x", "y", 0.0, None),
    ],
    "map": [Map(((-1.0, 2.0), (0.0, 1.0)), EVIL), Map(((3.0, 3.0),), "flat"), Map((), "none")],
}
EVERY = [pytest.param(figure, id=name) for name, figures in EXAMPLES.items() for figure in figures]


class Parser(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag opened is closed in turn."""

    VOID = frozenset(("img", "wbr"))

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words, self.open = [], [], "", []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def strings(value):
    """Every text within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def link(to):
    return f"../blob/{to.hash}.png"


def test_every_type_of_figure_has_examples():
    assert set(EXAMPLES) == set(FIGURES)


@pytest.mark.parametrize("figure", EVERY)
def test_html_holds_under_a_strict_policy_and_names_stay_text(figure):
    parsed = Parser(figure.html(link))
    assert not {"script", "style", "iframe", "object"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name == "style" or name.startswith("on")]
    addresses = [value for name, value in parsed.attributes if name in ("src", "href")]
    assert all(address.startswith(("../blob/", "data:image/png;base64,")) for address in addresses)
    shown = parsed.words + "".join(value or "" for _, value in parsed.attributes)
    assert shown.count(EVIL) >= len([each for each in strings(figure.to_json()) if each == EVIL])


@pytest.mark.parametrize("figure", EVERY)
def test_html_is_the_same_after_the_store(figure):
    assert figure_from_json(figure.to_json()).html(link) == figure.html(link)


@pytest.mark.parametrize("figure", EVERY)
def test_notebooks_see_the_figure_without_our_pages(figure):
    html = figure._repr_html_()
    assert "../blob/" not in html
    assert html.count("<style>") == 1


@pytest.mark.parametrize("figure", [each for each in EVERY if hasattr(each.values[0], "png")])
def test_png_is_a_picture(figure):
    if figure == Items(()):
        return
    image = Image.open(io.BytesIO(figure.png()))
    image.load()
    assert image.format == "PNG"


def test_pictures_have_words_sizes_and_sharp_pixels():
    html = Picture(Blob("ab" * 32, "image/png"), 9, 7, 'a "filter"', True).html(link)
    assert 'width="9" height="7" alt="a &quot;filter&quot;"' in html
    assert 'class="picture pixelated"' in html
    assert 'loading="lazy"' in html


def test_a_picture_keeps_its_provenance_in_its_file():
    picture = Picture.of(np.zeros((9, 9, 3), np.uint8), {"seed": 7})
    assert picture.png() == picture.blob.data
    assert Image.open(io.BytesIO(picture.png())).text["pellucid"] == '{"seed":7}'


def test_a_picture_without_bytes_shows_nothing_in_a_notebook():
    assert Picture(Blob("ab" * 32, "image/png"), 9, 7)._repr_html_() is None


def test_crop_and_box_are_drawn_in_the_items_own_pixels():
    html = item().html(link)
    crop, whole = re.findall(r"<svg.*?</svg>", html)
    assert 'viewBox="64 0 32 32"' in crop
    assert 'viewBox="0 0 128 64"' in whole
    for svg in (crop, whole):
        assert 'width="128" height="64" preserveAspectRatio="none"' in svg
    assert whole.count('<rect class="box') == 2
    assert whole.count('x="64" y="0" width="32" height="32"') == 2
    assert "<rect" not in crop


def test_a_box_too_small_to_be_found_gets_a_ring():
    tiny, plain = (
        Item("a", 1.0, (0, 0), box, 1000, 500, blob()).html(link)
        for box in ((10, 20, 17, 27), (10, 20, 210, 220))
    )
    assert tiny.count('cx="13.5" cy="23.5" r="80"') == 2
    assert "<circle" not in plain


@pytest.mark.parametrize("box", [None, (0, 0, 128, 64), (1, 0, 128, 64)])
def test_without_a_smaller_box_the_item_is_shown_once(box):
    html = item(box=box).html(link)
    assert html.count("<svg") == 1
    assert 'viewBox="0 0 128 64"' in html
    assert item(box=box).tiles()[1] is None


def test_item_tiles_cut_the_right_pixels():
    """The upper left quarter of an item is red, the rest blue; the preview is half as large as the item."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :, 2] = 255
    pixels[:20, :30] = (255, 0, 0)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    shown = Item("a", 1.0, (0, 0), (0, 0, 60, 40), 120, 80, Blob.of(encoded.getvalue()))
    crop, whole = shown.tiles()
    assert (np.asarray(crop)[5:-5, 5:-5] == (255, 0, 0)).all()
    assert crop.size == (128, 85)
    assert (np.asarray(whole)[50:, 5:] == (0, 0, 255)).all()
    assert (np.asarray(whole)[5:35, 5:55] == (255, 0, 0)).all()
    assert whole.getpixel((0, 20)) == (255, 255, 255)
    assert whole.getpixel((63, 20)) == (255, 255, 255)


def test_item_boxes_beyond_the_item_do_no_harm():
    for box in ((-50, 10, 90, 20), (127, 63, 128, 64), (500, 500, 600, 600), (5, 5, 5, 5)):
        crop, whole = item(box=box).tiles()
        assert max(crop.size) == max(whole.size) == 128


def test_histogram_bars_stand_where_their_counts_say():
    drawing = Histogram((0.0, 1.0, 2.0, 3.0, 4.0), (2, 0, 4, 1), "response", (("optimum", 2.5),)).drawing()
    bars = [mark for mark in drawing.marks if mark.role == "bar"]
    assert [bar.height / bars[1].height for bar in bars] == pytest.approx([0.5, 1, 0.25])
    assert bars[1].words == "2 to 3: 4"
    mark = next(mark for mark in drawing.marks if mark.role == "mark")
    assert mark.points[0][0] == pytest.approx(bars[1].x + bars[1].width / 2)
    assert "7 values, 4 of them between 2 and 3; optimum at 2.5" in drawing.alt


def test_curve_reaches_from_end_to_end():
    drawing = Curve((0, 5, 10), (1.0, 3.0, 2.0), "step", "activation").drawing()
    (line,) = [mark for mark in drawing.marks if mark.role == "line"]
    (x0, y0), (x1, y1), (x2, y2) = line.points
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y0 - y1 == pytest.approx(2 * (y0 - y2))
    assert drawing.alt == "activation over step: from 1 to 2, between 1 and 3"


def test_maps_are_signed_around_zero_and_one_sided_otherwise():
    signed = np.asarray(Map(((-2.0, 0.0, 1.0),), "a").image()).astype(int)[0]
    assert signed[0][2] > signed[0][0]  # negative: blue
    assert signed[2][0] > signed[2][2]  # positive: red
    assert np.ptp(signed[1]) < 10  # zero: no color
    one_sided = np.asarray(Map(((1.0, 2.0, 3.0),), "a").image()).sum(axis=2)[0]
    assert one_sided[0] < one_sided[1] < one_sided[2]
    assert Map(((-1.0, 2.0),), "response").words == "response: −1 to 2"


def test_a_value_is_placed_as_a_multiple_and_a_share():
    counted = Histogram(
        (0.0, 1.0, 2.0, 4.0), (10, 20, 10), "peak", (("the best", 3.0),), (("optimum", "a", "b"),)
    )
    plain = str.maketrans({"\u202f": " ", "\u2212": "-"})
    assert counted.standing(9.0) == "3 times the best, above all 40"
    # Within a bin nothing is known: of 20 in 1..2 any number may lie below 1.5.
    assert counted.standing(1.5).translate(plain) == "0.5 times the best, above 25 to 75 %"
    assert counted.standing(2.0).translate(plain) == "0.667 times the best, above 75 %"
    assert counted.standing(2.9).translate(plain) == "0.967 times the best, above 75 to 97.5 %"
    assert counted.standing(-1.0) == "short of the best, above none of 40"  # a negative multiple says nothing
    assert counted.standing(3.0) == "as far as the best"
    below = Histogram((-4.0, -2.0, -1.0), (5, 15), "trough", (("the lowest", -3.0),), end="lowest")
    assert below.standing(-6.0) == "2 times the lowest, below all 20"
    assert below.standing(-1.5).translate(plain) == "0.5 times the lowest, below 0 to 75 %"
    assert below.standing(0.5) == "short of the lowest, below none of 20"
    # Peaks below zero, and troughs above it: which is further out, no multiple tells.
    low = Histogram((-2.0, -1.0, -0.5), (5, 15), "peak", (("the best", -0.6),))
    assert low.standing(-0.7).translate(plain) == "short of the best, above 25 to 95 %"
    assert low.standing(-0.4) == "above all 20"
    high = Histogram((0.5, 1.0, 2.0), (5, 15), "trough", (("the lowest", 0.6),), end="lowest")
    assert high.standing(0.7).translate(plain) == "short of the lowest, below 75 to 95 %"
    assert high.standing(0.3) == "below all 20"
    assert figure_from_json(high.to_json()) == high
    placed = counted.placing({"optimum": 9.0})
    assert placed.marks == (("the best", 3.0), ("optimum", 9.0))
    assert placed.notes == ("optimum: 9, 3 times the best, above all 40",)
    assert figure_from_json(placed.to_json()) == placed
    assert placed.placed == ()
    assert Histogram((), (), "none").placing({"optimum": 1.0}).drawing().svg()
    assert figure_from_json(counted.to_json()) == counted


def test_every_level_that_holds_something_has_a_fold_and_a_bar():
    [figure, _] = EXAMPLES["levels"]
    html = figure.html(link)
    assert html.count("<details>") == html.count('class="bar"') == 2
    assert "0 to 1" not in html
    assert "1 to 4: 70 inputs, 2 of them" in html


def test_maps_of_one_sheet_share_one_scale_of_color():
    full, half = np.full((2, 2), 127, np.int8), np.full((2, 2), -64, np.int8)
    first, second = strip_sheet([[full, half], [None]], (2, 2), 1.0)
    assert first.image(0).getpixel((0, 0)) == (143, 36, 24)  # red: the strongest
    blue = first.image(1).getpixel((1, 1))
    assert blue[0] < blue[2]
    assert second.image(0).getpixel((0, 0)) == (233, 233, 233)
    assert second.blob == first.blob
    dark = strip_sheet([[np.zeros((1, 1), np.int8), np.full((1, 1), 127, np.int8)]], (1, 1), 1.0)[0]
    assert sum(dark.image(0).getpixel((0, 0))) < sum(dark.image(1).getpixel((0, 0)))
    assert first.html(link, 5, "beyond") == ""


def test_behind_a_bar_stand_items_with_box_position_and_whole():
    one = item("cats/long/1.jpg")
    figure = Levels.of((0.0, 1.0), (1,), ((one, item()),), x_label="response")
    assert [figure.item(place) for place in range(2)] == [one, item()]
    assert figure_from_json(figure.to_json()) == figure
    html = figure.html(link)
    assert one.html(link) in html
    assert html.count('class="box"') == 2
    assert 'title="at 2, 1"' in html
    # An atlas from before positions were kept.
    row = {key: value for key, value in figure.to_json().items() if key != "positions"}
    assert figure_from_json(row).item(0).position == ()


def test_a_long_folder_does_not_hide_the_name_of_the_file():
    assert '<span class="folder">n01440764_tench, Tinca tinca/</span>1.jpg</span>' in item(
        "n01440764_tench, Tinca tinca/1.jpg"
    ).html(link)
    assert "folder" not in item("1.jpg").html(link)
