# SPDX-License-Identifier: Apache-2.0
"""One response map drawn large: as a heat map over the picture, or as a mask that shows only what excites the unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data import Placement
from pellucid.figures.map import ONE_SIDED, SIGNED
from pellucid.models import Places

__all__ = ["COOL", "VEIL", "WARM", "colored", "drawn_photo", "heated", "laid_over", "masked", "spread_over"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

# Over gray pictures: what is warm stands out from every gray.
WARM = np.array([(70, 20, 12), (176, 44, 20), (236, 110, 30), (255, 190, 70), (255, 244, 190)], float)
LARGEST_PX = 768  # of the longer side of what is drawn
COOL = np.array([58, 116, 190], float)
HEAT, COLD = 0.95, 0.5  # of the color where the response is strongest, above zero and below
VEIL = np.array([236, 233, 226], float)  # what covers the parts that do not excite
VEILED = 0.88


def spread_over(places: Places, values: NDArray[Any], size: tuple[int, int]) -> Floats:
    """(H, W) the responses of cells (P,) over the fed pixels: linear between the cells' middles, level beyond the outer ones."""
    rows, columns = places.centers()
    cells = places.on_grid(np.asarray(values, float))
    y, x = (np.arange(side) + 0.5 for side in size)
    down = np.stack([np.interp(y, rows, column) for column in cells.T], axis=1)
    return np.stack([np.interp(x, columns, row) for row in down])


def colored(values: NDArray[Any], one_sided: Floats = ONE_SIDED) -> Pixels:
    """Numbers as colors, (...) -> (..., 3): dark (lowest) to light; where signs differ, blue over white (zero) to red."""
    known = np.nan_to_num(np.asarray(values, float))
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if low < 0 < high:
        reach, colors = max(-low, high), SIGNED
        shares = known / reach / 2 + 0.5
    else:
        shares, colors = (known - low) / ((high - low) or 1), one_sided
    stops = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(shares, stops, colors[:, c]) for c in range(3)], -1).round().astype(np.uint8)


def drawn_photo(item: Image.Image, largest: int = LARGEST_PX) -> Image.Image:
    """The whole upright item, its longer side at most `largest` px."""
    scale = min(largest / max(item.size), 1.0)
    size = (max(round(item.width * scale), 1), max(round(item.height * scale), 1))
    return (
        item.convert("RGB")
        if size == item.size
        else item.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    )


def heated(
    item: Image.Image,
    placement: Placement,
    places: Places,
    values: NDArray[Any],
    largest: int = LARGEST_PX,
) -> Image.Image:
    """The item in gray, and over what the net was fed of it the responses: above zero warm, below zero blue.

    The stronger a response, the less of the item is seen.
    """
    field = spread_over(places, values, placement.size)
    share = np.abs(field) / (float(np.abs(field).max()) or 1.0)
    cover = np.where(field >= 0, HEAT, COLD) * share**0.8
    colors = np.where((field >= 0)[..., None], colored(np.maximum(field, 0), WARM), COOL)
    return laid_over(drawn_photo(item, largest), placement, colors, cover)


def laid_over(photo: Image.Image, placement: Placement, colors: Floats, cover: Floats) -> Image.Image:
    """The photograph in gray under colors (H, W, 3) of the fed pixels, each covering it by its share (H, W) in 0..1."""
    ground = np.asarray(photo.convert("L").convert("RGB"), float)
    heat, (left, top, right, bottom) = _laid(colors.astype(float), placement, photo)
    shares, _ = _laid(cover[..., None].repeat(3, -1) * 255, placement, photo)
    part = ground[top:bottom, left:right]
    ground[top:bottom, left:right] = part + (heat - part) * shares / 255
    return Image.fromarray(ground.round().astype(np.uint8))


def masked(
    item: Image.Image, placement: Placement, places: Places, values: NDArray[Any], threshold: float
) -> Image.Image:
    """The item seen only where the response, linear between the cells, is at least `threshold`."""
    photo = drawn_photo(item)
    seen = (spread_over(places, values, placement.size) >= threshold).astype(float)
    ground = np.asarray(photo, float)
    veiled = ground + (VEIL - ground) * VEILED
    window, (left, top, right, bottom) = _laid(seen[..., None].repeat(3, -1) * 255, placement, photo)
    part = veiled[top:bottom, left:right]
    veiled[top:bottom, left:right] = part + (ground[top:bottom, left:right] - part) * window / 255
    return Image.fromarray(veiled.round().astype(np.uint8))


def _laid(
    values: Floats, placement: Placement, photo: Image.Image
) -> tuple[Floats, tuple[int, int, int, int]]:
    """What lies in fed pixels (H, W, 3) in 0..255 as it lies on the drawn item, and where: left, top, right, bottom."""
    height, width = placement.size
    left, top, right, bottom = placement.to_item_box(0, 0, width, height)
    across, down = photo.width / placement.item[0], photo.height / placement.item[1]
    box = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    # Of what is fed the part that is item and not the black around it.
    x0, y0 = max(-placement.offset[0], 0), max(-placement.offset[1], 0)
    inner = values[y0 : y0 + placement.resized[1], x0 : x0 + placement.resized[0]]
    size = (max(box[2] - box[0], 1), max(box[3] - box[1], 1))
    laid = Image.fromarray(inner.round().astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(laid, float), (box[0], box[1], box[0] + size[0], box[1] + size[1])
