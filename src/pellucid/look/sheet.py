# SPDX-License-Identifier: Apache-2.0
"""One layer's most telling units on a page for papers: what each looks for, and where in the image it finds it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from pellucid.figures.lettering import fitted
from pellucid.figures.words import value_words
from pellucid.kernels.page import PALE_INK, Frame, Label, Page, Raster
from pellucid.look.dictionary import Dictionary
from pellucid.look.heat import drawn_photo, heated
from pellucid.look.layer_look import LayerLook
from pellucid.models import FedImage

__all__ = ["layer_sheet"]

MARGIN, GAP, HEAD, CAPTION, TILE = 20, 14, 46, 34, 132
COLUMNS = 6

Mark = Raster | Frame | Label


def layer_sheet(
    look: LayerLook, image: FedImage, dictionary: Dictionary | None, *, most: int = 11, title: str = ""
) -> Page:
    """The units whose peak on this image is highest (with an atlas: rarest), each with its map over the image."""
    order = look.peak_order()[:most]
    name = look.layer.name
    pictures = (
        {} if dictionary is None else dictionary.thumbnails([(name, index) for index in order], 2 * TILE)
    )
    tall = round(TILE * image.item.height / image.item.width)
    with_pictures = TILE + 4 if pictures else 0
    columns = min(COLUMNS, len(order) + 1)
    pitch = (TILE + GAP, with_pictures + tall + CAPTION + GAP)
    places = [divmod(number, columns) for number in range(len(order) + 1)]
    corners = [(MARGIN + column * pitch[0], MARGIN + HEAD + row * pitch[1]) for row, column in places]
    width = 2 * MARGIN + columns * pitch[0] - GAP
    marks: list[Mark] = list(_head(title or name, look, dictionary, width))
    x, y = corners[0]
    marks.append(
        Raster(
            x,
            y + with_pictures,
            TILE,
            tall,
            np.asarray(drawn_photo(image.item, 2 * max(TILE, tall))),
            sharp=False,
        )
    )
    marks.append(Label(x, y + with_pictures + tall + 13, fitted(image.name, 10, TILE), 10, PALE_INK))
    for (x, y), index in zip(corners[1:], order, strict=True):
        marks += _unit(look, image, index, pictures.get((name, index)), (x, y), (with_pictures, tall))
    height = corners[-1][1] + pitch[1] - GAP + MARGIN
    alt = f"{title or name}: where {len(order)} of its units fire on {image.name}"
    return Page(width, height, tuple(marks), alt)


def _head(title: str, look: LayerLook, dictionary: Dictionary | None, width: int) -> Iterator[Label]:
    room = width - 2 * MARGIN
    yield Label(MARGIN, MARGIN + 12, fitted(title, 16, room), 16)
    by = "whose answer is rarest for them" if look.by_rarity else "with the highest peak"
    known = len(look.entries)
    what = (
        ""
        if not known
        else "; above, what it looks for" + ", where the atlas knows" * (known < look.layer.units)
    )
    words = f"the units {by}, each where it fires (warm above zero, blue below) with its peak{what}"
    yield Label(MARGIN, MARGIN + 30, fitted(words, 10, room), 10, PALE_INK)


def _unit(
    look: LayerLook,
    image: FedImage,
    index: int,
    picture: Image.Image | None,
    corner: tuple[int, int],
    heights: tuple[int, int],
) -> Iterator[Mark]:
    (x, y), (above, tall) = corner, heights
    if picture is not None:
        yield Raster(x, y, TILE, TILE, np.asarray(picture), sharp=False)
    elif above:
        yield Frame(x, y, TILE, TILE, outline="#dedad0")
        yield Label(x + TILE / 2, y + TILE / 2, "not in the atlas", 10, PALE_INK, "middle")
    heat = heated(image.item, image.placement, look.places, look.maps[index], 2 * max(TILE, tall))
    yield Raster(x, y + above, TILE, tall, np.asarray(heat), sharp=False)
    peak = float(look.peaks[index])
    spread = look.spread(index)
    standing = "" if spread is None else spread.standing(peak)
    words = f"{index} · {value_words(peak)}"
    yield Label(x, y + above + tall + 13, fitted(words, 10, TILE), 10)
    if standing:
        yield Label(x, y + above + tall + 26, fitted(standing, 9, TILE), 9, PALE_INK)
