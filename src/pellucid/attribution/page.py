# SPDX-License-Identifier: Apache-2.0
"""The figure of one map: the image, the map with its scale, the map over the image, and how faithful it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.attribution.faithfulness import SCORES, Faithfulness
from pellucid.figures.drawing import Drawing, Line, Words
from pellucid.figures.lettering import fitted
from pellucid.figures.plot import HEIGHT, Plot, round_ticks
from pellucid.figures.plot import WIDTH as PLOT_WIDTH
from pellucid.figures.words import value_words
from pellucid.kernels import Page
from pellucid.kernels.page import INK, PALE_INK, Frame, Label, Raster
from pellucid.kernels.palette import from_white

__all__ = ["attribution_page", "map_pixels", "overlay_pixels", "reach_of", "smoothed"]

Floats = NDArray[np.float64] | NDArray[np.float32]
Pixels = NDArray[np.uint8]
Mark = Raster | Frame | Label

SIDE, GAP, MARGIN, HEAD, LINE = 288, 24, 24, 30, 15
BAR, TICKS, CAPTION = 10, 16, 16
WIDTH = 3 * SIDE + 2 * GAP + 2 * MARGIN
FULL = 0.995  # the share of pixels below full color: a few glints would leave all others pale
# From nothing to the strongest; lightness falls evenly, so a print without color reads as well.
ONE_SIDED = np.array([(250, 249, 246), (244, 199, 120), (214, 106, 60), (135, 31, 58), (49, 10, 53)], float)
SMOOTHED = 56  # a fine map is smoothed by a Gaussian of so little of the image's side: 4 px of 224
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
    shown: Pixels = np.stack(channels, -1).round().astype(np.uint8)
    return shown


def overlay_pixels(values: Floats, picture: Pixels, *, signed: bool, reach: float | None = None) -> Pixels:
    """The map's colors over the image in pale gray, the stronger the more opaque."""
    full = reach_of(values) if reach is None else reach
    gray = np.asarray(Image.fromarray(picture).convert("L"), float)[..., None]
    pale = 255 - DIM * (255 - gray)
    shares = np.clip(np.abs(values) / full, 0, 1)[..., None] if full > 0 else np.zeros((*values.shape, 1))
    colors = map_pixels(values, signed=signed, reach=full).astype(float)
    # Full color at full strength; the colors of weak values are near white, so the image shows through them.
    shown: Pixels = np.round(pale * (1 - shares) + colors * shares * (0.55 + 0.45 * pale / 255)).astype(
        np.uint8
    )
    return shown


def attribution_page(
    picture: Pixels,
    values: Floats,
    *,
    signed: bool,
    title: str,
    lines: Sequence[str],
    unit_words: str,
    fine: bool = False,
    games: Faithfulness | None = None,
    caution: str = "",
) -> Page:
    """The page of one map (H, W) and its image (H, W, 3) uint8.

    `lines` stand under the title, `caution` in red below them. A `fine` map is smoothed where it lies over the image.
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
        _over(values, picture, signed, reach, fine),
    )
    for place, (words, pixels) in enumerate(shown):
        x = MARGIN + place * (SIDE + GAP)
        marks.append(Label(x, top - 5, fitted(words, 11, SIDE), 11, PALE_INK))
        marks.append(Raster(x, top, *size, pixels, sharp=place == 1 or scale >= 2))
        marks.append(Frame(x, top, *size, outline="#c9c4b8", thick=0.5))
    marks += _bar(MARGIN + SIDE + GAP, top + size[1] + 10, size[0], signed, reach)
    below = top + size[1] + 10 + BAR + TICKS
    if games is not None:
        marks += _games(games, below + 14)
        below += 22 + HEIGHT
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


def _over(values: Floats, picture: Pixels, signed: bool, reach: float, fine: bool) -> tuple[str, Pixels]:
    """The third picture and what it is."""
    if not fine:
        return "the map over the image", overlay_pixels(values, picture, signed=signed, reach=reach)
    sigma = max(values.shape) / SMOOTHED
    smooth = smoothed(values, sigma)
    return f"smoothed over {sigma:.0f} px, over the image", overlay_pixels(smooth, picture, signed=signed)


def smoothed(values: Floats, sigma: float) -> NDArray[np.float64]:
    """A map under a Gaussian; its sum stays, but for what leaves at the border."""
    reach = max(int(3 * sigma), 1)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    found = np.asarray(values, float)
    for axis in (0, 1):
        found = np.apply_along_axis(
            lambda line: np.convolve(line, weights, "full")[reach:-reach], axis, found
        )
    return found


def _games(games: Faithfulness, y: float) -> Iterator[Mark]:
    """The insertion and the deletion curve side by side, each with its area, on one scale."""
    curves = {
        "insertion": (games.insertion, games.insertion_auc),
        "deletion": (games.deletion, games.deletion_auc),
    }
    both = [value for curve, _ in curves.values() for value in curve or ()]
    span = (min(0.0, *both), max(1.0, *both)) if both else (0.0, 1.0)
    step = (WIDTH - 2 * MARGIN + GAP) / 2
    for place, (name, (curve, area)) in enumerate(curves.items()):
        x = MARGIN + place * step
        better = "shown first what is strongest in the map; higher is better"
        if name == "deletion":
            better = "removed first what is strongest in the map; lower is better"
        if curve is None or area is None:
            yield Label(
                x, y, f"{name}: the emptied image has the same response, nothing to share out", 11, INK
            )
            continue
        yield Label(x, y, f"{name}: area {area:.3f}; {better}", 11, INK)
        plot = Plot((0, 1), span)
        what = "share of pixels shown" if name == "insertion" else "share of pixels removed"
        marks: list[Line | Words] = plot.frame(
            [(tick, value_words(tick)) for tick in round_ticks(0, 1)], what, SCORES[games.score]
        )
        marks.append(Line(tuple(plot.at(*point) for point in zip(games.shares, curve, strict=True)), "line"))
        image = np.asarray(Drawing(PLOT_WIDTH, HEIGHT, tuple(marks), name).image())
        yield Raster(x, y + 8, PLOT_WIDTH, HEIGHT, image, sharp=False)
