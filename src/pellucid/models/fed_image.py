# SPDX-License-Identifier: Apache-2.0
"""One image of a user's own, as a net is fed it: from a file, a picture, an array or a tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pellucid.data.decode import ItemProblem, open_image, rgb
from pellucid.data.pixels import channels_first, picture_of
from pellucid.data.recipe import Placement, fed
from pellucid.errors import InputError, UnknownName
from pellucid.models.inputs import ImageInput
from pellucid.models.net import Net

__all__ = ["FedImage", "OneImage", "fed_image", "fed_pixels"]

OneImage = str | Path | Image.Image | NDArray[Any] | Tensor


@dataclass(frozen=True, eq=False)
class FedImage:
    """An image as a net is fed it.

    Parameters
    ----------
    values : (H, W, C) float64 in 0..1, what is fed before normalization
    item : the whole upright item as RGB, to look at
    placement : where the item lies in what is fed
    name : of the file; `image` for what came without one
    """

    values: NDArray[np.float64] = field(repr=False)
    item: Image.Image = field(repr=False)
    placement: Placement
    name: str

    @property
    def pixels(self) -> Tensor:
        """(C, H, W) float32 in 0..1, as `tap` and `ascent` take them."""
        return torch.from_numpy(self.values.astype(np.float32)).permute(2, 0, 1).contiguous()

    @property
    def picture(self) -> Image.Image:
        """What is fed, as RGB to look at: of other than one or three channels their mean."""
        return picture_of(self.values.astype(np.float32))


def fed_image(image: OneImage, net: Net, size: tuple[int, int] | None = None) -> FedImage:
    """One image as `net` is fed it, by the recipe that belongs to the net.

    Parameters
    ----------
    image : a file (a picture, or `.npy` with one array); a picture; an array (H, W) or (H, W, C), uint8 or floats in 0..1;
        or a tensor (C, H, W) or (1, C, H, W) of floats in 0..1. Pictures go through the net's recipe; arrays and tensors have
        the size and channels of its input, and are fed untouched
    size : (height, width) for a net that takes others than its own; the recipe then resizes in proportion

    Raises
    ------
    UnknownName : no such file
    InputError : another shape, numbers outside 0..1, a file that is no picture, or a picture without the net's channels

    Examples
    --------
    >>> from pellucid.models import load
    >>> found = fed_image(Image.new("L", (96, 120), 51), load("demo"))
    >>> found.pixels.shape, round(float(found.pixels.max()), 6)
    (torch.Size([3, 96, 96]), 0.2)
    """
    wanted = net.input if size is None or size == net.input.size else net.input.resized(size)
    given = _read(Path(image)) if isinstance(image, str | Path) else image
    name = Path(image).name if isinstance(image, str | Path) else "image"
    if isinstance(given, Image.Image):
        upright = given if given.mode in ("L", "RGB") else rgb(given)
        laid_out, placement = fed(upright, wanted.recipe)
        return FedImage(laid_out / 255, upright.convert("RGB"), placement, name)
    values = _in_unit_range(_fitting(given, wanted, net.name))
    item = picture_of(values.astype(np.float32))
    return FedImage(values, item, wanted.recipe.place(item.size), name)


def fed_pixels(image: OneImage, net: Net) -> Tensor:
    """One image as `net` is fed it: (C, H, W) float32 in 0..1, on the CPU; see `fed_image`."""
    return fed_image(image, net).pixels


def _read(path: Path) -> Image.Image | NDArray[Any]:
    """What a file holds; an array with channels first is turned."""
    if not path.is_file():
        raise UnknownName(f"there is no picture {str(path)!r}")
    if path.suffix.lower() != ".npy":
        try:
            return open_image(path)
        except ItemProblem as problem:
            raise ItemProblem(f"{path.name}: {problem}") from problem
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path.name} holds no array of numbers: {error}") from error
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    return np.moveaxis(array, 0, 2) if array.ndim == 3 and channels_first(array.shape) else array


def _fitting(given: NDArray[Any] | Tensor, wanted: ImageInput, net: str) -> NDArray[Any]:
    """(H, W, C) as they were given, of the size and channels wanted."""
    channels, (height, width) = wanted.channels, wanted.size
    if isinstance(given, Tensor):
        one = given[0] if given.ndim == 4 and len(given) == 1 else given
        if tuple(one.shape) != (channels, height, width) or not one.is_floating_point():
            raise InputError(
                f"a tensor of shape {tuple(given.shape)} and type {given.dtype} was given; {net} is fed "
                f"{channels}x{height}x{width}, channels x height x width, floats in 0..1"
            )
        return one.detach().cpu().double().permute(1, 2, 0).numpy()
    array = np.asarray(given)
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.shape != (height, width, channels):
        raise InputError(
            f"an array of shape {array.shape} was given; {net} is fed {height}x{width}x{channels}, "
            "height x width x channels"
        )
    return pixels


def _in_unit_range(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Pixels, uint8 or floats in 0..1, as floats in 0..1."""
    values = np.asarray(pixels, float) / (255 if pixels.dtype == np.uint8 else 1)
    if not (values.size and values.min() >= 0 and values.max() <= 1):
        raise InputError("an image of numbers outside 0..1 was given; uint8 or floats in 0..1 work")
    return values
