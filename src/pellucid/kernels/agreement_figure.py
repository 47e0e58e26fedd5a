# SPDX-License-Identifier: Apache-2.0
"""One figure that shows what a filter's response is: the image and its response map, and at one place the patch,
the filter, their product, and the sum that is the response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pellucid.errors import InputError
from pellucid.figures.lettering import fitted
from pellucid.figures.words import value_words
from pellucid.kernels.agreement import Probe
from pellucid.kernels.grid_figure import cell_side, factor_of, grid_marks
from pellucid.kernels.page import INK, PALE_INK, SCALE, Frame, Label, Page, Raster
from pellucid.kernels.palette import from_gray, from_white
from pellucid.kernels.response_picture import response_pixels, response_reach

__all__ = ["agreement_figure"]

Floats = NDArray[np.float64]
Marks = Iterator[Raster | Frame | Label]

WIDTH, MARGIN = 960, 24
PICTURE_WIDTH, PICTURE_HEIGHT = 448, 360
GRID, BETWEEN = 226, 34
TITLE_HEIGHT, CAPTION_HEIGHT = 34, 22
LEAST_BOX = 7
MOST_IMAGE_PIXELS = 900  # of the longer side in the figure: twice its room on the page
HAIRLINE = "#c9c4b8"


@dataclass(frozen=True)
class _Canvas:
    """How the image lies on the page: its size in its own pixels and the page's length of one of them."""

    height: int
    width: int
    scale: float

    @classmethod
    def of(cls, height: int, width: int) -> _Canvas:
        return cls(height, width, min(PICTURE_WIDTH / width, PICTURE_HEIGHT / height))

    @property
    def size(self) -> tuple[float, float]:
        return self.width * self.scale, self.height * self.scale


def agreement_figure(
    image: Image.Image | NDArray[np.uint8],
    response: ArrayLike,
    probe: Probe,
    *,
    stride: tuple[int, int] = (1, 1),
    title: str = "",
) -> Page:
    """The image beside its response map, the probe's patch boxed in both, and below it patch x filter = product.

    The map lies so that each response stands over the middle of its patch; black is none, red above 0, blue below.
    Numbers are written into the cells where they fit. A filter on three channels is drawn in color, its products
    added up over the channels.

    Parameters
    ----------
    image : what was looked at, uint8 (h, w) or (h, w, 3), or of Pillow
    response : (h, w)
    probe : the response taken apart, of the same map
    stride : y and x pixels between neighboring responses

    Raises
    ------
    InputError : a response or patch of another rank
    """
    values = np.asarray(response, float)
    if values.ndim != 2 or probe.patch.ndim not in (2, 3):
        raise InputError(
            f"a figure of responses {values.shape} and a patch {probe.patch.shape} was asked; "
            "(h, w) and (kh, kw) or (C, kh, kw) work"
        )
    picture = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image, np.uint8))
    canvas = _Canvas.of(picture.height, picture.width)
    top = MARGIN + TITLE_HEIGHT
    below = round(top + CAPTION_HEIGHT + canvas.size[1] + 30)
    cell = cell_side(probe.filter.shape, GRID)
    height = below + CAPTION_HEIGHT + max(round(cell * probe.filter.shape[-2]), 96) + MARGIN + 24
    words = title or f"The agreement of a {'x'.join(map(str, probe.filter.shape[-2:]))} filter with an image"
    marks = [
        Label(MARGIN, MARGIN + 16, fitted(words, 18, WIDTH - 2 * MARGIN), 18),
        *_image_marks(picture, canvas, probe, top),
        *_map_marks(values, canvas, probe, stride, top),
        *_sum_marks(probe, below, cell),
    ]
    said = f"{words}: at y {probe.y}, x {probe.x} the products of patch and filter add up to {probe.sum:.4g}"
    return Page(WIDTH, height, tuple(marks), said)


def _image_marks(picture: Image.Image, canvas: _Canvas, probe: Probe, top: float) -> Marks:
    shown = picture.convert("RGB")
    if max(shown.size) > MOST_IMAGE_PIXELS:
        shown.thumbnail((MOST_IMAGE_PIXELS, MOST_IMAGE_PIXELS), Image.Resampling.LANCZOS)
    y = top + CAPTION_HEIGHT
    box, cut = _inside(probe.box, canvas)
    words = (
        f"the image, {canvas.width} x {canvas.height}; boxed: one patch{', cut by the border' if cut else ''}"
    )
    yield Label(MARGIN, top + 14, words, 11, PALE_INK)
    sharp = canvas.scale >= 2
    yield Raster(MARGIN, y, *canvas.size, np.asarray(shown), sharp)
    x0, y0, x1, y1 = (edge * canvas.scale for edge in box)
    yield from _box(MARGIN + x0, y + y0, x1 - x0, y1 - y0)


def _inside(box: Sequence[int], canvas: _Canvas) -> tuple[tuple[int, int, int, int], bool]:
    """What of a patch lies in the image, at least a pixel of it, and whether any of it does not."""
    x0, x1 = (min(max(edge, 0), canvas.width) for edge in box[::2])
    y0, y1 = (min(max(edge, 0), canvas.height) for edge in box[1::2])
    x0, y0 = min(x0, canvas.width - 1), min(y0, canvas.height - 1)
    return (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)), (x0, y0, x1, y1) != tuple(box)


