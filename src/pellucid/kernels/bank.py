# SPDX-License-Identifier: Apache-2.0
"""The kernels of one layer as they meet the input: the weights, and what each of their channels is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import InputError

__all__ = ["GRAY", "RGB", "Bank"]

GRAY = ("gray",)
RGB = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class Bank:
    """Kernels `weights` (K, C, kh, kw), finite, read-only; `channels` names each of the C input channels.

    Kernels that hold NaN or infinity are `damaged`: their weights are zeros here.

    The weights are meant as seen from the input, with its normalization folded in; where the channels are
    red, green and blue, colors drawn from them are those of the user's image. A volume's kernel has `slices` in depth or
    in time, laid among the channels: slice by slice within each. A kernel of a signal (`is_signal`) is one pixel high.
    `deeper`: the layer reads responses, not the input, so its weights are shown and not read.
    """

    weights: NDArray[np.float64]
    channels: tuple[str, ...]
    layer: str
    slices: int = 1
    is_signal: bool = False
    deeper: bool = False
    damaged: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        weights: ArrayLike,
        *,
        channels: Sequence[str] | None = None,
        layer: str = "",
        deeper: bool = False,
    ) -> Bank:
        """The bank of an array of kernels.

        Parameters
        ----------
        weights : (K, C, kh, kw); a signal's (K, C, k) becomes one pixel high; a volume's (K, C, d, kh, kw)
            lays its d slices among the channels
        channels : C names; None: gray for one, red, green, blue for three, else numbers from 0; of a signal or a deeper
            layer always numbers

        Raises
        ------
        InputError : another shape, no weight, weights of which no kernel is finite, or another count of names

        Examples
        --------
        >>> Bank.of(np.ones((2, 3, 5, 5))).channels
        ('red', 'green', 'blue')
        >>> Bank.of(np.ones((4, 1, 9))).weights.shape
        (4, 1, 1, 9)
        """
        array = np.array(weights, np.float64)
        if array.ndim not in (3, 4, 5) or not array.size:
            raise InputError(
                f"an array of shape {array.shape} is no bank of kernels; "
                "(K, C, kh, kw) is one, (K, C, k) for a signal, (K, C, d, kh, kw) for a volume"
            )
        sound = np.isfinite(array).reshape(len(array), -1).all(1)
        if not sound.any():
            raise InputError(
                f"the kernels of {layer or 'this layer'} hold weights that are no finite numbers"
            )
        array[~sound] = 0
        names = _names(channels, array.shape[1], colors=array.ndim > 3 and not deeper)
        slices, signal = (array.shape[2] if array.ndim == 5 else 1), array.ndim == 3
        if array.ndim == 3:
            array = array[:, :, None, :]
        elif array.ndim == 5:
            names = tuple(f"{name} {depth}" for name in names for depth in range(array.shape[2]))
            array = array.reshape(len(array), -1, *array.shape[3:])  # (K, C * d, kh, kw)
        array.setflags(write=False)
        damaged = tuple(np.flatnonzero(~sound).tolist())
        return cls(array, names, layer, slices, signal, deeper, damaged)

    def only(self, units: Sequence[int]) -> Bank:
        """The bank of some of its kernels, numbered anew."""
        left = tuple(place for place, unit in enumerate(units) if unit in self.damaged)
        return replace(self, weights=self.weights[list(units)], damaged=left)

    @property
    def count(self) -> int:
        """K, the number of kernels."""
        return len(self.weights)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a kernel."""
        return self.weights.shape[2], self.weights.shape[3]

    @property
    def colors(self) -> tuple[str, ...]:
        """The channels without their slices."""
        first = self.channels[:: self.slices]
        return first if self.slices == 1 else tuple(name.rpartition(" ")[0] for name in first)

    @property
    def is_color(self) -> bool:
        """Whether the channels are red, green and blue."""
        return self.colors == RGB

    @property
    def is_gray(self) -> bool:
        """Whether the one channel is gray."""
        return self.colors == GRAY

    @property
    def words(self) -> str:
        """What the bank holds: `96 filters of 7x7 on red, green, blue`."""
        height, width = self.size
        size = f"{width}" if self.is_signal else f"{height}x{width}"
        size = size if self.slices == 1 else f"{self.slices}x{size}"
        colors = self.colors
        named = len(colors) <= 4 and not all(name.isdigit() for name in colors)
        kinds = ", ".join(colors) if named else f"{len(colors)} channel{'s' if len(colors) > 1 else ''}"
        return f"{self.count} filter{'s' if self.count > 1 else ''} of {size} on {kinds}"


def _names(channels: Sequence[str] | None, count: int, *, colors: bool) -> tuple[str, ...]:
    if channels is None:
        known = {1: GRAY, 3: RGB}.get(count) if colors else None
        return known or tuple(str(number) for number in range(count))
    if len(channels) != count:
        raise InputError(f"{len(channels)} channel names were given for kernels with {count} channels")
    return tuple(channels)
