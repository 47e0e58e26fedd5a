# SPDX-License-Identifier: Apache-2.0
"""A page made of colored marks and pictures, given out as PNG and as SVG for papers.

Beside `figures.drawing`, whose marks carry roles that a style sheet colors: here the color is the message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pellucid.errors import InputError
from pellucid.figures.blob import Blob
from pellucid.figures.file import picture_path, write
from pellucid.figures.lettering import drawable, typeface
from pellucid.figures.markup import data_uri, text
from pellucid.figures.stamp import write_png

__all__ = ["INK", "PALE_INK", "PAPER", "Frame", "Label", "Page", "Raster"]

PAPER, INK, PALE_INK = "#fdfcf9", "#1d1c1a", "#66625b"
FILE_ENDINGS = (".png", ".svg")
SCALE = 2  # pixels of the file for each of the page
MOST_PIXELS = 200_000_000
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture at (x, y), `pixels` uint8 (H, W) or (H, W, 3) stretched over width by height; `sharp`: unsmoothed."""

    x: float
    y: float
    width: float
    height: float
    pixels: NDArray[np.uint8]
    sharp: bool = True

    def at_size(self, width: int, height: int) -> Image.Image:
        """The picture with so many pixels."""
        how = Image.Resampling.NEAREST if self.sharp else Image.Resampling.LANCZOS
        image = Image.fromarray(self.pixels).convert("RGB")
        return image.resize((max(width, 1), max(height, 1)), how)


@dataclass(frozen=True)
class Frame:
    """A rectangle: its outline, or filled where `fill` is a color."""

    x: float
    y: float
    width: float
    height: float
    outline: str | None = None
    fill: str | None = None
    thick: float = 1


@dataclass(frozen=True)
class Label:
    """A text whose base line starts, is centered or ends at (x, y)."""

    x: float
    y: float
    words: str
    letters: float = 11
    ink: str = INK
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True, eq=False)
class Page:
    """Marks on paper of `width` by `height`, the later over the earlier; `alt` says in a sentence what they show."""

    width: int
    height: int
    marks: tuple[Raster | Frame | Label, ...]
    alt: str

    def image(self) -> Image.Image:
        """The page as an RGB image, two pixels for each of its own.

        Raises
        ------
        InputError : more than 200 million pixels
        """
        if self.width * self.height * SCALE**2 > MOST_PIXELS:
            raise InputError(
                f"a page of {self.width}x{self.height} is too large; fewer or smaller pictures fit"
            )
        image = Image.new("RGB", (self.width * SCALE, self.height * SCALE), PAPER)
        pen = ImageDraw.Draw(image)
        for mark in self.marks:
            if isinstance(mark, Raster):
                left, top, right, bottom = _corners(mark)
                image.paste(mark.at_size(right - left, bottom - top), (left, top))
            elif isinstance(mark, Frame):
                _draw_frame(pen, mark)
            else:
                face = typeface(round(mark.letters * SCALE))
                where = (mark.x * SCALE, mark.y * SCALE)
                pen.text(where, drawable(mark.words), mark.ink, face, anchor=ANCHORS[mark.anchor])
        return image

    def png(self, provenance: Mapping[str, Any] | None = None) -> bytes:
        """The page as a PNG that carries its provenance."""
        return write_png(self.image(), provenance or {})

    def svg(self, provenance: Mapping[str, Any] | None = None) -> str:
        """The page as an SVG file that carries its provenance.

        Texts stay texts; pictures are PNGs, those that are sharp enlarged so that no viewer blurs them.
        """
        source = json.dumps(dict(provenance or {}), sort_keys=True, allow_nan=False)
        stamp = f'<metadata id="pellucid">{text(source)}</metadata>' if provenance else ""
        body = "".join(_svg(mark) for mark in self.marks)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" aria-label="{text(self.alt)}" '
            f'font-family="Helvetica, Arial, sans-serif"><title>{text(self.alt)}</title>{stamp}'
            f'<rect width="{self.width}" height="{self.height}" fill="{PAPER}"/>{body}</svg>\n'
        )

    def save(self, path: str | Path, provenance: Mapping[str, Any] | None = None) -> Path:
        """Write the page, as its name ends: `.png`, which is also meant by no ending, or `.svg`.

        Raises
        ------
        InputError : another ending
        """
        where = picture_path(path, FILE_ENDINGS)
        svg = where.suffix.lower() == ".svg"
        return write(where, self.svg(provenance).encode() if svg else self.png(provenance))

    def _repr_png_(self) -> bytes:
        return self.png()


def _corners(mark: Raster | Frame) -> tuple[int, int, int, int]:
    edges = (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
    left, top, right, bottom = (round(edge * SCALE) for edge in edges)
    return left, top, right, bottom


def _draw_frame(pen: ImageDraw.ImageDraw, mark: Frame) -> None:
    left, top, right, bottom = _corners(mark)
    if right <= left or bottom <= top:
        return
    pen.rectangle(
        (left, top, right - 1, bottom - 1), mark.fill, mark.outline, max(round(mark.thick * SCALE), 1)
    )


def _svg(mark: Raster | Frame | Label) -> str:
    if isinstance(mark, Label):
        return (
            f'<text x="{mark.x:.2f}" y="{mark.y:.2f}" font-size="{mark.letters:g}" fill="{mark.ink}" '
            f'text-anchor="{mark.anchor}">{text(mark.words)}</text>'
        )
    where = f'x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}" height="{mark.height:.2f}"'
    if isinstance(mark, Frame):
        half = mark.thick / 2
        if mark.outline:  # SVG draws half of a line outside; ours lies inside
            where = (
                f'x="{mark.x + half:.2f}" y="{mark.y + half:.2f}" width="{max(mark.width - mark.thick, 0):.2f}" '
                f'height="{max(mark.height - mark.thick, 0):.2f}"'
            )
        line = f' stroke="{mark.outline}" stroke-width="{mark.thick:g}"' if mark.outline else ""
        return f'<rect {where} fill="{mark.fill or "none"}"{line}/>'
    height, width = mark.pixels.shape[:2]
    # What is smooth a viewer may smooth: it is embedded as it is.
    factor = max(int(np.ceil(SCALE * mark.width / width)), 1) if mark.sharp else 1
    source = data_uri(Blob.of(write_png(mark.at_size(width * factor, height * factor), {})))
    return f'<image {where} preserveAspectRatio="none" href="{source}"/>'
