# SPDX-License-Identifier: Apache-2.0
"""What is held: pixels or whole channels that stay exactly as given while the rest of the canvas climbs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.ascent.canvas import Canvas, CanvasShape
from pellucid.errors import InputError

__all__ = ["Held", "HeldCanvas"]


@dataclass(frozen=True, eq=False)
class Held:
    """Part of a picture that may not change.

    Parameters
    ----------
    picture : (H, W, C) uint8, or floating point in 0..1, which is saved in 8 bits like all pictures
    mask : (H, W) bool, the pixels held; None for none
    channels : held as a whole, as one band of several

    Raises
    ------
    InputError : shapes that do not fit, values outside 0..1, or nothing held

    Examples
    --------
    >>> held = Held(np.zeros((4, 6, 3), np.uint8), mask=np.eye(4, 6, dtype=bool), channels=(2,))
    >>> held.size, int(held.where.sum())
    ((4, 6), 32)
    """

    picture: NDArray[Any] = field(repr=False)
    mask: NDArray[np.bool_] | None = field(default=None, repr=False)
    channels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        shape = self.picture.shape
        if len(shape) != 3 or (self.mask is not None and self.mask.shape != shape[:2]):
            mask = None if self.mask is None else self.mask.shape
            raise InputError(
                f"a held picture of shape {shape} under a mask of {mask}: (H, W, C) under (H, W)"
            )
        if not all(0 <= channel < shape[2] for channel in self.channels):
            raise InputError(f"channels {self.channels} are to be held; there are 0 to {shape[2] - 1}")
        if not self.where.any():
            raise InputError("nothing is held: the mask is empty and no channel is named")
        if not ((self.values >= 0) & (self.values <= 1)).all():
            raise InputError("a held picture has values outside 0..1; give uint8, or floating point in 0..1")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), which the canvas must have."""
        return self.picture.shape[0], self.picture.shape[1]

    @property
    def where(self) -> NDArray[np.bool_]:
        """(C, H, W) bool, True where held."""
        where = np.zeros(self.picture.shape, bool)
        if self.mask is not None:
            where[self.mask.astype(bool)] = True
        where[:, :, list(self.channels)] = True
        return where.transpose(2, 0, 1)

    @property
    def values(self) -> NDArray[np.float32]:
        """(C, H, W) float32 in 0..1."""
        scale = np.float32(255 if self.picture.dtype == np.uint8 else 1)
        return (self.picture.astype(np.float32) / scale).transpose(2, 0, 1)

    def to_json(self) -> dict[str, Any]:
        """What a provenance keeps: how much is held, and a digest of what and where."""
        where = np.ascontiguousarray(self.where)
        digest = hashlib.sha256(where.tobytes() + self.values[where].tobytes()).hexdigest()
        return {"share": round(float(where.mean()), 4), "digest": digest}


class HeldCanvas(Canvas):
    """Another canvas, with part of its pictures held. No gradient reaches what is held.

    Raises
    ------
    InputError : the held picture has another shape
    """

    def __init__(
        self, free: Canvas, held: Held, shape: CanvasShape, device: torch.device | str = "cpu"
    ) -> None:
        if held.values.shape != shape.chw:
            channels, height, width = held.values.shape
            raise InputError(
                f"a held picture of {channels}x{height}x{width} on a canvas of "
                f"{shape.channels}x{shape.height}x{shape.width}; ask for size {height}x{width}, or crop it"
            )
        self._free = free
        self._where = torch.from_numpy(held.where.copy()).to(device)
        self._values = torch.from_numpy(held.values.copy()).to(device)
        self.variables, self.ends = free.variables, free.ends
        self.optimizer, self.learning_rate = free.optimizer, free.learning_rate

    def pictures(self) -> Tensor:
        return torch.where(self._where, self._values, self._free.pictures())

    def showing(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return self._free.showing(pictures)

    def project(self) -> None:
        self._free.project()

    def transparency(self) -> Tensor | None:
        return self._free.transparency()
