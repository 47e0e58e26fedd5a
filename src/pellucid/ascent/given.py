# SPDX-License-Identifier: Apache-2.0
"""A given picture: what a climb starts from, or is compared with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError

__all__ = ["Given"]


@dataclass(frozen=True, eq=False)
class Given:
    """A picture of a user's own. Two of the same pixels are equal.

    Parameters
    ----------
    pixels : (C, H, W) float32 in 0..1, as `models.fed_pixels` gives

    Raises
    ------
    InputError : another shape or type, or values outside 0..1

    Examples
    --------
    >>> Given(np.zeros((3, 4, 6), np.float32)).size
    (4, 6)
    """

    pixels: NDArray[np.float32] = field(repr=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or not self.pixels.size or self.pixels.dtype != np.float32:
            raise InputError(
                f"a given picture of shape {self.pixels.shape} and type {self.pixels.dtype}; (C, H, W) float32 works"
            )
        if not ((self.pixels >= 0) & (self.pixels <= 1)).all():
            raise InputError("a given picture has values outside 0..1")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @cached_property
    def digest(self) -> str:
        """The first digits of a hash of shape and pixels."""
        whole = np.ascontiguousarray(self.pixels)
        return hashlib.sha256(f"{whole.shape}".encode() + whole.tobytes()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Given) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return f"picture {self.digest[:8]}"
