# SPDX-License-Identifier: Apache-2.0
"""A small line drawing made once and given out twice: as SVG for pages, as pixels for files.

Marks name their role (axis, bar, line, mark, words), not a color: a page's style sheet colors both themes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw

from pellucid.figures.lettering import drawable, typeface
from pellucid.figures.markup import text

__all__ = ["Box", "Drawing", "Line", "Words", "width_of"]

Role = Literal["axis", "bar", "line", "mark", "words"]

PAPER = "#fdfcf9"
INKS: dict[Role, str] = {
    "axis": "#8b867c",
    "bar": "#54697d",
    "line": "#2f5d8a",
    "mark": "#a5361f",
    "words": "#4c4943",
}
LETTERS_PX = 11
WIDER = 1.08
# A file is drawn larger than on a page by the first number, finer again by the second, and reduced.
SHARPNESS, SMOOTHING = 2, 2


class Box(NamedTuple):
    """A filled rectangle with its upper left corner at (x, y); `words` show when a pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    role: Role
    words: str = ""


class Line(NamedTuple):
    """A line through points (x, y)."""

    points: tuple[tuple[float, float], ...]
    role: Role


class Words(NamedTuple):
    """A text whose base line starts, is centered or ends at (x, y)."""

    x: float
    y: float
    words: str
    role: Role = "words"
    anchor: Literal["start", "middle", "end"] = "middle"


def width_of(words: str) -> float:
    """About how wide words are on a drawing, in px; the typefaces of pages are a little wider than that of files."""
    return WIDER * typeface(LETTERS_PX).getlength(drawable(words))


@dataclass(frozen=True)
class Drawing:
    """Marks on a sheet of `width` by `height` px; `alt` says in one sentence what it shows."""

    width: int
    height: int
    marks: tuple[Box | Line | Words, ...]
    alt: str

    def svg(self) -> str:
        """The drawing as inline SVG; presentation attributes color it where no style sheet does."""
        body = "".join(_svg(mark) for mark in self.marks)
        return (
            f'<svg class="drawing" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-label="{text(self.alt)}">{body}</svg>'
        )

    def image(self, sharpness: float = SHARPNESS) -> Image.Image:
        """The drawing as an RGB image, `sharpness` times its nominal size."""
        scale = sharpness * SMOOTHING
        size = (round(self.width * sharpness) * SMOOTHING, round(self.height * sharpness) * SMOOTHING)
        image = Image.new("RGB", size, PAPER)
        pen = ImageDraw.Draw(image)
        for mark in self.marks:
            _draw(pen, mark, scale)
        return image.reduce(SMOOTHING)


def _svg(mark: Box | Line | Words) -> str:
    ink = INKS[mark.role]
    if isinstance(mark, Box):
        hint = f"<title>{text(mark.words)}</title>" if mark.words else ""
        where = f'x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}" height="{mark.height:.2f}"'
        return f'<rect class="{mark.role}" fill="{ink}" {where}>{hint}</rect>'
    if isinstance(mark, Line):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in mark.points)
        return f'<polyline class="{mark.role}" fill="none" stroke="{ink}" points="{points}"/>'
    where = f'x="{mark.x:.2f}" y="{mark.y:.2f}" text-anchor="{mark.anchor}" font-size="{LETTERS_PX}"'
    return f'<text class="{mark.role}" fill="{ink}" {where}>{text(mark.words)}</text>'


def _draw(pen: ImageDraw.ImageDraw, mark: Box | Line | Words, scale: float) -> None:
    ink = INKS[mark.role]
    if isinstance(mark, Box):
        corners = (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
        left, top, right, bottom = (round(value * scale) for value in corners)
        if right > left and bottom > top:
            pen.rectangle((left, top, right - 1, bottom - 1), ink)
    elif isinstance(mark, Line):
        thick = 1.5 if mark.role == "line" else 1
        pen.line([(x * scale, y * scale) for x, y in mark.points], ink, round(thick * scale), "curve")
    else:
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
        face = typeface(round(LETTERS_PX * scale))
        pen.text((mark.x * scale, mark.y * scale), drawable(mark.words), ink, face, anchor=anchor)
