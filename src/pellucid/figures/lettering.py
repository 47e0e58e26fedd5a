# SPDX-License-Identifier: Apache-2.0
"""Text on pictures: the typeface that Pillow carries, and texts made to fit it."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from PIL import ImageFont

__all__ = ["broken", "drawable", "fitted", "typeface"]

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
