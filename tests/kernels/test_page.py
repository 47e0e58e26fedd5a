# SPDX-License-Identifier: Apache-2.0
"""A page says the same as PNG and as SVG, and both are sound files."""

import base64
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.errors import InputError
from pellucid.figures.stamp import read_stamp
from pellucid.kernels.page import Frame, Label, Page, Raster

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def page() -> Page:
    pixels = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    marks = (
        Raster(10, 10, 20, 10, pixels),
        Frame(50, 10, 10, 10, fill="#00ff00"),
        Label(10, 40, "a < b & ×", 11),
    )
    return Page(80, 50, marks, 'a "page" of <marks>')


def test_marks_stand_where_they_belong_two_pixels_for_one(page: Page) -> None:
    image = page.image()
    assert image.size == (160, 100)
    assert image.getpixel((21, 21)) == (255, 0, 0)
    assert image.getpixel((59, 39)) == (0, 0, 255)
    assert image.getpixel((110, 30)) == (0, 255, 0)
    assert np.asarray(image.convert("L"))[60:82, 20:100].min() < 120  # letters


def test_texts_start_end_or_center_where_they_are_put() -> None:
    for anchor, start, end in (("start", 100, 130), ("middle", 85, 115), ("end", 70, 100)):
        page = Page(100, 30, (Label(50, 20, "HHHH", 11, anchor=anchor),), "")
        dark = np.flatnonzero((np.asarray(page.image().convert("L")) < 128).any(0))
        assert abs((dark[0] + dark[-1]) / 2 - (start + end) / 2) < 20
        assert f'text-anchor="{anchor}"' in page.svg()


def test_the_svg_is_sound_and_its_pictures_are_the_same(page: Page) -> None:
    root = ET.fromstring(page.svg())
    assert root.get("viewBox") == "0 0 80 50"
    assert [text.text for text in root.iter(f"{SVG}text")] == ["a < b & ×"]
    assert root.find(f"{SVG}title").text == 'a "page" of <marks>'
    (picture,) = root.iter(f"{SVG}image")
    data = picture.get("href").removeprefix("data:image/png;base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size[0] >= 40  # enlarged, so that no viewer blurs it
    assert image.getpixel((image.width // 4, 0)) == (255, 0, 0)
    assert image.getpixel((3 * image.width // 4, 0)) == (0, 0, 255)


def test_a_page_is_saved_as_its_name_ends(page: Page, tmp_path: Path) -> None:
    page.save(tmp_path / "page.png", {"layer": "conv1"})
    page.save(str(tmp_path / "page.SVG"))
    assert read_stamp(tmp_path / "page.png") == {"layer": "conv1"}
    assert (tmp_path / "page.SVG").read_text(encoding="utf-8") == page.svg()
    with pytest.raises(InputError, match=r"\.png and \.svg"):
        page.save(tmp_path / "page.pdf")


def test_a_page_shows_itself_and_a_huge_one_is_refused(page: Page) -> None:
    assert page._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="too large"):
        Page(20_000, 20_000, (), "").image()
