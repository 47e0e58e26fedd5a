# SPDX-License-Identifier: Apache-2.0
"""A field of numbers over positions, drawn in color."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from pellucid.figures.blob import Blob
from pellucid.figures.markup import Link, data_uri, for_notebook, text
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words

__all__ = ["Map"]


# Lightness runs evenly: a print without color still reads, and any color vision tells the ends apart.
ONE_SIDED = np.array([(16, 26, 48), (31, 78, 107), (62, 141, 132), (159, 196, 118), (250, 244, 190)], float)
SIGNED = np.array([(28, 68, 120), (116, 159, 196), (247, 245, 240), (222, 141, 108), (143, 36, 24)], float)


@dataclass(frozen=True)
class Map:
    """`values[y][x]`, row by row, not rescaled. `label` says what they are and in which unit."""

    type: ClassVar[str] = "map"

    values: tuple[tuple[float, ...], ...]
    label: str

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def image(self) -> Image.Image:
        """One pixel per value: dark (lowest) to light; where signs differ, blue over white (zero) to red."""
        values = np.atleast_2d(np.asarray(self.values, float))
        if not values.size:
            return Image.new("RGB", (1, 1), "white")
        low, high = values.min(), values.max()
        if low < 0 < high:
            reach, colors = max(-low, high), SIGNED
            shares = values / reach / 2 + 0.5
        else:
            shares, colors = (values - low) / ((high - low) or 1), ONE_SIDED
        stops = np.linspace(0, 1, len(colors))
        channels = [np.interp(shares, stops, colors[:, channel]) for channel in range(3)]
        return Image.fromarray(np.stack(channels, -1).round().astype(np.uint8))

    @property
    def words(self) -> str:
        """The label with the span of the values."""
        flat = [value for row in self.values for value in row]
        span = f"{value_words(min(flat))} to {value_words(max(flat))}" if flat else "no values"
        return f"{self.label}: {span}"

    def html(self, link: Link) -> str:
        """The map as a small picture of its own, enlarged without smoothing, with the span of its values."""
        image = self.image()
        source = data_uri(Blob.of(write_png(image, {})))
        return (
            f'<figure class="map"><img class="picture pixelated" src="{source}" width="{image.width}" '
            f'height="{image.height}" alt="{text(self.words)}">'
            f"<figcaption>{text(self.words)}</figcaption></figure>"
        )

    def png(self) -> bytes:
        """The map enlarged on a sheet with its label."""
        image = self.image()
        factor = max(320 // max(image.size), 1)
        large = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        return write_png(contact_sheet([(large, self.words)], tile_px=max(large.size)), {})

    def _repr_html_(self) -> str:
        return for_notebook(self.html(str))

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "values": [list(row) for row in self.values], "label": self.label}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Map:
        return cls(tuple(tuple(line) for line in row["values"]), row["label"])
