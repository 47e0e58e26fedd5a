# SPDX-License-Identifier: Apache-2.0
"""Kernels as small pictures, one pixel for each weight, zero as middle gray."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.kernels.bank import Bank
from pellucid.kernels.palette import WHITE_RAMP, from_gray, from_white

__all__ = ["SCALES", "STYLES", "Bands", "band_colors", "filter_tiles", "scale_words", "style_of"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Bands = Mapping[str, Sequence[float]]

SCALES: Mapping[str, str] = {
    "own": "each on a scale of its own, its largest |weight| in full color",
    "shared": "all on one scale, the layer's largest |weight|, {reach:.3g}, in full color",
}
STYLES: Mapping[str, str] = {
    "color": "middle gray is 0",
    "bands": "middle gray is 0; channels added up in colors of their own",
    "slices": "middle gray is 0; one panel for each slice in depth or time, the first on the left",
    "panels": "middle gray is 0; one panel for each input channel{places}",
    "signed": "white is 0, blue below, red above; one panel for each input channel{places}",
    "bars": "a bar for each weight along the signal, red above 0, blue below; one row for each input channel{places}",
}
# More channels are no longer told apart by their place alone, and signs matter more than grays.
MOST_PANELS = 16
PAPER_SEAM, GRAY_SEAM = (253, 252, 249), (226, 223, 215)  # between panels: unlike their zero
PANEL_SIDE, MOST_ENLARGED = 12, 64  # pixels of a panel at least; of so many at most
SEAMS = 7  # a panel is as long as so many seams: among the weights of noise a thinner one is not seen
BAR_REACH, BAR_CHART = 12, 48  # pixels: from zero to full, and a chart's width at least
ZERO_LINE, BLANK = (150, 146, 138), (250, 249, 246)


def style_of(bank: Bank, bands: Bands | None = None) -> str:
    """The style that shows a bank best: color where its channels are colors, else bands, panels or signed maps."""
    if bank.is_signal:
        return "bars"
    if bank.is_color or bank.is_gray:
        return "slices" if bank.slices > 1 else "color"
    if bands is not None:
        return "bands"
    return "panels" if len(bank.channels) <= MOST_PANELS and not bank.deeper else "signed"


def scale_words(bank: Bank, *, scale: str, style: str) -> tuple[str, str]:
    """How the colors of a bank's tiles are to be read: what zero is, and what full color is."""
    full = SCALES[scale].format(reach=np.abs(bank.weights).max())
    full = full.replace("color", "height") if style == "bars" else full
    return STYLES[style].format(places=_places(bank, style)), full


def _places(bank: Bank, style: str) -> str:
    """Which channel stands where."""
    count = len(bank.channels)
    if count == 1:
        return ""
    columns = 1 if style == "bars" else _columns(count, *bank.size)
    if count > MOST_PANELS:
        return f", from 0 on, {columns} to a row" if columns > 1 else ", from 0 on"
    rows = [bank.channels[at : at + columns] for at in range(0, count, columns)]
    return ": " + " / ".join(", ".join(row) for row in rows)


def filter_tiles(
    bank: Bank, *, scale: str = "own", style: str | None = None, bands: Bands | None = None
) -> list[Pixels]:
    """Each kernel as a picture of one pixel per weight, uint8 (h, w, 3).

    Parameters
    ----------
    scale : `own`: each kernel's largest |weight| is full color; `shared`: the largest of all kernels is
    style : of STYLES; None: `style_of`. `panels` and `signed` lay the channels out in a grid, a thin seam apart, small
        ones enlarged; `bars` are a chart
    bands : the color (red, green, blue in -1..1) in which each channel counts, for the style `bands`

    Raises
    ------
    UnknownName : no such scale or style, or a channel that `bands` does not name
    InputError : color was asked of channels that are no colors

    Examples
    --------
    >>> red = np.zeros((1, 3, 1, 1)); red[0, 0] = 0.2
    >>> filter_tiles(Bank.of(red))[0].tolist()
    [[[255, 128, 128]]]
    """
    style = style or style_of(bank, bands)
    _check("scale", scale, SCALES)
    _check("style", style, STYLES)
    kernels = bank.weights
    if style in ("color", "slices") and not (bank.is_color or bank.is_gray):
        raise InputError(
            f"color was asked of filters on {len(bank.channels)} channels that are no colors; "
            "panels, signed or bands show them"
        )
    if style == "bands":
        kernels = np.einsum("kchw,cr->krhw", kernels, _band_colors(bank, bands))
    reach = np.abs(kernels).max((1, 2, 3)) if scale == "own" else np.full(bank.count, np.abs(kernels).max())
    return [_tile(bank, kernel, top, style) for kernel, top in zip(kernels, reach, strict=True)]


