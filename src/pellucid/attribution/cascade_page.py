# SPDX-License-Identifier: Apache-2.0
"""The figure of a cascade: for each method a row of maps, from the network as it is to one whose weights are all shuffled."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.attribution.page import WARNING, Mark, map_pixels
from pellucid.figures.lettering import fitted
from pellucid.figures.words import value_words
from pellucid.kernels import Page
from pellucid.kernels.page import INK, PALE_INK, Frame, Label, Raster

__all__ = ["cascade_page"]

MOST_COLUMNS = 9  # beside the network as it is
LETTER, SMALL_LETTER, LINE = (
    7,
    6,
    14,
)  # px that a letter takes, rather too many than too few, and a line of small ones
TILE, GAP, MARGIN, HEAD, CAPTION = 112, 8, 24, 48, 36

Row = tuple[str, bool, NDArray[np.float32], Sequence[float | None], bool]


def cascade_page(
    picture: NDArray[np.uint8], rows: Sequence[Row], stages: Sequence[str], *, title: str
) -> Page:
    """The page of rows (verdict, signed, maps (stages + 1, H, W), correlations, passes); of many stages every n-th is shown."""
    shown = _shown(len(stages))
    width = 2 * MARGIN + (len(shown) + 2) * (TILE + GAP) - GAP
    scale = TILE / max(picture.shape[:2])
    tile = (picture.shape[1] * scale, picture.shape[0] * scale)
    told = (
        "shuffled from the output down to the layer named; colors of each map by itself; "
        "numbers: rank correlation with the network as it is"
    )
    marks: list[Mark] = [Label(MARGIN, MARGIN + 14, fitted(title, 18, width - 2 * MARGIN), 18)]
    y = MARGIN + HEAD - LINE
    for line in textwrap.wrap(told, (width - 2 * MARGIN) // SMALL_LETTER):
        marks.append(Label(MARGIN, y, line, 11, PALE_INK))
        y += LINE
    for verdict, signed, maps, correlations, passes in rows:
        for line in textwrap.wrap(verdict, (width - 2 * MARGIN) // LETTER):
            y += 16
            marks.append(Label(MARGIN, y, line, 12, INK if passes else WARNING))
        top = y + 8
        marks += _tile(MARGIN, top, tile, picture, "the image", "")
        marks += _tile(MARGIN + TILE + GAP, top, tile, map_pixels(maps[0], signed=signed), "as it is", "")
        for column, stage in enumerate(shown, start=2):
            x = MARGIN + column * (TILE + GAP)
            value = correlations[stage]
            words = "no variation" if value is None else value_words(float(f"{value:.2f}"))
            pixels = map_pixels(maps[stage + 1], signed=signed)
            marks += _tile(x, top, tile, pixels, stages[stage], words)
        y = round(top + tile[1] + CAPTION)
    said = f"{title}: " + "; ".join(row[0] for row in rows)
    return Page(width, y + MARGIN // 2, tuple(marks), said)


def _shown(count: int) -> list[int]:
    """Which stages have a column: all, or as many as there is room for, the first and the last one always."""
    columns = min(count, MOST_COLUMNS)
    return [round(place * (count - 1) / max(columns - 1, 1)) for place in range(columns)]


def _tile(
    x: float, y: float, size: tuple[float, float], pixels: NDArray[np.uint8], name: str, value: str
) -> list[Mark]:
    return [
        Raster(x, y, *size, pixels, sharp=False),
        Frame(x, y, *size, outline="#c9c4b8", thick=0.5),
        Label(x, y + size[1] + 12, fitted(name, 9, TILE + GAP), 9, PALE_INK),
        Label(x, y + size[1] + 24, value, 10, INK),
    ]
