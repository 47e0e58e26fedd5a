# SPDX-License-Identifier: Apache-2.0
"""Many small response maps in one picture, all on one scale: a file for a unit, not for a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.figures.blob import Blob
from pellucid.figures.map import ONE_SIDED, SIGNED
from pellucid.figures.markup import Link, text
from pellucid.figures.stamp import write_png

__all__ = ["Strip", "strip_sheet"]

FULL = 127


@dataclass(frozen=True)
class Strip:
    """A row of `count` maps of `width` by `height` cells, `row` rows below the top of the sheet in `blob`.

    `full` is the response that the brightest color of the sheet stands for.
    """

    blob: Blob
    width: int
    height: int
    count: int
    row: int
    full: float

    def html(self, link: Link, place: int, label: str) -> str:
        """One of the maps."""
        if not 0 <= place < self.count:
            return ""
        view = f"{place * self.width:d} {self.row * self.height:d} {self.width:d} {self.height:d}"
        return (
            f'<svg class="small-map" viewBox="{view}" width="104" height="104" preserveAspectRatio="xMidYMin" role="img" '
            f'aria-label="{label}"><image class="pixelated" href="{text(link(self.blob))}"/></svg>'
        )

    def image(self, place: int) -> Image.Image:
        """One of the maps, a pixel for each cell."""
        left, top = place * self.width, self.row * self.height
        return self.blob.image().convert("RGB").crop((left, top, left + self.width, top + self.height))

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "blob": [self.blob.hash, self.blob.mime]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Strip:
        return cls(Blob(*row["blob"]), row["width"], row["height"], row["count"], row["row"], row["full"])


def strip_sheet(
    rows: Sequence[Sequence[NDArray[np.int8] | None]], shape: tuple[int, int], full: float
) -> list[Strip]:
    """One strip for each row of (h, w) maps in -127..127, all in one picture; None leaves a place blank.

    Dark to light where none is negative; otherwise blue over white (zero) to red.

    >>> [strip] = strip_sheet([[np.zeros((2, 3), np.int8), None]], (2, 3), 1.0)
    >>> strip.image(1).size, strip.blob.image().size
    ((3, 2), (6, 2))
    """
    height, width = shape
    sheet = np.zeros((len(rows) * height, max(map(len, rows), default=0) * width), np.int16)
    blank = np.ones(sheet.shape, np.bool_)
    for place, row in enumerate(rows):
        for column, each in enumerate(row):
            if each is not None:
                part = (
                    slice(place * height, (place + 1) * height),
                    slice(column * width, (column + 1) * width),
                )
                sheet[part], blank[part] = each, False
    signed = bool((sheet < 0).any())
    stops, colors = (
        (np.linspace(-FULL, FULL, len(SIGNED)), SIGNED)
        if signed
        else (np.linspace(0, FULL, len(ONE_SIDED)), ONE_SIDED)
    )
    table = np.stack(
        [np.interp(np.arange(-FULL, FULL + 1), stops, colors[:, channel]) for channel in range(3)], -1
    )
    pixels = table.round().astype(np.uint8)[sheet + FULL]
    pixels[blank] = 233
    blob = Blob.of(write_png(pixels, {}))
    return [Strip(blob, width, height, len(row), place, full) for place, row in enumerate(rows)]
