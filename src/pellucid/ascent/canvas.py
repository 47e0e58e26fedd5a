# SPDX-License-Identifier: Apache-2.0
"""The canvas: the inputs being optimized, a batch of them, each with variables of its own."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import InputError

__all__ = ["Canvas", "CanvasShape"]


@dataclass(frozen=True)
class CanvasShape:
    """Channels, height and width of one input, in pixels."""

    channels: int
    height: int
    width: int

    @property
    def chw(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.height, self.width


class Canvas(abc.ABC):
    """A batch of inputs as a differentiable function of `variables`.

    Each variable has the item as its first axis, and item i of the pictures depends on item i of the variables only, so
    the gradient of a sum over items is each item's own gradient.

    Attributes
    ----------
    variables : what the climb moves
    optimizer, learning_rate : how it moves them best, where the user has no wish
    ends : what 0 and 255 stand for in a saved picture; None for each picture's own lowest and highest value
    """

    variables: tuple[Tensor, ...]
    optimizer: str = "adam"
    learning_rate: float = 0.12
    ends: tuple[float, float] | None = (0.0, 1.0)

    @abc.abstractmethod
    def pictures(self) -> Tensor:
        """The inputs as they are now: (N, C, H, W) float32, in 0..1 unless `ends` says otherwise."""

    def showing(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Variables at which the canvas shows these pictures (N, C, H, W) in 0..1, ends of the range a little inside it.

        Raises
        ------
        InputError : this canvas cannot show any picture
        """
        raise InputError(
            "a climb was to start from a given picture; canvas fourier, pixels or pyramid can show one"
        )

    def leading(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What of the variables' gradients leads to where they may be; by default all."""
        return gradients

    def project(self) -> None:
        """Bring the variables back to where they may be, after each step and without gradient; by default anywhere."""
        return

    def transparency(self) -> Tensor | None:
        """Where the net looked on the way: (N, H, W) float32 in 0..1, or None for a canvas that does not keep it."""
        return None


def normal_start(streams: Sequence[np.random.Generator], shape: tuple[int, ...], *, sd: float) -> Tensor:
    """One item from each stream: (N, *shape) float32, normal with standard deviation `sd`."""
    return torch.from_numpy(np.stack([each.standard_normal(shape, np.float32) for each in streams])) * sd
