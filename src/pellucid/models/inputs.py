# SPDX-License-Identifier: Apache-2.0
"""What a network is fed: its kind, size and normalization. `INPUTS` has one entry per kind of input."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pellucid.data.recipe import Recipe
from pellucid.errors import InputError

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "INPUTS", "ImageInput", "normalized_as", "sized_as"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB in 0..1, as torchvision and timm publish them
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, init=False)
class ImageInput:
    """An image as a network takes it: (x - mean) / std, where x is in `value_range` and `order`.

    Parameters
    ----------
    size : side in pixels, or (height, width)
    channels : 3, 1 for gray, or as many as the network takes: no picture file has those, but its filters can be read
    mean, std : a number per channel, in units of `value_range` and in the order of `order`; None for 0, 1
    value_range : "0..1" or "0..255", the range of x
    order : "rgb" or "bgr", the channel order of x
    recipe : how an image becomes pixels; None for the shorter side to `size` and a center crop

    Raises
    ------
    InputError : a size, range, order, mean or std that makes no sense

    Examples
    --------
    >>> ImageInput(96).size
    (96, 96)
    >>> ImageInput((64, 80), mean=(0.5, 0.5, 0.5)).normalize(torch.ones(1, 3, 64, 80)).max().item()
    0.5
    """

    size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: str
    order: str
    recipe: Recipe

    def __init__(
        self,
        size: int | tuple[int, int] = 224,
        channels: int = 3,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        value_range: str = "0..1",
        order: str = "rgb",
        recipe: Recipe | None = None,
    ) -> None:
        height, width = (size, size) if isinstance(size, int) else size
        if min(height, width, channels) < 1:
            raise InputError(f"input {channels}x{height}x{width}: channels and pixels are counted from 1")
        if value_range not in ("0..1", "0..255") or order not in ("rgb", "bgr"):
            raise InputError(
                f"input {value_range} {order}: the range is 0..1 or 0..255, the order rgb or bgr"
            )
        shape = (int(height), int(width))
        recipe = recipe or Recipe(shape, channels=channels)
        if recipe.size != shape or recipe.channels != channels:
            raise InputError(f"the recipe gives {recipe}; the input is {channels}x{height}x{width}")
        facts: dict[str, object] = {
            "size": shape,
            "channels": channels,
            "mean": _per_channel(mean, 0.0, channels, "mean"),
            "std": _per_channel(std, 1.0, channels, "std"),
            "value_range": value_range,
            "order": order,
            "recipe": recipe,
        }
        for name, value in facts.items():
            object.__setattr__(self, name, value)  # the class is frozen
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) <= 0:
            raise InputError(f"mean {self.mean}, std {self.std}: finite numbers are needed, and std above 0")

    def normalize(self, pixels: Tensor) -> Tensor:
        """What the module is fed for pixels (N, C, H, W) in 0..1, RGB; differentiable."""
        fed = pixels * 255 if self.value_range == "0..255" else pixels
        if self.order == "bgr":
            fed = fed.flip(1)
        mean, std = self._mean_and_std(fed)
        return (fed - mean) / std

    def denormalize(self, fed: Tensor) -> Tensor:
        """The pixels that `normalize` turns into `fed` (N, C, H, W); differentiable, and not cut to 0..1."""
        mean, std = self._mean_and_std(fed)
        pixels = fed * std + mean
        if self.order == "bgr":
            pixels = pixels.flip(1)
        return pixels / 255 if self.value_range == "0..255" else pixels

    def _mean_and_std(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (
            torch.tensor(each, dtype=like.dtype, device=like.device) for each in (self.mean, self.std)
        )
        return mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)

    def resized(self, size: tuple[int, int]) -> ImageInput:
        """The same input at another size; its recipe resizes in proportion."""
        recipe = self.recipe
        resize = None if recipe.resize is None else round(recipe.resize * min(size) / min(self.size))
        return self.replaced(size=size, recipe=replace(recipe, size=size, resize=resize))

    def replaced(self, **changes: Any) -> ImageInput:
        """A copy with some fields changed."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return ImageInput(**{**facts, **changes})

    def __str__(self) -> str:
        """As `3x224x224, 0..1 rgb, mean 0.485 0.456 0.406, std 0.229 0.224 0.225; ` and the recipe in words."""
        height, width = self.size
        mean, std = (" ".join(f"{number:g}" for number in numbers) for numbers in (self.mean, self.std))
        shape = f"{self.channels}x{height}x{width}, {self.value_range} {self.order}"
        return f"{shape}, mean {mean}, std {std}; {self.recipe}"

    def to_json(self) -> dict[str, Any]:
        """JSON values: the kind, shape [C, H, W], normalization and recipe."""
        return {
            "kind": "image",
            "shape": [self.channels, *self.size],
            "mean": list(self.mean),
            "std": list(self.std),
            "value_range": self.value_range,
            "order": self.order,
            "recipe": self.recipe.to_json(),
        }