def _tile(bank: Bank, kernel: Floats, reach: float, style: str) -> Pixels:
    if style == "bars":
        return _bars(kernel[:, 0], reach)
    if style == "slices" or (style == "color" and bank.slices > 1):
        colors = kernel.reshape(-1, bank.slices, *kernel.shape[1:]).swapaxes(0, 1)  # (slices, C, h, w)
        return _panels(np.stack([_color_tile(one, reach) for one in colors]), PAPER_SEAM, columns=bank.slices)
    if style in ("color", "bands"):
        return _color_tile(kernel, reach)
    paint, seam = (from_white, GRAY_SEAM) if style == "signed" else (_gray, PAPER_SEAM)
    return _panels(paint(kernel, reach), seam)


def band_colors(bank: Bank, words: str) -> dict[str, tuple[float, float, float]]:
    """The colors of channels that `3,2,1` asks for: these channels as red, green and blue, the others left out.

    Raises
    ------
    InputError : not three channels of the bank, by name or number

    Examples
    --------
    >>> band_colors(Bank.of(np.ones((1, 4, 3, 3))), "3,2,1")["3"]
    (1.0, 0.0, 0.0)
    """
    names = [word.strip() for word in words.split(",")]
    if len(names) != 3 or not set(names) <= set(bank.channels):
        there = f"{bank.channels[0]} to {bank.channels[-1]}"
        raise InputError(
            f"bands {words!r}: write three channels for red, green and blue, as 3,2,1; there is {there}"
        )
    return {
        channel: (float(channel == names[0]), float(channel == names[1]), float(channel == names[2]))
        for channel in bank.channels
    }


def _check(what: str, asked: str, table: Mapping[str, str]) -> None:
    if asked not in table:
        raise UnknownName(f"no {what} of filter pictures is named {asked!r}; {did_you_mean(asked, table)}")


def _band_colors(bank: Bank, bands: Bands | None) -> Floats:
    missing = [name for name in bank.channels if name not in (bands or {})]
    if missing or bands is None:
        raise UnknownName(
            f"no color was given for the channel {missing[0]!r}; bands needs one for each channel"
        )
    colors = np.array([tuple(bands[name]) for name in bank.channels], float)
    if colors.shape != (len(bank.channels), 3):
        raise InputError("a band's color is red, green and blue: three numbers for each channel")
    return colors


def _color_tile(kernel: Floats, reach: float) -> Pixels:
    return np.broadcast_to(from_gray(kernel, reach).transpose(1, 2, 0), (*kernel.shape[1:], 3)).copy()


def _gray(values: Floats, reach: float) -> Pixels:
    return np.repeat(from_gray(values, reach)[..., None], 3, -1)


def _bars(kernel: Floats, reach: float) -> Pixels:
    """A signal's kernel (C, k) as bar charts one above the other."""
    channels, length = kernel.shape
    wide = max(round(BAR_CHART / length), 1)
    offset = np.arange(BAR_REACH, -BAR_REACH - 1, -1)[:, None]  # from the top: full ... 0 ... -full
    height = np.round(kernel / reach * BAR_REACH) if reach > 0 else np.zeros_like(kernel)
    full = np.where(height[..., None] < 0, WHITE_RAMP[0], WHITE_RAMP[-1]).astype(np.uint8)  # (C, k, 3)
    charts = np.empty((channels, len(offset), length, 3), np.uint8)
    for chart, bars, color in zip(charts, height, full, strict=True):
        inside = (offset * np.sign(bars) > 0) & (np.abs(offset) <= np.abs(bars))  # (rows, k)
        chart[:] = np.where(inside[..., None], color, BLANK)
        chart[BAR_REACH] = ZERO_LINE
    return _panels(charts.repeat(wide, 2), PAPER_SEAM, columns=1)


def _columns(channels: int, height: int, width: int) -> int:
    """Panels side by side in a grid about as wide as high."""
    return math.ceil(math.sqrt(channels * height / width))


def _panels(pictures: Pixels, seam: tuple[int, int, int], columns: int | None = None) -> Pixels:
    """Panels (C, h, w, 3) row by row in a grid, a thin seam between them; of one pixel where they are not enlarged."""
    enlarge = 1 < len(pictures) <= MOST_ENLARGED
    zoom = math.ceil(PANEL_SIDE / max(pictures.shape[1:3])) if enlarge else 1
    pictures = pictures.repeat(zoom, 1).repeat(zoom, 2)
    channels, height, width = pictures.shape[:3]
    columns = columns or _columns(channels, height, width)
    rows = math.ceil(channels / columns)
    apart = max(round(max(height, width) / SEAMS), 1) if enlarge else 1
    tile = np.empty((rows * (height + apart) - apart, columns * (width + apart) - apart, 3), np.uint8)
    tile[:] = seam
    for number, pixels in enumerate(pictures):
        row, column = divmod(number, columns)
        y, x = row * (height + apart), column * (width + apart)
        tile[y : y + height, x : x + width] = pixels
    return tile
