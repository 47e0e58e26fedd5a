# SPDX-License-Identifier: Apache-2.0
"""Text on pictures: the typeface that Pillow carries, and texts made to fit it."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

__all__ = ["drawable", "fitted", "typeface"]

# The bundled typeface holds ASCII and a few signs; what it lacks would be drawn as empty boxes.
SIGNS = frozenset("·…°±“”‘’")
NEIGHBORS = str.maketrans(
    {"×": "x", "−": "-", "–": "-", "—": "-", "µ": "u", "²": "2", "→": ">", "≥": ">=", "ß": "ss"}
)


@cache
def typeface(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface bundled with Pillow, the same on every machine."""
    return ImageFont.load_default(size_px)


def drawable(text: str) -> str:
    """`text` in letters that the bundled typeface has: accents fall off, the rest becomes a question mark.

    >>> drawable("café 3×3 漢")
    'cafe 3x3 ?'
    """
    plain = unicodedata.normalize("NFKD", text.translate(NEIGHBORS))
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" or letter in SIGNS else "?" for letter in letters)


def fitted(text: str, size_px: int, width_px: int) -> str:
    """`text` as it can be drawn, its end replaced by an ellipsis where it is wider than `width_px`."""
    face, words = typeface(size_px), drawable(text)
    if face.getlength(words) <= width_px:
        return words
    short = 0
    for bit in reversed(range(len(words).bit_length())):
        longer = short + (1 << bit)
        if longer <= len(words) and face.getlength(words[:longer].rstrip() + "…") <= width_px:
            short = longer
    return words[:short].rstrip() + "…"
