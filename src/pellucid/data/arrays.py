# SPDX-License-Identifier: Apache-2.0
"""An array of pictures as a source, in memory or mapped from a file: one row of it is one item."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.classes import Classed, Classes
from pellucid.data.listing import Numbered
from pellucid.data.pixels import OutOfRange, Pixels, channels_first, checked
from pellucid.errors import InputError, NoItems

__all__ = ["Arrays", "misshapen"]

TRIED_ROWS = 8
# Names tell nothing about the rows of an array, and to hash gigabytes takes minutes: some rows stand for all.
HASHED_ROWS = 64


def misshapen(shape: Sequence[int], dtype: np.dtype[Any]) -> str:
    """Why an array of this shape and type holds no pictures; an empty string where it may.

    >>> misshapen((100, 28, 28), np.dtype("uint8")), misshapen((100,), np.dtype("uint8"))
    ('', 'has shape (100,); pictures are (N, h, w), (N, h, w, C) or (N, C, h, w)')
    """
    if len(shape) not in (3, 4):
        return f"has shape {tuple(shape)}; pictures are (N, h, w), (N, h, w, C) or (N, C, h, w)"
    if dtype != np.uint8 and dtype.kind != "f":
        return f"holds numbers of type {dtype}; pictures are uint8 in 0..255 or floats in 0..1"
    return ""


def _is_one_picture(shape: Sequence[int]) -> bool:
    """Whether an array is (h, w, C) of color: gray pictures three or four columns wide are no pictures."""
    return len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) > 4


class Arrays(Classed):
    """Pictures (N, h, w), (N, h, w, C) or (N, C, h, w) of any number of channels: uint8, or floats in 0..1.

    Which axis holds the channels is told by the shape: the one beside two equal ones, else the shorter of the outer two. An
    array (h, w, 3) or (h, w, 4) is one picture.
    An item of the network's input size is fed untouched, floats as floats.

    Parameters
    ----------
    array : it is read row by row, so it may be mapped from a file larger than memory
    name : what the data is called
    classes : of its rows

    Attributes
    ----------
    names : the rows, as `000123`
    listing_digest : a hash of shape, type and 64 rows spread over all

    Raises
    ------
    NoItems : an array of no rows
    InputError : another shape or type, or floats that look normalized

    Examples
    --------
    >>> pictures = Arrays(np.zeros((10, 3, 8, 8), np.uint8))
    >>> pictures.names[3], pictures.image(3).shape
    ('000003', (8, 8, 3))
    """

    credits: tuple[str, ...] = ()

    def __init__(self, array: NDArray[Any], *, name: str = "array", classes: Classes | None = None) -> None:
        if problem := misshapen(array.shape, array.dtype):
            raise InputError(f"{name} {problem}")
        if not array.size:
            raise NoItems(f"{name} has shape {array.shape}: there is nothing in it")
        if _is_one_picture(array.shape):
            array = array[None]
        self.name = name
        self.names: Sequence[str] = Numbered(len(array))
        self._classes = classes or Classes()
        self._array = array
        self._turn = array.ndim == 4 and channels_first(array.shape[1:])
        for row in range(min(TRIED_ROWS, len(array))):
            try:
                self.image(row)
            except OutOfRange as found:
                raise InputError(
                    f"{name} holds {found}: give uint8, or floats before any normalization, as the network does its own"
                ) from found
            except InputError:  # a bad row among good ones is skipped when its turn comes
                pass

    def _find_classes(self) -> Classes:
        return self._classes

    @functools.cached_property
    def listing_digest(self) -> str:
        shape, dtype = self._array.shape, self._array.dtype
        digest = hashlib.sha256(f"{shape} {dtype.newbyteorder('=')}".encode())
        for row in np.unique(np.linspace(0, len(self._array) - 1, HASHED_ROWS).astype(int)):
            digest.update(np.asarray(self._array[row], dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def image(self, row: int) -> Pixels:
        """(h, w, C) uint8, or float32 in 0..1. Raises ItemProblem."""
        values = np.asarray(self._array[range(len(self.names))[row]])
        if values.ndim == 2:
            return checked(values[..., None])
        return checked(values.transpose(1, 2, 0) if self._turn else values)
