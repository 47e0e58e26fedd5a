# SPDX-License-Identifier: Apache-2.0
"""One image as a net is fed it, however the user names it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pellucid.data import fed, open_source
from pellucid.data.pixels import checked, picture_of
from pellucid.errors import InputError, UnknownName
from pellucid.models import Net

__all__ = ["FedImage", "ImageLike", "fed_image"]

# What users may name: a file, a picture, an array (H, W) or (H, W, C), a tensor (C, H, W).
ImageLike = str | Path | Image.Image | NDArray[Any] | Tensor


@dataclass(frozen=True, eq=False)
class FedImage:
    """`pixels` (1, C, H, W) float32 in 0..1 on the net's device; `picture` the same to look at, uint8 (H, W, 3)."""

    pixels: Tensor
    name: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[2:]
        return height, width

    @property
    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3): in color where there are three channels, else their mean in gray."""
        return np.asarray(picture_of(self.pixels[0].permute(1, 2, 0).cpu().numpy()))

    @property
    def digest(self) -> str:
        """sha256 of the pixels as fed."""
        return hashlib.sha256(self.pixels.cpu().numpy().tobytes()).hexdigest()


def fed_image(image: ImageLike, net: Net) -> FedImage:
    """The image as the net is fed it: files, pictures and arrays by the net's recipe, a tensor as it is.

    Raises
    ------
    UnknownName : there is no such file
    InputError : the file holds several images, the channels are not the net's, or numbers lie outside 0..1
    """
    if isinstance(image, Tensor):
        return FedImage(_as_it_is(image, net), "a tensor")
    name = "an array" if isinstance(image, np.ndarray) else "a picture"
    item: Any = image
    if isinstance(image, str | Path):
        item, name = _from_file(Path(image)), Path(image).name
    elif isinstance(image, np.ndarray):
        item = checked(image[..., None] if image.ndim == 2 else image)
    elif not isinstance(image, Image.Image):
        raise InputError(
            f"{type(image).__name__!r} is no image; give a file, a picture, an array or a tensor"
        )
    pixels, _ = fed(item, net.input.recipe)
    scale = 255 if pixels.dtype == np.uint8 else 1
    batch = torch.from_numpy(pixels.astype(np.float32) / scale).permute(2, 0, 1)[None]
    return FedImage(batch.contiguous().to(net.device), name)


def _from_file(path: Path) -> Any:
    if not path.exists():
        raise UnknownName(f"there is no picture {str(path)!r}")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; name one picture in it")
    source = open_source(path)
    if len(source.names) != 1:
        raise InputError(f"{str(path)!r} holds {len(source.names)} images; one is looked at, name a picture")
    return source.image(0)


def _as_it_is(tensor: Tensor, net: Net) -> Tensor:
    wanted = (net.input.channels, *net.input.size)
    pixels = tensor.detach()[0] if tensor.ndim == 4 and len(tensor) == 1 else tensor.detach()
    if tuple(pixels.shape) != wanted or not pixels.is_floating_point():
        raise InputError(
            f"a tensor of shape {tuple(tensor.shape)} and type {tensor.dtype} was given; {net.name} is fed "
            f"{'x'.join(map(str, wanted))}, channels x height x width, floats in 0..1"
        )
    checked(pixels.permute(1, 2, 0).float().cpu().numpy())
    return pixels[None].to(net.device, torch.float32).clone()
