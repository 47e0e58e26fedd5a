# SPDX-License-Identifier: Apache-2.0
"""The highest of what a unit does, position by position: above the peak of the last item shown, every position of the data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.figures.map import ONE_SIDED, SIGNED
from pellucid.figures.strip import FULL, Strip

__all__ = ["Tail", "kept_maps", "tail_from"]

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tail:
    """All responses of a unit above `start`, the peak of the weakest of the items whose maps are kept.

    No other item reaches `start`, so that what lies above it in those maps is all there is.

    Parameters
    ----------
    values : descending, each at most so high: maps are kept in steps, and a step's upper edge stands for it
    positions : of all items together
    """

    start: float
    values: Floats
    positions: int

    def shares(self, responses: Floats) -> Floats:
        """The share of all positions that answer at least so much, for responses above `start`; never told too small."""
        counts = np.searchsorted(-self.values, -responses, "right")
        return np.maximum(counts, 1) / self.positions

    def cut(self, share: float) -> tuple[float, float] | None:
        """The lowest response above `start` that is known to be reached by at most this share of all positions, and that share.

        The share comes back as it was asked where one position more would be too many; 0 where none reaches it. None where
        more than `share` may lie above every response that is not `start` itself.
        """
        allowed = int(share * self.positions + 1e-9)
        above = allowed < len(self.values)
        at = float(np.nextafter(self.values[allowed] if above else self.start, np.inf))
        count = int((self.values >= at).sum())
        if not np.isfinite(at):
            return None
        return at, share if above and count == allowed > 0 else count / self.positions


def kept_maps(text: str, items: int, cells: int) -> tuple[Strip, float] | None:
    """The maps of a unit's strongest items in the text of its `examples`, and the lowest of these items' peaks.

    That is minus infinity where no more than these are in the data, of so many items. None where no maps are kept, or maps
    smaller than the layer's grid of so many cells: these do not hold every position.
    """
    start = text.find('"max":{"items":[')
    end = text.find('"maps":{', start)
    if start < 0 or end < 0 or '"type":' in text[start:end]:  # then they are another band's
        return None
    strip = Strip.from_json(json.JSONDecoder().raw_decode(text, end + 7)[0])
    if strip.width * strip.height != cells:
        return None
    if strip.count >= items:
        return strip, -np.inf
    at = text.rfind('"response":', start, end) + 11
    return strip, float(json.JSONDecoder().raw_decode(text, at)[0])


def tail_from(strip: Strip, sheet: Image.Image, weakest: float, items: int) -> Tail | None:
    """The tail that the maps of a unit's strongest items tell; None where the sheet is not in the colors of one.

    Parameters
    ----------
    strip : of the strongest items, whole maps; `sheet` is its blob's picture
    weakest : the lowest of these items' peaks; minus infinity where the data has no other items
    items : of all the data
    """
    top, height, width = strip.row * strip.height, strip.height, strip.width * strip.count
    pixels = np.asarray(sheet.convert("RGB"))
    steps = _steps(pixels[top : top + height, :width])
    if steps is None or not strip.full > 0:
        return None
    upper = (np.sort(steps.ravel())[::-1].astype(np.float64) + 0.5) * (strip.full / FULL)
    kept = upper[upper > weakest]
    return Tail(weakest, kept, items * strip.height * strip.width)


def _steps(pixels: NDArray[np.uint8]) -> Steps | None:
    """The whole steps that colors stand for, by the palette that has all of them."""
    keys = pixels.astype(np.int64) @ (1 << np.array([16, 8, 0]))
    for signed in (True, False):
        known, steps = _palette(signed)
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        if (known[at] == keys).all():
            return steps[at]
    return None


@cache
def _palette(signed: bool) -> tuple[Steps, Steps]:
    """The colors of a sheet as numbers, ascending, and the step that each stands for."""
    steps = np.arange(-FULL if signed else 0, FULL + 1)
    colors = SIGNED if signed else ONE_SIDED
    stops = np.linspace(steps[0], steps[-1], len(colors))
    table = np.stack([np.interp(steps, stops, colors[:, channel]) for channel in range(3)], -1).round()
    keys = table.astype(np.int64) @ (1 << np.array([16, 8, 0]))
    order = np.argsort(keys)
    return keys[order], steps[order]
