# SPDX-License-Identifier: Apache-2.0
"""Text on pictures: the typeface that Pillow carries, and texts made to fit it."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from io import BytesIO
from typing import Any

from PIL import ImageFont

from pellucid.figures.words import MINUS

__all__ = ["broken", "drawable", "fitted", "typeface"]

# The bundled typeface holds ASCII and a few signs; what it lacks would be drawn as empty boxes. A minus is made of its plus.
SIGNS = frozenset("·…°±“”‘’−")
NEIGHBORS = str.maketrans({"×": "x", "–": "-", "—": "-", "µ": "u", "²": "2", "→": ">", "≥": ">=", "ß": "ss"})


@cache
def typeface(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface bundled with Pillow, the same on every machine, with a minus."""
    face = ImageFont.load_default(size_px)
    return _WithMinus(face) if isinstance(face, ImageFont.FreeTypeFont) else face


class _WithMinus(ImageFont.FreeTypeFont):
    """A typeface whose minus is its plus without the upright."""

    def __init__(self, face: ImageFont.FreeTypeFont) -> None:
        super().__init__(BytesIO(face.font_bytes), face.size, layout_engine=face.layout_engine)

    def getlength(self, text: Any, *args: Any, **more: Any) -> float:
        return super().getlength(_with_plus(text), *args, **more)

    def getbbox(self, text: Any, *args: Any, **more: Any) -> tuple[float, float, float, float]:
        return super().getbbox(_with_plus(text), *args, **more)

    def getmask2(self, text: Any, *args: Any, **more: Any) -> Any:
        mask, offset = super().getmask2(_with_plus(text), *args, **more)
        if isinstance(text, str):
            for place, letter in enumerate(text):
                if letter == MINUS:
                    self._without_upright(mask, _with_plus(text), place)
        return mask, offset

    def _without_upright(self, mask: Any, text: str, place: int) -> None:
        """In every row of the plus at a place of a drawn text, draw its middle as it is left of the upright."""
        left, top, _, _ = super().getbbox(text, anchor="ls")
        plus = super().getbbox("+", anchor="ls")
        wide = round(plus[2] - plus[0])
        first = max(round(super().getlength(text[:place]) + plus[0] - left) + wide // 4, 0)
        last = min(first + wide - 2 * (wide // 4), mask.size[0])
        for row in range(max(round(plus[1] - top), 0), min(round(plus[3] - top), mask.size[1])):
            if first < last:
                mask.paste(mask.getpixel((first, row)), (first, row, last, row + 1))


def _with_plus(text: Any) -> Any:
    return text.replace(MINUS, "+") if isinstance(text, str) else text


def drawable(text: str) -> str:
    """`text` in letters that the bundled typeface has: accents fall off, the rest becomes a question mark.

    >>> drawable("café −3×3 漢")
    'cafe −3x3 ?'
    """
    plain = unicodedata.normalize("NFKD", text.translate(NEIGHBORS))
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" or letter in SIGNS else "?" for letter in letters)


def fitted(text: str, size_px: int, width_px: int) -> str:
    """`text` as it can be drawn, an ellipsis in its middle where it is wider than `width_px`.

    Names of layers and files differ at their ends, so the end stays as well as the beginning.
    """
    face, words = typeface(size_px), drawable(text)
    if face.getlength(words) <= width_px:
        return words
    kept = 0
    for bit in reversed(range(len(words).bit_length())):
        longer = kept + (1 << bit)
        if longer < len(words) and face.getlength(_cut(words, longer)) <= width_px:
            kept = longer
    return _cut(words, kept)


def broken(text: str, size_px: int, width_px: int) -> str:
    """`text` on as many lines as it takes, parted behind its dots and slashes.

    >>> broken("features.12.expand3x3:214", 10, 96).split(chr(10))
    ['features.12.', 'expand3x3:214']
    """
    face, lines = typeface(size_px), [""]
    for part in re.split(r"(?<=[./])", text):
        if lines[-1] and face.getlength(drawable(lines[-1] + part)) > width_px:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _cut(words: str, kept: int) -> str:
    """`kept` letters of `words`, as many of its end as of its beginning."""
    head = kept // 2
    return words[:head].rstrip() + "…" + words[len(words) - (kept - head) :].lstrip()
