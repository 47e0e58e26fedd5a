# SPDX-License-Identifier: Apache-2.0
"""Expanded weights: how a unit's response changes with every unit below, through the linearized net between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.circuits.bends import Open
from pellucid.circuits.crossing import PIXELS, crossing
from pellucid.models import Net
from pellucid.models.own_code import own_code

__all__ = ["Kernels", "expanded_weights"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Kernels:
    """One unit's weights from the units of one layer below, at the middle of the unit's grid.

    Parameters
    ----------
    layer : the layer below; `PIXELS` for the input, whose units are its channels, in 0..1
    maps : (K, *sizes) response per response below, at each position from which any unit of the layer reaches the unit
    corner : the position below at which the maps begin
    """

    layer: str
    maps: Floats
    corner: tuple[int, ...]

    @property
    def totals(self) -> NDArray[np.float64]:
        """(K,) the sum of each map: what one more everywhere below would add."""
        total: NDArray[np.float64] = self.maps.reshape(len(self.maps), -1).sum(1, dtype=np.float64)
        return total

    @property
    def strengths(self) -> NDArray[np.float64]:
        """(K,) the length of each map (root of its sum of squares) with the sign of its sum."""
        flat = self.maps.reshape(len(self.maps), -1).astype(np.float64)
        signed: NDArray[np.float64] = np.sqrt((flat**2).sum(1)) * np.where(self.totals < 0, -1.0, 1.0)
        return signed


def expanded_weights(
    net: Net, layer: str, indices: Sequence[int], sources: Sequence[str]
) -> Iterator[tuple[int, Mapping[str, Kernels]]]:
    """For each unit of a layer its `Kernels` from each source: the Jacobian of the linearized net between them.

    Linearized: what bends one number (ReLU, GELU, a clamp, ...) passes it on, the largest of a window becomes the mean of the
    window. Convolutions, batch norms, sums, concatenations and the rest are as they are. Where nothing but a non-linearity lies
    between, these are the layer's own kernels, batch norm folded in.

    Parameters
    ----------
    net : the net
    layer, indices : the units; of a layer with positions, the one in the middle of the grid
    sources : layers below, as `fed_by` finds them; a path that leads around a source is not counted for it

    Examples
    --------
    >>> from pellucid.models import load
    >>> [(unit, below)] = expanded_weights(load("demo"), "conv2", [3], ["conv1"])
    >>> below["conv1"].maps.shape
    (40, 7, 7)
    """
    target = net.layer(layer)
    middle = tuple(size // 2 for size in target.grid)
    with crossing(net, [target.name], sources) as run:
        black = torch.zeros(1, net.input.channels, *net.input.size, device=net.device)
        met = run(black, Open(), False)
    # The pass is over and the net as it was; what follows reads the graph that it left.
    response = met.responses[target.name][0]
    wanted = [met.leaves[name] for name in sources]
    for index in indices:
        with own_code():
            gradients = torch.autograd.grad(
                response[index][middle], wanted, retain_graph=True, allow_unused=True
            )
        found = {}
        for name, leaf, gradient in zip(sources, wanted, gradients, strict=True):
            whole = torch.zeros_like(leaf) if gradient is None else gradient
            if name == PIXELS:
                whole = _by_pixels(net, whole)
            found[name] = _cropped(name, met.places[name](whole)[0].float().cpu().numpy())
        yield index, found


def _by_pixels(net: Net, gradient: torch.Tensor) -> torch.Tensor:
    """From a gradient by what the module is fed to one by pixels in 0..1, whatever the normalization."""
    with torch.enable_grad():
        pixels = torch.full_like(gradient, 0.5, dtype=torch.float32).requires_grad_()
        fed = net.input.normalize(pixels)
        (by_pixels,) = torch.autograd.grad(fed, pixels, gradient.to(fed.dtype))
    return by_pixels


def _cropped(name: str, maps: NDArray[Any]) -> Kernels:
    """Only the positions at which any unit's weight is not zero."""
    spans, corner = [], []
    for axis in range(1, maps.ndim):
        others = tuple(other for other in range(maps.ndim) if other != axis)
        used = np.flatnonzero((maps != 0).any(axis=others))
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        spans.append(slice(first, last))
        corner.append(first)
    return Kernels(name, np.ascontiguousarray(maps[(slice(None), *spans)]), tuple(corner))
