# SPDX-License-Identifier: Apache-2.0
"""The allowed inputs of a constraint, in coordinates in which the constraint is a ball or a box."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.ascent.canvas import Canvas, CanvasShape, normal_start
from pellucid.ascent.color import mixed
from pellucid.ascent.statistics import ImageStatistics
from pellucid.errors import InputError
from pellucid.models.inputs import ImageInput

__all__ = [
    "Ball",
    "BoxSpace",
    "ConstrainedCanvas",
    "Space",
    "dense_gaussian",
    "fed_pixels",
    "stationary_gaussian",
]

# From coordinates (N, C, H, W) to pixels of the same shape; linear but for a constant.
Map = Callable[[Tensor], Tensor]
# Starts inside a Mahalanobis ball: this share of its radius, near the mean of the data.
INSIDE = 0.1
START_SD = 0.01
# Coordinates whose norm is short of a ball's by less than this share lie on its surface.
AT_SURFACE = 1e-5
# Half the side of a box in its own coordinates: there, its middle has the slope of a sigmoid's.
HALF_BOX = 2.0


class Space(abc.ABC):
    """Coordinates (N, C, H, W) of allowed inputs, about 1 in size, so that one learning rate suits all."""

    optimizer: str
    learning_rate: float
    ends: tuple[float, float] | None

    @abc.abstractmethod
    def start(self, streams: Sequence[np.random.Generator]) -> Tensor:
        """Where a climb begins, one item from each stream."""

    @abc.abstractmethod
    def pictures(self, coordinates: Tensor) -> Tensor:
        """The pixels there."""

    @abc.abstractmethod
    def allowed(self, coordinates: Tensor) -> Tensor:
        """The nearest allowed coordinates."""

    @abc.abstractmethod
    def leading(self, coordinates: Tensor, gradient: Tensor) -> Tensor:
        """What of a gradient there leads to allowed places."""


class Ball(Space):
    """Coordinates of a norm of at most `radius`, or exactly that; in units of the radius per root of their number.

    It is climbed along the gradient itself: Adam, which moves all coordinates by the same amount, ends elsewhere.
    """

    optimizer = "spectral"
    # Of the radius.
    learning_rate = 0.2
    ends = None

    def __init__(self, shape: CanvasShape, radius: float, pixels: Map, *, on_surface: bool) -> None:
        self._shape, self._pixels, self._on_surface = shape, pixels, on_surface
        self._full = float(np.sqrt(np.prod(shape.chw)))
        self._unit = radius / self._full

    def start(self, streams: Sequence[np.random.Generator]) -> Tensor:
        directions = normal_start(streams, self._shape.chw, sd=1.0)
        share = 1.0 if self._on_surface else INSIDE
        return directions * (share * self._full / _norms(directions))

    def pictures(self, coordinates: Tensor) -> Tensor:
        return self._pixels(coordinates * self._unit)

    def allowed(self, coordinates: Tensor) -> Tensor:
        norms = _norms(coordinates)
        if not self._on_surface:
            norms = norms.clamp(min=self._full)
        return torch.where(norms > 0, coordinates * (self._full / norms), coordinates)

    def leading(self, coordinates: Tensor, gradient: Tensor) -> Tensor:
        outward = (coordinates * gradient).sum((1, 2, 3), keepdim=True) / _norms(coordinates).square()
        if not self._on_surface:
            outward = outward.clamp(min=0) * (_norms(coordinates) >= self._full * (1 - AT_SURFACE))
        return gradient - outward * coordinates


class BoxSpace(Space):
    """Coordinates from -2 to 2 for pixels from low to high."""

    optimizer = "adam"
    learning_rate = 0.12

    def __init__(self, shape: CanvasShape, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
        self._shape = shape
        self._low, self._high = (torch.from_numpy(end).view(-1, 1, 1) for end in (low, high))
        self.ends = min(0.0, float(low.min())), max(1.0, float(high.max()))

    def start(self, streams: Sequence[np.random.Generator]) -> Tensor:
        return normal_start(streams, self._shape.chw, sd=START_SD)

    def pictures(self, coordinates: Tensor) -> Tensor:
        low, high = self._low.to(coordinates), self._high.to(coordinates)
        return torch.lerp(low, high, coordinates / (2 * HALF_BOX) + 0.5)

    def allowed(self, coordinates: Tensor) -> Tensor:
        return coordinates.clamp(-HALF_BOX, HALF_BOX)

    def leading(self, coordinates: Tensor, gradient: Tensor) -> Tensor:
        return gradient.masked_fill((coordinates.abs() >= HALF_BOX) & (coordinates * gradient > 0), 0)


class ConstrainedCanvas(Canvas):
    """Pixels that a constraint keeps where they may be."""

    def __init__(
        self, space: Space, streams: Sequence[np.random.Generator], *, device: torch.device | str = "cpu"
    ) -> None:
        self._space = space
        self.optimizer, self.learning_rate, self.ends = space.optimizer, space.learning_rate, space.ends
        self.variables = (space.start(streams).to(device).requires_grad_(),)

    def pictures(self) -> Tensor:
        return self._space.pictures(self.variables[0])

    def leading(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (self._space.leading(self.variables[0].detach(), gradients[0]),)

    def project(self) -> None:
        variable = self.variables[0]
        variable.copy_(self._space.allowed(variable))


def fed_pixels(image: ImageInput) -> Map:
    """Coordinates are what the module is fed."""
    return image.denormalize


def dense_gaussian(
    shape: CanvasShape, mean: NDArray[np.float64] | float, covariance: NDArray[np.float64]
) -> Map:
    """Coordinates are whitened by a covariance (C*H*W, C*H*W), about a mean that broadcasts to (C, H, W).

    Raises
    ------
    InputError : another shape, or a covariance with a negative direction
    """
    size = int(np.prod(shape.chw))
    values, vectors = (
        np.linalg.eigh(covariance) if covariance.shape == (size, size) else (np.array([-1.0]), 0)
    )
    if values.min() < -1e-9 * abs(values).max():
        raise InputError(
            f"a covariance of shape {covariance.shape}; ({size}, {size}), symmetric and not negative, is one for this input"
        )
    symmetric = (vectors * np.sqrt(np.maximum(values, 0))) @ np.transpose(vectors)
    root = torch.from_numpy(symmetric.astype(np.float32))
    middle = torch.from_numpy(np.broadcast_to(np.asarray(mean, np.float32), shape.chw).copy())

    def pixels(coordinates: Tensor) -> Tensor:
        flat = coordinates.flatten(1) @ root.to(coordinates)
        return middle.to(coordinates) + flat.view_as(coordinates)

    return pixels


def stationary_gaussian(shape: CanvasShape, statistics: ImageStatistics) -> Map:
    """Coordinates are whitened by the statistics: axes of color, and along each an amplitude spectrum, alike everywhere."""
    axes = statistics.axes
    sizes = statistics.amplitude(shape.height, shape.width, axes)
    # Along each axis the variance of a pixel is 1: the covariance of the axes holds the rest.
    power = np.fft.irfft2(sizes**2, s=(shape.height, shape.width))[:, :1, :1]
    scaled = sizes / np.sqrt(np.where(power > 0, power, 1))
    weights, mixing, mean = (
        torch.from_numpy(each.astype(np.float32)) for each in (scaled, axes, statistics.mean[:, None, None])
    )

    def pixels(coordinates: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(coordinates) * weights.to(coordinates.device)
        planes = torch.fft.irfft2(spectrum, s=(shape.height, shape.width))
        return mixed(planes, mixing) + mean.to(planes)

    return pixels


def _norms(items: Tensor) -> Tensor:
    """(N, 1, 1, 1)."""
    norms: Tensor = torch.linalg.vector_norm(items, dim=(1, 2, 3), keepdim=True)
    return norms
