# SPDX-License-Identifier: Apache-2.0
"""The rows and columns of a layer's positions: a map's own, or those of the map that tokens were cut from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError
from pellucid.models import Net, places_of
from pellucid.records import Layer

__all__ = ["laid_out", "pooled"]


def laid_out(net: Net, layer: Layer, responses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Responses (K, P) in rows and columns: (K, h, w); tokens that stand for no part of the image are left out.

    Raises
    ------
    InputError : the layer's positions are no rows of a picture
    """
    places = places_of(net, layer)
    if places is not None:
        return places.on_grid(responses)
    there = "x".join(map(str, layer.grid)) if layer.grid else "no positions"
    maps = next((each.name for each in reversed(net.layers()) if len(each.grid) == 2), None)
    instead = f"; {maps} is the last layer that has some" if maps else ""
    raise InputError(f"{layer.name} has {there}, a grid needs rows and columns of them{instead}")


def pooled(maps: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Means of maps (K, h, w) over `shape` equal parts of the area: (K, rows, columns).

    A position that lies in two parts counts in each by its share.

    >>> pooled(np.array([[[0.0, 3.0, 6.0]]]), (1, 2))
    array([[[1., 5.]]])
    """
    down, across = (_shares(side, parts) for side, parts in zip(maps.shape[1:], shape, strict=True))
    means: NDArray[np.float64] = np.einsum("yh,khw,xw->kyx", down, maps, across)
    return means


def _shares(side: int, parts: int) -> NDArray[np.float64]:
    """(parts, side) how much of each part every position makes up."""
    edges = np.linspace(0, side, parts + 1)
    starts = np.arange(side)
    inside = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    overlap: NDArray[np.float64] = np.maximum(inside, 0)
    overlap /= overlap.sum(1, keepdims=True)
    return overlap