INPUTS = {"image": ImageInput}


def _per_channel(
    values: Sequence[float] | None, default: float, channels: int, what: str
) -> tuple[float, ...]:
    if values is None:
        return (default,) * channels
    numbers = tuple(float(value) for value in values)
    if len(numbers) == 1:
        numbers *= channels
    if len(numbers) != channels:
        raise InputError(
            f"{what} has {len(numbers)} numbers, the input has {channels} channels; give {channels} or 1"
        )
    return numbers


def sized_as(text: str, known: ImageInput | None) -> ImageInput:
    """The input that `3x224x224` asks for; what `known` says beyond the shape is kept.

    >>> sized_as("1x28x28", None).channels
    1
    """
    match = re.fullmatch(r"\s*(\d+)\s*x\s*(\d+)\s*x\s*(\d+)\s*", text)
    if match is None:
        other = re.fullmatch(r"\s*\d+(\s*x\s*\d+)+\s*", text) is not None
        later = "; signals and volumes cannot be fed yet, filters shows their kernels" if other else ""
        raise InputError(f"input {text!r}: write CHANNELSxHEIGHTxWIDTH, as 3x224x224{later}")
    channels, height, width = (int(part) for part in match.groups())
    if known is not None and known.channels == channels:
        return known.resized((height, width))
    return ImageInput((height, width), channels)


def normalized_as(text: str, image: ImageInput) -> ImageInput:
    """`image` with the normalization `imagenet`, `none` or `MEAN/STD`; `0..255` and `bgr` may follow.

    Mean and standard deviation are those of the values as fed: of 0..255 where that word stands, and in the
    order blue, green, red where `bgr` stands.

    Raises
    ------
    InputError : the text says something else

    Examples
    --------
    >>> normalized_as("103.9,116.8,123.7/1 0..255 bgr", ImageInput(224)).mean
    (103.9, 116.8, 123.7)
    >>> normalized_as("imagenet bgr", ImageInput(224)).mean[0]
    0.406
    """
    words = text.split()
    value_range = "0..255" if "0..255" in words else "0..1"
    order = "bgr" if "bgr" in words else "rgb"
    spoken = " ".join(word for word in words if word not in ("0..1", "0..255", "bgr", "rgb"))
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    if spoken == "imagenet" and image.channels == 3:
        turn, scale = -1 if order == "bgr" else 1, 255 if value_range == "0..255" else 1
        mean, std = ([number * scale for number in row[::turn]] for row in (IMAGENET_MEAN, IMAGENET_STD))
    elif spoken not in ("none", ""):
        mean, std = _mean_and_std(spoken, text)
    return image.replaced(mean=mean, std=std, value_range=value_range, order=order)


def _mean_and_std(spoken: str, text: str) -> tuple[list[float], list[float]]:
    try:
        mean, std = (
            [float(number) for number in part.replace(",", " ").split()] for part in spoken.split("/")
        )
        if mean and std:
            return mean, std
    except ValueError:
        pass
    raise InputError(
        f"normalize {text!r}: write imagenet, none or MEAN,MEAN,MEAN/STD,STD,STD; 0..255 and bgr may follow"
    )
