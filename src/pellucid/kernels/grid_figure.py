# SPDX-License-Identifier: Apache-2.0
"""A grid of numbers, each in its cell and its color: a patch, a filter, or their product."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pellucid.figures.lettering import typeface
from pellucid.kernels.page import INK, Frame, Label, Raster

__all__ = ["cell_side", "factor_of", "grid_marks"]

Floats = NDArray[np.float64]

LARGEST_CELL = 72
SMALL = 0.1  # numbers all below this are written as multiples of a power of ten: two decimals would say 0
LARGEST_LETTERS, SMALLEST_LETTERS = 13.0, 6.5
SEAM = "#8b867c"
LIGHT = "#ffffff"


def cell_side(shape: tuple[int, ...], room: int) -> float:
    """The side of a cell so that a grid of this shape fits into a square of `room`."""
    return min(room / max(shape[-2:]), LARGEST_CELL)


def factor_of(numbers: Floats) -> int:
    """The power of ten to multiply small numbers with, so that the largest has two digits before the point; else 1.

    >>> factor_of(np.array([0.004, -0.0001])), factor_of(np.array([0.4, 0.001]))
    (10000, 1)
    """
    largest = float(np.abs(numbers).max(initial=0))
    return 1 if largest >= SMALL or largest == 0 else int(10 ** (1 - math.floor(math.log10(largest))))


def grid_marks(
    pixels: NDArray[np.uint8], *, numbers: Floats | None, at: tuple[float, float], cell: float
) -> Iterator[Raster | Frame | Label]:
    """A grid with its upper left corner at (x, y): a cell for each pixel (h, w, 3), numbers in it where they fit.

    Small numbers are written times `factor_of` all of them, which a caption must say.
    """
    x, y = at
    height, width = pixels.shape[:2]
    yield Raster(x, y, width * cell, height * cell, pixels)
    if numbers is not None:
        yield from _numbers(pixels, numbers, at, cell)
    yield Frame(x, y, width * cell, height * cell, SEAM, thick=0.5)


def _numbers(
    pixels: NDArray[np.uint8], numbers: Floats, at: tuple[float, float], cell: float
) -> Iterator[Label]:
    factor = factor_of(numbers)
    for bare in (False, True):
        words = [_words(float(number), bare, factor) for number in numbers.ravel()]
        letters = _letters(words, cell)
        if letters is not None:
            break
    else:
        return
    dark = pixels.reshape(-1, 3) @ np.array([0.299, 0.587, 0.114]) < 120
    for place, word in enumerate(words):
        row, column = divmod(place, pixels.shape[1])
        x, y = at[0] + (column + 0.5) * cell, at[1] + (row + 0.5) * cell + letters * 0.36
        yield Label(x, y, word, letters, LIGHT if dark[place] else INK, "middle")


def _letters(words: list[str], cell: float) -> float | None:
    """The largest size of letters at which every word fits into a cell; None where it would be unreadable."""
    widest = max(typeface(100).getlength(word) for word in words) / 100
    size = min((cell - 3) / widest, cell * 0.6, LARGEST_LETTERS)
    return size if size >= SMALLEST_LETTERS else None


def _words(number: float, bare: bool, factor: int) -> str:
    """A number in few letters, `bare` without the zero before the point; a whole one where a factor stands before all."""
    if factor > 1:
        return f"{round(number * factor)}"  # an int, so that there is no -0
    if number == round(number) and abs(number) < 1000:
        return f"{number:.0f}" if number else "0"
    words = f"{number:.2f}" if abs(number) < 10 else f"{number:.3g}"
    if float(words) == 0:
        return "0"
    return words.replace("0.", ".", 1) if bare and abs(number) < 1 else words