def _map_marks(values: Floats, canvas: _Canvas, probe: Probe, stride: tuple[int, int], top: float) -> Marks:
    height, width = values.shape
    left, y = WIDTH - MARGIN - PICTURE_WIDTH, top + CAPTION_HEIGHT
    # A response stands over the middle of its patch: from the probe's patch back to the map's first corner.
    x0, y0, x1, y1 = probe.box
    down, across = stride
    start_x = ((x0 + x1) / 2 - (probe.x + 0.5) * across) * canvas.scale
    start_y = ((y0 + y1) / 2 - (probe.y + 0.5) * down) * canvas.scale
    span = f"{value_words(float(values.min()))} to {value_words(float(values.max()))}"
    reach = response_reach(values)
    words = f"response map, {span}: black 0, red above, blue below, full color from {value_words(float(f'{reach:.3g}'))}"
    if values.min() == values.max():
        dead = ": a dead filter, whose weights are all 0" if not probe.filter.any() else ""
        words = f"response map, {value_words(float(values.min()))} everywhere{dead}"
    yield Label(left, top + 14, fitted(words, 11, PICTURE_WIDTH), 11, PALE_INK)
    cell_x, cell_y = across * canvas.scale, down * canvas.scale
    start_x, cell_x = _snapped(start_x, cell_x, width, canvas.size[0])
    start_y, cell_y = _snapped(start_y, cell_y, height, canvas.size[1])
    across_px, down_px = width * cell_x, height * cell_y
    yield Frame(left, y, *canvas.size, HAIRLINE, thick=0.5)
    pixels = response_pixels(values, reach=reach, most=(down_px * SCALE, across_px * SCALE))
    yield Raster(left + start_x, y + start_y, across_px, down_px, pixels)
    wide, high = max(cell_x, LEAST_BOX), max(cell_y, LEAST_BOX)
    center_x, center_y = left + start_x + (probe.x + 0.5) * cell_x, y + start_y + (probe.y + 0.5) * cell_y
    yield from _box(center_x - wide / 2, center_y - high / 2, wide, high)


def _snapped(start: float, cell: float, count: int, room: float) -> tuple[float, float]:
    """Where a row of cells begins and how long each is; a row that misses the image by half a cell at most covers it."""
    misses = abs(start) <= cell / 2 and abs(start + count * cell - room) <= cell / 2
    return (0.0, room / count) if misses else (start, cell)


def _box(x: float, y: float, width: float, height: float) -> Marks:
    """A box that shows on light and dark."""
    yield Frame(x - 1.5, y - 1.5, width + 3, height + 3, "#111111", thick=1)
    yield Frame(x - 0.5, y - 0.5, width + 1, height + 1, "#ffffff", thick=1)


def _sum_marks(probe: Probe, top: float, cell: float) -> Marks:
    """Patch, times filter, equals product; and what they add up to."""
    y, step = top + CAPTION_HEIGHT, GRID + BETWEEN
    middle = y + probe.filter.shape[-2] * cell / 2
    for number, (name, pixels, numbers) in enumerate(_grids(probe)):
        x = MARGIN + number * step
        factor = 1 if numbers is None else factor_of(numbers)
        name = name if factor == 1 else f"{name}, times {factor:,}"
        yield Label(x, top + 14, fitted(name, 11, step), 11, PALE_INK)
        yield from grid_marks(pixels, numbers=numbers, at=(x, y), cell=cell)
        if number < 2:
            yield Label(x + GRID + BETWEEN / 2, middle + 8, "×="[number], 22, INK, "middle")
    x = MARGIN + 3 * step - 8
    for number, line in enumerate(("their sum", *_shares(probe))):
        yield Label(x, middle - 20 - 14 * number, line, 11, PALE_INK)
    yield Label(x, middle + 10, value_words(float(f"{probe.sum:.4g}")), 28)
    yield Label(x, middle + 30, "is the response", 11, PALE_INK)


def _grids(probe: Probe) -> list[tuple[str, NDArray[np.uint8], Floats | None]]:
    """Caption, colors and numbers of the three grids."""
    place = f"patch under y {probe.y}, x {probe.x}"
    patch, filter_, product = probe.patch, probe.filter, probe.product
    grids: list[tuple[str, NDArray[np.uint8], Floats | None]]
    if filter_.ndim == 2:
        name = f"{place}, in {probe.channel or 'gray'}"
        bright = np.repeat(_bright(patch)[..., None], 3, -1)
        signed = from_white(filter_, float(np.abs(filter_).max()))
        grids = [(name, bright, patch), ("filter: blue below 0, red above", signed, filter_)]
    elif len(filter_) == 3:
        colors = from_gray(filter_, float(np.abs(filter_).max())).transpose(1, 2, 0)
        grids = [(place, _bright(patch).transpose(1, 2, 0), None), ("filter: middle gray 0", colors, None)]
    else:
        bright = np.repeat(_bright(patch.mean(0))[..., None], 3, -1)
        mean = filter_.mean(0)
        signed = from_white(mean, float(np.abs(mean).max()))
        grids = [(f"{place}, mean of channels", bright, None), ("filter, mean of channels", signed, None)]
    whole = product if product.ndim == 2 else product.sum(0)
    name = "product" if product.ndim == 2 else "product, channels added up"
    return [*grids, (name, from_white(whole, float(np.abs(whole).max())), whole)]


def _bright(patch: Floats) -> NDArray[np.uint8]:
    return np.clip(np.round(patch * 255), 0, 255).astype(np.uint8)


def _shares(probe: Probe) -> list[str]:
    """What each color and the bias add, from the lowest line up; whether the bias outweighs all else."""
    colored = probe.filter.ndim == 3 and len(probe.filter) == 3
    sums = probe.product.sum((1, 2)) if colored else probe.product.sum().reshape(1)
    most = ", most of it" if abs(probe.bias) > np.abs(sums).sum() else ""
    lines = [f"bias {value_words(float(f'{probe.bias:.3g}'))}{most}"] if probe.bias else []
    if colored:
        names = zip(("red", "green", "blue"), sums, strict=True)
        lines += [f"{name} {value_words(float(f'{value:.3g}'))}" for name, value in names][::-1]
    return lines
