# SPDX-License-Identifier: Apache-2.0
"""The response maps of all filters of a layer to one image, on one page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.figures.lettering import fitted
from pellucid.kernels.page import PALE_INK, SCALE, Frame, Label, Page, Raster
from pellucid.kernels.response_picture import response_pixels, response_reach

__all__ = ["RESPONSE_SCALES", "response_sheet"]

Floats = NDArray[np.float64]

RESPONSE_SCALES = {
    "own": "each on a scale of its own, written below it",
    "shared": "all on one scale, full color from {reach:.3g} on",
}
ALONE = "each unit sees the whole image and answers with one number, below it; full color from {reach:.3g} on"
MARGIN, GAP, HEAD, LINE, CAPTION, TILE = 20, 8, 26, 15, 14, 104
LETTERS = 9


def response_sheet(
    maps: ArrayLike,
    *,
    image: Image.Image | NDArray[np.uint8] | None = None,
    units: Sequence[int] | None = None,
    scale: str = "own",
    title: str = "",
    cut_by: str | None = None,
) -> Page:
    """All response maps on one page, each with its filter's index: black is none, red above 0, blue below.

    Where what is below 0 does not count, because the layer `cut_by` cuts it off, it is black as well.

    Parameters
    ----------
    maps : (K, h, w), finite
    image : what was looked at, drawn before the maps
    units : the maps to draw, in order; None: all
    scale : `own`: each map's strongest half percent is full color; `shared`: that of all maps together

    Raises
    ------
    InputError : maps of another shape, or units that are not among them
    UnknownName : no such scale
    """
    values = np.asarray(maps, float)
    if values.ndim != 3 or not values.size:
        raise InputError(f"response maps of shape {values.shape} were given; (K, h, w) works")
    if scale not in RESPONSE_SCALES:
        raise UnknownName(f"no scale of responses is named {scale!r}; {did_you_mean(scale, RESPONSE_SCALES)}")
    order = list(range(len(values)) if units is None else units)
    if not order or not all(0 <= unit < len(values) for unit in order):
        raise InputError(f"the maps of {order[:3]}... were asked; units run from 0 to {len(values) - 1}")
    least = float(values.min())
    values = values if cut_by is None else np.maximum(values, 0)
    tall, wide = values.shape[1:]
    alone = tall == wide == 1  # one number of the whole image: colors of their own scales would all be full
    shared = response_reach(values[order]) if scale == "shared" or alone else None
    tile = (TILE * min(tall / wide, 2.0), float(TILE))  # height, width
    pictures = list(_pictures(values, order, shared, image, tile))
    columns = max(
        min(math.ceil(math.sqrt(len(pictures) * 1.5 * (tile[0] + CAPTION) / tile[1])), len(pictures)), 4
    )
    width = 2 * MARGIN + columns * (TILE + GAP) - GAP
    top = MARGIN + HEAD + 2 * LINE + 6
    pitch = round(tile[0] + CAPTION + GAP)
    marks: list[Raster | Frame | Label] = list(
        _head(title, _signs(least, cut_by), "alone" if alone else scale, shared, width)
    )
    for number, (pixels, caption) in enumerate(pictures):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * (TILE + GAP), top + row * pitch
        marks.append(Raster(x, y, tile[1], tile[0], pixels))
        marks.append(Label(x, y + tile[0] + LETTERS + 2, fitted(caption, LETTERS, TILE), LETTERS, PALE_INK))
    rows = math.ceil(len(pictures) / columns)
    alt = f"{title or 'The responses of a layer to one image'}: {len(order)} maps of {wide} x {tall}"
    return Page(width, top + rows * pitch + MARGIN - GAP, tuple(marks), alt)


def _signs(least: float, cut_by: str | None) -> str:
    if least >= 0:
        return "black none, red above 0; none is below 0"
    if cut_by is not None:
        return f"red above 0; black none, and what is below 0, which {cut_by} cuts off"
    return "black none, red above 0, blue below"


def _head(title: str, signs: str, scale: str, shared: float | None, width: int) -> Iterator[Label]:
    room = width - 2 * MARGIN
    yield Label(MARGIN, MARGIN + 12, fitted(title or "responses to one image", 16, room), 16)
    scales = {**RESPONSE_SCALES, "alone": ALONE}
    lines = (signs, scales[scale].format(reach=shared or 0))
    for number, line in enumerate(lines):
        yield Label(MARGIN, MARGIN + HEAD + 6 + LINE * number, fitted(line, 10, room), 10, PALE_INK)


def _pictures(
    values: Floats,
    order: Sequence[int],
    shared: float | None,
    image: Image.Image | NDArray[np.uint8] | None,
    tile: tuple[float, float],
) -> Iterator[tuple[NDArray[np.uint8], str]]:
    most = (tile[0] * SCALE, tile[1] * SCALE)
    if image is not None:
        shown = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image, np.uint8))
        size = (max(round(most[1]), 1), max(round(most[0]), 1))
        yield np.asarray(shown.convert("RGB").resize(size, Image.Resampling.LANCZOS)), "the image"
    for unit in order:
        reach = response_reach(values[unit]) if shared is None else shared
        said = float(values[unit].item()) if values[unit].size == 1 else reach
        full = f"{said:.3g}" if reach > 0 else "silent"
        caption = str(unit) if shared is not None and values[unit].size > 1 else f"{unit} · {full}"
        yield response_pixels(values[unit], reach=reach, most=most), caption
