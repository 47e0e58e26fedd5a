# SPDX-License-Identifier: Apache-2.0
"""The canvas: the inputs being optimized, a batch of them, each with variables of its own."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Canvas", "CanvasShape"]


@dataclass(frozen=True)
class CanvasShape:
    """Channels, height and width of one input, in pixels."""

    channels: int
    height: int
    width: int


class Canvas(abc.ABC):
    """A batch of inputs as a differentiable function of `variables`.

    Each variable has the item as its first axis, and item i of the pictures depends on item i of the variables only, so
    the gradient of a sum over items is each item's own gradient. `optimizer` and `learning_rate` are what suits these
    variables when nobody asks for others.
    """

    variables: tuple[Tensor, ...]
    optimizer: str = "adam"
    learning_rate: float = 0.12

    @abc.abstractmethod
    def pictures(self) -> Tensor:
        """The inputs as they are now: (N, C, H, W) float32 in 0..1."""

    def project(self) -> None:
        """Bring the variables back to where they may be, after each step and without gradient; by default anywhere."""
        return


def normal_start(streams: Sequence[np.random.Generator], shape: tuple[int, ...], *, sd: float) -> Tensor:
    """One item from each stream: (N, *shape) float32, normal with standard deviation `sd`."""
    return torch.from_numpy(np.stack([each.standard_normal(shape, np.float32) for each in streams])) * sd
