# SPDX-License-Identifier: Apache-2.0
"""What a method of attribution is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pellucid.attribution.readout import Readout
from pellucid.errors import UnknownName, did_you_mean
from pellucid.models import Net

__all__ = ["BASELINES", "Found", "Scene", "baseline", "over_channels"]

BLUR_PX, BLUR_SIGMA = 11, 5.0  # of RISE's insertion game


@dataclass(frozen=True, eq=False)
class Scene:
    """One image (1, C, H, W) before one readout. `batch` images at most go through the net at once."""

    net: Net
    readout: Readout
    pixels: Tensor
    layer: str | None
    batch: int
    seed: int


@dataclass(frozen=True, eq=False)
class Found:
    """A map (H, W), the layer it was read at, and what else the method has to say, as JSON values."""

    values: NDArray[np.float32]
    layer: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


def over_channels(attributions: Tensor, how: str) -> NDArray[np.float32]:
    """(H, W) from (1, C, H, W): the `largest` magnitude of the channels, or their `sum`."""
    own = attributions.detach()[0]
    values: NDArray[np.float32] = (own.abs().amax(0) if how == "largest" else own.sum(0)).cpu().numpy()
    return values


def baseline(name: str, pixels: Tensor, net: Net) -> Tensor:
    """What stands for nothing, like `pixels` (1, C, H, W).

    `mean`: the color that the net's normalization makes zero, that of its training data where it was told (black where there
    is no normalization); `gray`: 0.5; `zero`: black; `blur`: the image blurred, 11 x 11 px, sigma 5.

    Raises
    ------
    UnknownName : no such baseline
    """
    if name == "mean":
        return net.input.denormalize(torch.zeros_like(pixels)).clamp(0, 1)
    if name == "gray":
        return torch.full_like(pixels, 0.5)
    if name == "zero":
        return torch.zeros_like(pixels)
    if name == "blur":
        return _blurred(pixels)
    raise UnknownName(f"no baseline {name!r}; {did_you_mean(name, BASELINES)}")


BASELINES = ("mean", "gray", "zero", "blur")


def _blurred(pixels: Tensor) -> Tensor:
    """The image under a Gaussian, its border mirrored; small images under a smaller one."""
    height, width = pixels.shape[2:]
    for axis, side in ((2, height), (3, width)):
        reach = min(BLUR_PX // 2, side - 1)
        places = torch.arange(-reach, reach + 1, dtype=pixels.dtype, device=pixels.device)
        weights = torch.exp(-(places**2) / (2 * BLUR_SIGMA**2))
        shape = (1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)
        kernel = (weights / weights.sum()).view(shape).repeat(pixels.shape[1], 1, 1, 1)
        border = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        pixels = F.conv2d(F.pad(pixels, border, mode="reflect"), kernel, groups=pixels.shape[1])
    return pixels
