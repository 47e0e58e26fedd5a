# SPDX-License-Identifier: Apache-2.0
"""The figure of one map: the image, the map with its scale, the map over the image, and how faithful it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.figures import Curve
from pellucid.figures.lettering import fitted
from pellucid.figures.words import value_words
from pellucid.kernels import Page
from pellucid.kernels.page import INK, PALE_INK, Frame, Label, Raster
from pellucid.kernels.palette import from_white

__all__ = ["attribution_page", "map_pixels", "overlay_pixels", "reach_of"]

Floats = NDArray[np.float64] | NDArray[np.float32]
Pixels = NDArray[np.uint8]
Mark = Raster | Frame | Label

SIDE, GAP, MARGIN, HEAD, LINE = 288, 24, 24, 30, 15
BAR, TICKS, CAPTION = 10, 16, 16
WIDTH = 3 * SIDE + 2 * GAP + 2 * MARGIN
FULL = 0.995  # the share of pixels below full color: a few glints would leave all others pale
# From nothing to the strongest; lightness falls evenly, so a print without color reads as well.
ONE_SIDED = np.array([(250, 249, 246), (244, 199, 120), (214, 106, 60), (135, 31, 58), (49, 10, 53)], float)
DIM = 0.55  # how much of the image's contrast stays under the colors
WARNING = "#a5361f"


def reach_of(values: Floats) -> float:
    """The magnitude of full color: all but the strongest half percent lie below it."""
    size = np.abs(values)
    reach = float(np.quantile(size, FULL))
    return reach if reach > 0 else float(size.max(initial=0))


def map_pixels(values: Floats, *, signed: bool, reach: float | None = None) -> Pixels:
    """The map as colors (H, W, 3): white for none, red above, blue below where `signed`; else white to dark."""
    full = reach_of(values) if reach is None else reach
    if signed:
        return from_white(np.asarray(values, float), full)
    shares = np.clip(np.asarray(values, float) / full, 0, 1) if full > 0 else np.zeros(values.shape)
    stops = np.linspace(0, 1, len(ONE_SIDED))
    channels = [np.interp(shares, stops, ONE_SIDED[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).round().astype(np.uint8)


def overlay_pixels(values: Floats, picture: Pixels, *, signed: bool, reach: float | None = None) -> Pixels:
    """The map's colors over the image in pale gray, the stronger the more opaque."""
    full = reach_of(values) if reach is None else reach
    gray = np.asarray(Image.fromarray(picture).convert("L"), float)[..., None]
    pale = 255 - DIM * (255 - gray)
    shares = np.clip(np.abs(values) / full, 0, 1)[..., None] if full > 0 else np.zeros((*values.shape, 1))
    colors = map_pixels(values, signed=signed, reach=full).astype(float)
    # Full color at full strength; the colors of weak values are near white, so the image shows through them.
    return np.round(pale * (1 - shares) + colors * shares * (0.55 + 0.45 * pale / 255)).astype(np.uint8)


def attribution_page(
    picture: Pixels,
    values: Floats,
    *,
    signed: bool,
    title: str,
    lines: Sequence[str],
    unit_words: str,
    curves: Mapping[str, Curve] | None = None,
    caution: str = "",
) -> Page:
    """The page of one map (H, W) and its image (H, W, 3) uint8.

    `lines` stand under the title, `caution` in red below them.
    """
    marks: list[Mark] = [Label(MARGIN, MARGIN + 14, fitted(title, 18, WIDTH - 2 * MARGIN), 18)]
    y = MARGIN + HEAD + 4
    told = [(line, PALE_INK) for line in lines]
    told += [(line, WARNING) for line in textwrap.wrap(caution, 140)]
    for line, ink in told:
        marks.append(Label(MARGIN, y, fitted(line, 11, WIDTH - 2 * MARGIN), 11, ink))
        y += LINE
    top = y + CAPTION
    height, width = picture.shape[:2]
    scale = min(SIDE / width, SIDE / height)
    size = (width * scale, height * scale)
    reach = reach_of(values)
    shown = (
        (f"the image, {width} x {height} px as fed", picture),
        (unit_words, map_pixels(values, signed=signed, reach=reach)),
        ("the map over the image", overlay_pixels(values, picture, signed=signed, reach=reach)),
    )
    for place, (words, pixels) in enumerate(shown):
        x = MARGIN + place * (SIDE + GAP)
        marks.append(Label(x, top - 5, fitted(words, 11, SIDE), 11, PALE_INK))
        marks.append(Raster(x, top, *size, pixels, sharp=place == 1 or scale >= 2))
        marks.append(Frame(x, top, *size, outline="#c9c4b8", thick=0.5))
    marks += _bar(MARGIN + SIDE + GAP, top + size[1] + 10, size[0], signed, reach)
    below = top + size[1] + 10 + BAR + TICKS
    if curves:
        marks += _curves(curves, below + 12)
        below += 12 + SIDE * 0.75
    said = f"{title}: {unit_words}"
    return Page(WIDTH, round(below + MARGIN), tuple(marks), said)


def _bar(x: float, y: float, width: float, signed: bool, reach: float) -> Iterator[Mark]:
    """The scale of the map's colors."""
    low = -reach if signed else 0.0
    ramp = np.linspace(low, reach, 256)[None] if reach > 0 else np.zeros((1, 256))
    yield Raster(x, y, width, BAR, map_pixels(ramp, signed=signed, reach=reach), sharp=False)
    yield Frame(x, y, width, BAR, outline="#c9c4b8", thick=0.5)
    rounded = float(f"{reach:.3g}")
    ends = (value_words(-rounded) if signed else "0", value_words(rounded))
    yield Label(x, y + BAR + 12, ends[0], 10, INK)
    yield Label(x + width, y + BAR + 12, ends[1], 10, INK, "end")
    if signed:
        yield Label(x + width / 2, y + BAR + 12, "0", 10, INK, "middle")


def _curves(curves: Mapping[str, Curve], y: float) -> Iterator[Mark]:
    """The insertion and the deletion curve side by side, each with its area."""
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    for place, (name, curve) in enumerate(curves.items()):
        x = MARGIN + place * (width + GAP)
        drawing = curve.drawing()
        scale = min(width / drawing.width, 1.0)
        widths = np.diff(curve.x)
        area = float((widths * (np.array(curve.y[1:]) + np.array(curve.y[:-1])) / 2).sum())
        better = "higher is better" if name == "insertion" else "lower is better"
        yield Label(x, y, f"{name}: area {area:.3f}, {better}", 11, INK)
        image = np.asarray(drawing.image())
        yield Raster(x, y + 8, drawing.width * scale, drawing.height * scale, image, sharp=False)
