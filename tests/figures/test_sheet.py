# SPDX-License-Identifier: Apache-2.0
"""Contact sheets: every picture stands where its turn says, whole and in proportion."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pellucid.errors import InputError
from pellucid.figures import Blob, Picture
from pellucid.figures.lettering import drawable, fitted, typeface
from pellucid.figures.sheet import PAPER, contact_sheet

PAPER_RGB = tuple(int(PAPER[at : at + 2], 16) for at in (1, 3, 5))
COLORS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]


def plain(color, size=(40, 40)):
    return Image.new("RGB", size, color)


def extent(sheet, color):
    """The box (x0, y0, x1, y1) and the pixel count of exactly this color."""
    ys, xs = np.nonzero((np.asarray(sheet) == color).all(axis=2))
    return (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1), len(xs)


def test_tiles_stand_in_reading_order_at_their_full_size():
    sheet = contact_sheet([(plain(color), "") for color in COLORS], columns=2, tile_px=60)
    boxes = [extent(sheet, color) for color in COLORS]
    assert all(count == 60 * 60 for _, count in boxes)
    lefts, tops = [box[0] for box, _ in boxes], [box[1] for box, _ in boxes]
    assert lefts[0] == lefts[2] == lefts[4] < lefts[1] == lefts[3]
    assert tops[0] == tops[1] < tops[2] == tops[3] < tops[4]
    assert sheet.getpixel((0, 0)) == sheet.getpixel((sheet.width - 1, sheet.height - 1)) == PAPER_RGB


def test_pictures_keep_their_proportions_in_the_middle_of_the_tile():
    sheet = contact_sheet([(plain(COLORS[0], (80, 40)), "")], tile_px=60)
    (x0, y0, x1, y1), count = extent(sheet, COLORS[0])
    assert (x1 - x0, y1 - y0, count) == (60, 30, 60 * 30)
    assert y0 - 15 == sheet.height - y1 - 15


def test_small_images_and_pixelated_pictures_stay_sharp():
    checks = (np.indices((4, 4)).sum(axis=0) % 2 * 255).astype(np.uint8)
    fine = np.repeat(np.repeat(checks, 20, 0), 20, 1)
    sharp = contact_sheet([(Image.fromarray(checks), "")], tile_px=96)
    marked = contact_sheet([(Picture.of(fine, {}, pixelated=True), "")], tile_px=160)
    smooth = contact_sheet([(Picture.of(checks, {}), "")], tile_px=96)
    assert extent(sharp, (255, 255, 255))[1] == 96 * 96 // 2
    assert extent(marked, (255, 255, 255))[1] == 160 * 160 // 2
    assert extent(smooth, (255, 255, 255))[1] < 96 * 96 // 2


def test_captions_take_room_below_and_are_cut_to_the_tile():
    bare = contact_sheet([(plain(COLORS[0]), "")], tile_px=90)
    one = contact_sheet([(plain(COLORS[0]), "features.7:0")], tile_px=90)
    two = contact_sheet(
        [(plain(COLORS[0]), "features.7:0\n" + "response " * 30)], tile_px=90, title="A layer"
    )
    assert bare.height < one.height < two.height
    assert bare.width == one.width == two.width
    (_, _, x1, y1), count = extent(two, COLORS[0])
    assert count == 90 * 90
    outside = np.asarray(two)[y1:, x1:]
    assert (outside == PAPER_RGB).all()


def test_captions_are_paler_after_the_first_line_and_never_empty_boxes():
    assert drawable("naïve ×2 Ж\x1b[2J") == "naive x2 ??[2J"
    words = fitted("n02110627_affenpinscher.JPEG", 12, 70)
    head, _, tail = words.partition("…")
    assert "n02110627_affenpinscher.JPEG".startswith(head)
    assert "n02110627_affenpinscher.JPEG".endswith(tail)
    assert len(tail) - len(head) in (0, 1)
    assert typeface(12).getlength(words) <= 70 < typeface(12).getlength(f"{head}02…{tail}")
    assert fitted("short", 12, 70) == "short"


def test_transparent_pictures_lie_on_paper():
    sheet = contact_sheet([(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "")], tile_px=40)
    assert sheet.getpixel((sheet.width // 2, sheet.height // 2)) == PAPER_RGB


@pytest.mark.parametrize(
    ("tiles", "options", "words"),
    [
        ([], {}, "no picture"),
        ([(plain(COLORS[0]), "")], {"columns": 0}, "columns"),
        ([(plain(COLORS[0]), "")], {"tile_px": 0}, "tiles of 0"),
        ([(plain(COLORS[0]), "")] * 4, {"tile_px": 20_000}, "fewer tiles"),
        ([(Picture(Blob("ab" * 32, "image/png"), 4, 4), "")], {}, "stayed in the atlas"),
        ([(Picture(Blob.of(b"GIF89a"), 4, 4), "")], {}, "no readable picture"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(tiles, options, words):
    with pytest.raises(InputError, match=words) as problem:
        contact_sheet(tiles, **options)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_a_title_is_written_out_however_few_the_tiles(count, monkeypatch):
    written = []
    draw = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda pen, at, words, *more, **how: (written.append(words), draw(pen, at, words, *more, **how)),
    )
    title = "features.12.expand3x3:214, slightly above zero"
    sheet = contact_sheet([(plain(COLORS[0]), "")] * count, columns=9, title=title)
    assert written == [title]
    assert sheet.width <= 9 * 160
