# SPDX-License-Identifier: Apache-2.0
"""Items that are arrays of numbers: where their channels lie, which numbers they may hold, how they look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.decode import ItemProblem
from pellucid.errors import InputError

__all__ = ["OutOfRange", "Pixels", "channels_first", "checked", "picture_of"]

Pixels = NDArray[np.uint8] | NDArray[np.float32]

# Arithmetic that ends at 1 may end a little above; normalization goes far beyond.
SLACK = 1e-4


class OutOfRange(ItemProblem):
    """Floats that are no pixels in 0..1."""


def channels_first(shape: Sequence[int]) -> bool:
    """Whether an item's three axes are (C, h, w), and not (h, w, C).

    The channels are the axis beside two equal ones; in pictures that are not square, the shorter of the outer two.

    Raises
    ------
    InputError : the shape fits both

    Examples
    --------
    >>> channels_first((3, 32, 32)), channels_first((9, 9, 200)), channels_first((240, 320, 3))
    (True, False, False)
    """
    first, middle, last = shape
    if (first == middle) != (middle == last):
        return middle == last
    if first == last:
        raise InputError(
            f"items of shape {tuple(shape)} may be (C, h, w) or (h, w, C); make the two sides of the pictures equal, "
            "or the channels fewer than the sides"
        )
    return first < last


def checked(values: NDArray[Any]) -> Pixels:
    """Values (h, w, C) as they may be fed: uint8 as they are, floats in 0..1 as float32.

    Raises
    ------
    ItemProblem : no pixels, another type of number, or floats that are not finite or lie outside 0..1
    """
    if values.ndim != 3 or not values.size:
        raise ItemProblem(f"shape {values.shape}; a picture has (h, w) or (h, w, C) numbers, some of each")
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind != "f":
        raise ItemProblem(f"numbers of type {values.dtype}; pixels are uint8 in 0..255 or floats in 0..1")
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ItemProblem("holds numbers that are not finite")
    if low < -SLACK or high > 1 + SLACK:
        raise OutOfRange(f"floats from {low:.4g} to {high:.4g}; pixels as floats lie in 0..1, not normalized")
    return np.ascontiguousarray(values, np.float32)


def picture_of(item: Image.Image | Pixels) -> Image.Image:
    """An item as RGB, to be looked at: one channel as gray, three as they are, of any other number the mean.

    >>> picture_of(np.full((2, 3, 5), 0.2, np.float32)).getpixel((0, 0))
    (51, 51, 51)
    """
    if isinstance(item, Image.Image):
        return item.convert("RGB")
    values = item if item.shape[2] in (1, 3) else item.mean(axis=2, keepdims=True)
    if item.dtype != np.uint8:
        values = values * 255
    shown = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown).convert("RGB")
