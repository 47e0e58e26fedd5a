# SPDX-License-Identifier: Apache-2.0
"""How an item becomes the pixels a network is fed, and the way back from fed pixels to the item's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from pellucid.data.decode import MOST_PIXELS, ItemProblem
from pellucid.data.pixels import Pixels
from pellucid.errors import InputError

__all__ = ["INTERPOLATIONS", "Placement", "Recipe", "fed"]

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as Pillow's conversion to gray


@dataclass(frozen=True)
class Recipe:
    """Resize an item, then crop its center: torchvision's Resize and CenterCrop on PIL images, bit for bit.

    Parameters
    ----------
    size : (height, width) that the network is fed, in pixels
    resize : the shorter side after resizing; None for the smallest that covers `size` (a square's own side)
    interpolation : a name of INTERPOLATIONS; all but `nearest` antialias
    channels : 3, or 1 for gray (Rec. 601 luma); another count is a net's own, which no picture file has

    An item that already has `size` is fed untouched. Where the resized item is smaller than `size`, black
    surrounds it.

    Raises
    ------
    InputError : a size, interpolation or number of channels that makes no sense

    Examples
    --------
    >>> print(Recipe((224, 224), resize=256))
    shorter side resized to 256 (bilinear), center crop 224x224; an item of 224x224 is fed untouched
    """

    size: tuple[int, int]
    resize: int | None = None
    interpolation: str = "bilinear"
    channels: int = 3

    def __post_init__(self) -> None:
        if min(self.size) < 1 or (self.resize is not None and self.resize < 1):
            raise InputError(f"size {self.size}, resize {self.resize}: pixels are counted from 1")
        if self.interpolation not in INTERPOLATIONS:
            raise InputError(f"no interpolation {self.interpolation!r}; there is {', '.join(INTERPOLATIONS)}")
        if self.channels < 1:
            raise InputError(f"{self.channels} channels were asked; there is 1 at least")

    def __str__(self) -> str:
        height, width = self.size
        words = "shorter side resized to" if self.resize or height == width else "resized to cover"
        target = self.resize or (height if height == width else f"{height}x{width}")
        gray = "gray, " if self.channels == 1 else "" if self.channels == 3 else f"{self.channels} channels, "
        fed_as_is = f"an item of {height}x{width} is fed untouched"
        return f"{gray}{words} {target} ({self.interpolation}), center crop {height}x{width}; {fed_as_is}"

    def to_json(self) -> dict[str, Any]:
        return {
            "size": list(self.size),
            "resize": self.resize,
            "interpolation": self.interpolation,
            "channels": self.channels,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Recipe:
        return cls((row["size"][0], row["size"][1]), row["resize"], row["interpolation"], row["channels"])

    def place(self, item: tuple[int, int]) -> Placement:
        """Where an item of (width, height) pixels comes to lie.

        >>> Recipe((224, 224)).place((500, 375)).resized
        (298, 224)
        """
        height, width = self.size
        if item == (width, height):
            return Placement(item, item, (0, 0), self.size)
        resized = self._resized(*item)
        left, top = (_offset(whole, part) for whole, part in zip(resized, (width, height), strict=True))
        return Placement(item, resized, (left, top), self.size)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after resizing; the longer side is cut to whole pixels, never rounded up."""
        if self.resize is not None:
            by_width, target = width <= height, self.resize
        else:
            # The axis that needs the larger scale sets it, so that the other is covered as well.
            by_width = self.size[1] * height >= self.size[0] * width
            target = self.size[1] if by_width else self.size[0]
        if by_width:
            return target, target * height // width
        return target * width // height, target


def _offset(whole: int, part: int) -> int:
    """Where a centered part of an axis starts; negative where it is longer than the whole."""
    return round((whole - part) / 2) if whole >= part else -((part - whole) // 2)


@dataclass(frozen=True)
class Placement:
    """How one item lies in what the network is fed.

    Parameters
    ----------
    item : (width, height) of the upright item
    resized : (width, height) after resizing
    offset : (left, top) of the fed region in resized pixels; negative where black surrounds the item
    size : (height, width) of the fed region
    """

    item: tuple[int, int]
    resized: tuple[int, int]
    offset: tuple[int, int]
    size: tuple[int, int]

    def to_item_box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
        """The item pixels behind a box of fed pixels, both half-open.

        The box is clipped to the fed region and to the item, mapped back through crop and resize, and its
        edges go to the floor and the ceiling.

        >>> Recipe((224, 224)).place((448, 896)).to_item_box(-5, 10, 20.5, 30)
        (0, 244, 41, 284)
        """
        left, right = self._span(0, x0, x1)
        top, bottom = self._span(1, y0, y1)
        return left, top, right, bottom

    def _span(self, axis: int, start: float, stop: float) -> tuple[int, int]:
        length = self.size[1 - axis]
        low, high = (min(max(edge, 0), length) + self.offset[axis] for edge in (start, stop))
        resized, item = self.resized[axis], self.item[axis]
        low, high = (min(max(edge, 0), resized) * item for edge in (low, high))
        return int(low // resized), int(-(-high // resized))


def fed(item: Image.Image | Pixels, recipe: Recipe) -> tuple[Pixels, Placement]:
    """The pixels that a network is fed for an upright item, and where they lie in it.

    Arrays go the way of pictures, band by band; gray becomes three equal channels and color its luma where the
    network takes that.

    Parameters
    ----------
    item : a picture, or (h, w, C) numbers: uint8, or float32 in 0..1

    Returns
    -------
    (h, w, C) uint8 in 0..255, or float32 in 0..1 for an item of floats; and the Placement

    Raises
    ------
    ItemProblem : the item is so narrow that resizing it would take more than 100 million pixels, or has not the channels
        that the network takes
    """
    bands = _bands(item, recipe.channels)
    placement = recipe.place(bands[0].size)
    width, height = placement.resized
    if width * height > MOST_PIXELS:
        raise ItemProblem(
            f"{bands[0].width} x {bands[0].height} px is too narrow: resized it is {width} x {height}"
        )
    laid_out = [np.asarray(_laid_out(band, placement, recipe)) for band in bands]
    pixels = laid_out[0] if len(laid_out) == 1 else np.stack(laid_out, -1)
    if pixels.dtype != np.uint8:
        pixels = np.clip(pixels, 0, 1)  # bicubic and lanczos overshoot; 8 bits are clipped by Pillow
    return pixels.reshape(*recipe.size, recipe.channels), placement


def _bands(item: Image.Image | Pixels, channels: int) -> list[Image.Image]:
    """The item with so many channels: one picture where Pillow has a mode for it, else one for each channel."""
    if not isinstance(item, Image.Image):
        own = item.shape[2]
        if item.dtype != np.uint8 or own not in (1, 3) or channels not in (1, 3):
            return [Image.fromarray(band) for band in _matched(item, channels)]
        item = Image.fromarray(item[..., 0] if own == 1 else item)
    if channels not in (1, 3):
        raise ItemProblem(
            f"the network takes {channels} channels; a picture has red, green and blue, or gray: give the numbers of one as an "
            f"array of {channels} channels, as in a .npy file"
        )
    mode = "L" if channels == 1 else "RGB"
    return [item if item.mode == mode else item.convert(mode)]


def _matched(values: Pixels, channels: int) -> Iterator[Pixels]:
    """Each channel that the network takes, (h, w), of an array (h, w, C)."""
    own = values.shape[2]
    if own == channels:
        yield from np.moveaxis(values, 2, 0)
    elif own == 1 and channels == 3:
        yield from [values[..., 0]] * 3
    elif own == 3 and channels == 1:
        yield np.asarray(values @ np.array(LUMA, np.float32), np.float32)  # bytes went by Pillow's own way
    else:
        raise ItemProblem(
            f"the network takes {channels} channels; this item has {own}: give one that has {channels}"
        )


def _laid_out(image: Image.Image, placement: Placement, recipe: Recipe) -> Image.Image:
    if placement.resized != image.size:
        image = image.resize(placement.resized, INTERPOLATIONS[recipe.interpolation])
    left, top = placement.offset
    window = (left, top, left + recipe.size[1], top + recipe.size[0])
    return image if window == (0, 0, *image.size) else image.crop(window)
