# SPDX-License-Identifier: Apache-2.0
"""Kernels as small pictures, one pixel for each weight, zero as middle gray."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.kernels.bank import GRAY, Bank
from pellucid.kernels.palette import from_gray, from_white

__all__ = ["SCALES", "STYLES", "Bands", "filter_tiles", "scale_words", "style_of"]

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
    "panels": "middle gray is 0; one panel for each input channel",
    "signed": "white is 0, blue below, red above; one panel for each input channel",
}
MOST_PANELS = (
    12  # more channels are no longer told apart by their place alone, and signs matter more than grays
)
PAPER_SEAM, GRAY_SEAM = (253, 252, 249), (208, 204, 194)  # between panels: unlike their zero


def style_of(bank: Bank, bands: Bands | None = None) -> str:
    """The style that shows a bank best: color where its channels are colors, else bands, panels or signed maps."""
    if bank.is_color or bank.channels == GRAY:
        return "color"
    if bands is not None:
        return "bands"
    return "panels" if len(bank.channels) <= MOST_PANELS else "signed"


def scale_words(bank: Bank, *, scale: str, style: str) -> tuple[str, str]:
    """How the colors of a bank's tiles are to be read: what zero is, and what full color is."""
    return STYLES[style], SCALES[scale].format(reach=np.abs(bank.weights).max())


def filter_tiles(
    bank: Bank, *, scale: str = "own", style: str | None = None, bands: Bands | None = None
) -> list[Pixels]:
    """Each kernel as a picture of one pixel per weight, uint8 (h, w, 3).

    Parameters
    ----------
    scale : `own`: each kernel's largest |weight| is full color; `shared`: the largest of all kernels is
    style : of STYLES; None: `style_of`. `panels` and `signed` lay the channels out in a grid, one pixel apart
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
    if style == "color" and not (bank.is_color or bank.channels == GRAY):
        raise InputError(
            f"color was asked of filters on {len(bank.channels)} channels that are no colors; "
            "panels, signed or bands show them"
        )
    if style == "bands":
        kernels = np.einsum("kchw,cr->krhw", kernels, _band_colors(bank, bands))
    reach = np.abs(kernels).max((1, 2, 3)) if scale == "own" else np.full(bank.count, np.abs(kernels).max())
    if style in ("color", "bands"):
        return [_color_tile(kernel, top) for kernel, top in zip(kernels, reach, strict=True)]
    paint, seam = (from_white, GRAY_SEAM) if style == "signed" else (_gray, PAPER_SEAM)
    return [_panels(paint(kernel, top), seam) for kernel, top in zip(kernels, reach, strict=True)]


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


def _panels(pictures: Pixels, seam: tuple[int, int, int]) -> Pixels:
    """Channels (C, h, w, 3) row by row in a grid about as wide as high, one pixel of seam between them."""
    channels, height, width = pictures.shape[:3]
    columns = math.ceil(math.sqrt(channels * height / width))
    rows = math.ceil(channels / columns)
    tile = np.empty((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.uint8)
    tile[:] = seam
    for number, pixels in enumerate(pictures):
        row, column = divmod(number, columns)
        y, x = row * (height + 1), column * (width + 1)
        tile[y : y + height, x : x + width] = pixels
    return tile
