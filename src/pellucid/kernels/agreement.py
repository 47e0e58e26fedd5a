# SPDX-License-Identifier: Apache-2.0
"""The agreement of a kernel with an image, patch by patch: what a hidden unit of a first layer measures.

At each place the patch under the kernel is multiplied by it, weight by weight, and the products are added up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pellucid.errors import InputError, UnknownName, did_you_mean

__all__ = ["PADS", "Agreement", "Probe", "agreement", "gray", "strongest"]

Floats = NDArray[np.float64]

# What stands outside the image: None for kernels that stay inside, else NumPy's word for it.
PADS: Mapping[str, Literal["reflect", "constant"]] = {"reflect": "reflect", "zero": "constant"}
# Rec. 601 in thousandths: whole numbers, so that equal red, green and blue give exactly that gray.
LUMA = np.array([299, 587, 114])
# From here on a Fourier transform is faster than adding up one shifted image for each weight.
MANY_WEIGHTS = 400


@dataclass(frozen=True, eq=False)
class Probe:
    """One response taken apart: `patch` times `filter` is `product`, whose sum and `bias` are `sum`.

    Arrays are (kh, kw), or (C, kh, kw) for a filter on C channels. (y, x) is the place in the response map;
    `box` the patch in the image, x0, y0, x1, y1, half-open, outside it where the image was padded.
    `channel` names the color where each is seen alone.
    """

    y: int
    x: int
    box: tuple[int, int, int, int]
    patch: Floats
    filter: Floats
    bias: float = 0.0
    channel: str | None = None

    @property
    def product(self) -> Floats:
        """Patch times filter, weight by weight."""
        return self.patch * self.filter

    @property
    def sum(self) -> float:
        """The response: the sum of the product, plus the bias."""
        # Exactly rounded, so that what cancels on a flat patch gives 0 in whatever order it is added.
        return math.fsum([*self.product.ravel(), self.bias])

    def to_json(self) -> dict[str, Any]:
        """The probe as JSON; `bias` and `channel` only where there is one."""
        row: dict[str, Any] = {"y": self.y, "x": self.x, "box": list(self.box)}
        row |= {name: getattr(self, name).tolist() for name in ("patch", "filter", "product")}
        row |= {"bias": self.bias} if self.bias else {}
        return row | ({"channel": self.channel} if self.channel else {}) | {"sum": self.sum}


@dataclass(frozen=True, eq=False)
class Agreement:
    """The agreement of a kernel with every patch of an image.

    `response` (h, w), or (h, w, 3) per color; `plane` is the image the kernel saw, padded, of the same rank.
    """

    response: Floats
    plane: Floats
    kernel: Floats
    offset: tuple[int, int]

    def probe(self, at: tuple[int, int] | None = None) -> Probe:
        """The response at (y, x) taken apart; None: where it is strongest in magnitude, the first of equals.

        Raises
        ------
        InputError : (y, x) is outside the response map
        """
        place = strongest(self.response) if at is None else at
        y, x = place[:2]
        height, width = self.response.shape[:2]
        if not (0 <= y < height and 0 <= x < width):
            raise InputError(
                f"the response at y {y}, x {x} was asked; y runs from 0 to {height - 1}, x from 0 to {width - 1}"
            )
        plane, channel = self.plane, None
        if self.plane.ndim == 3:
            which = place[2] if len(place) > 2 else int(np.abs(self.response[y, x]).argmax())
            plane, channel = self.plane[:, :, which], ("red", "green", "blue")[which]
        down, across = self.kernel.shape
        top, left = y - self.offset[0], x - self.offset[1]
        box = (left, top, left + across, top + down)
        return Probe(y, x, box, plane[y : y + down, x : x + across].copy(), self.kernel, channel=channel)

    def to_json(self) -> dict[str, Any]:
        """Shape and span of the response map."""
        low, high = float(self.response.min()), float(self.response.max())
        return {"shape": list(self.response.shape[:2]), "min": low, "max": high}


def strongest(response: ArrayLike) -> tuple[int, ...]:
    """The place of the largest magnitude, the first of equals in reading order."""
    values = np.abs(np.asarray(response, float))
    return tuple(int(place) for place in np.unravel_index(values.argmax(), values.shape))


def gray(image: Image.Image | ArrayLike) -> Floats:
    """The Rec. 601 luma of an image, (h, w) in 0..1, not rounded.

    >>> float(gray(np.full((1, 1, 3), 255, np.uint8))[0, 0])
    1.0
    """
    pixels, top = _pixels(image)
    if pixels.ndim == 2:
        return pixels / top
    return np.asarray(pixels @ LUMA / (1000 * top), float)


def agreement(
    image: Image.Image | ArrayLike, kernel: ArrayLike, *, pad: str | None = None, color: bool = False
) -> Agreement:
    """The correlation of a kernel with an image: no flip, the kernel's upper left weight on the patch's.

    Parameters
    ----------
    image : of Pillow, or (h, w) or (h, w, 3), uint8 or floats in 0..1
    kernel : (kh, kw)
    pad : None: only patches inside the image, so the response is [h - kh + 1, w - kw + 1]; `reflect` (the edge
        pixel not repeated) or `zero`: the response has the image's size, the kernel's middle on the pixel (for an
        even side the pixel before it)
    color : the response of red, green and blue one by one instead of the gray image's

    Raises
    ------
    InputError : a kernel larger than the image, no kernel at all, or an image of another shape or range
    UnknownName : no such padding

    Examples
    --------
    >>> laplacian = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    >>> halves = np.repeat([0.25, 1.0], 3)[:, None] * np.ones((6, 4))
    >>> agreement(halves, laplacian).response[:, 0].tolist()
    [0.0, 0.75, -0.75, 0.0]
    """
    weights = np.array(kernel, float)
    if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all():
        raise InputError(
            f"a kernel of shape {weights.shape} was asked; rows and columns of finite numbers work"
        )
    plane = _color(image) if color else gray(image)
    (height, width), (down, across) = plane.shape[:2], weights.shape
    if down > height or across > width:
        raise InputError(
            f"a kernel of {down}x{across} was asked of an image of {height}x{width}; it must fit inside"
        )
    offset = (0, 0)
    if pad is not None:
        if pad not in PADS:
            raise UnknownName(f"no padding is named {pad!r}; {did_you_mean(pad, PADS)}")
        offset = ((down - 1) // 2, (across - 1) // 2)
        around = [(before, side - 1 - before) for before, side in zip(offset, weights.shape, strict=True)]
        plane = np.pad(plane, [*around, *[(0, 0)] * (plane.ndim - 2)], mode=PADS[pad])
    return Agreement(_correlate(plane, weights), plane, weights, offset)


def _pixels(image: Image.Image | ArrayLike) -> tuple[NDArray[Any], float]:
    """Gray (h, w) or color (h, w, 3) numbers and the one that is white."""
    if isinstance(image, Image.Image):
        image = image if image.mode in ("L", "RGB") else image.convert("RGB")
    pixels = np.asarray(image)
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or not pixels.size:
        raise InputError(f"an image of shape {pixels.shape} was given; (h, w) or (h, w, 3) works")
    if pixels.dtype == np.uint8:
        return pixels.astype(np.int64), 255.0
    values = pixels.astype(float)
    if not (values.min() >= 0 and values.max() <= 1):
        raise InputError("an image of numbers outside 0..1 was given; uint8 or floats in 0..1 work")
    return values, 1.0


def _color(image: Image.Image | ArrayLike) -> Floats:
    pixels, top = _pixels(image)
    return np.broadcast_to(pixels[..., None] if pixels.ndim == 2 else pixels, (*pixels.shape[:2], 3)) / top


def _correlate(plane: Floats, weights: Floats) -> Floats:
    """Every patch that lies inside, times the weights: (H, W, ...) -> (H - kh + 1, W - kw + 1, ...)."""
    down, across = weights.shape
    height, width = plane.shape[0] - down + 1, plane.shape[1] - across + 1
    if np.count_nonzero(weights) > MANY_WEIGHTS:
        return _correlate_by_spectrum(plane, weights)[:height, :width]
    response = np.zeros((height, width, *plane.shape[2:]))
    for y, x in np.argwhere(weights):
        response += weights[y, x] * plane[y : y + height, x : x + width]
    return response


def _correlate_by_spectrum(plane: Floats, weights: Floats) -> Floats:
    size = plane.shape[:2]
    spectrum = np.fft.rfft2(weights, size).conj().reshape(size[0], -1, *[1] * (plane.ndim - 2))
    return np.fft.irfft2(np.fft.rfft2(plane, axes=(0, 1)) * spectrum, size, axes=(0, 1))
