# SPDX-License-Identifier: Apache-2.0
"""The layers on the way to an aim, and those of them whose positions lie in a grid over the image."""

from __future__ import annotations

from collections.abc import Iterator

from pellucid.attribution.aim import Aim
from pellucid.attribution.grid import CellGrid, cell_grid
from pellucid.models import OUTPUT, Net
from pellucid.records import Layer

__all__ = ["grids_before", "has_grid_before", "layers_before"]


def layers_before(net: Net, aim: Aim) -> list[Layer]:
    """The layers that are ready before all that is read, without the insides of those; the last first."""
    layers = list(net.layers())
    names = [layer.name for layer in layers]
    first = min(names.index(name) for name in aim.layers)
    inside = tuple(f"{net.trace.calls[name].module}." for name in aim.layers if name != OUTPUT)
    return [layer for layer in layers[:first] if not inside or not layer.name.startswith(inside)][::-1]


def grids_before(net: Net, aim: Aim) -> Iterator[tuple[Layer, CellGrid]]:
    """Those whose positions lie in a grid, the last first; without the insides of attentions, which are no features."""
    for layer in layers_before(net, aim):
        if "Attention" in layer.kind or _in_attention(net, layer):
            continue
        if (grid := cell_grid(net, layer)) is not None:
            yield layer, grid


def has_grid_before(net: Net, aim: Aim) -> bool:
    """Whether there is any."""
    return next(grids_before(net, aim), None) is not None


def _in_attention(net: Net, layer: Layer) -> bool:
    path = net.trace.calls[layer.name].module.split(".")
    above = (".".join(path[:depth]) for depth in range(1, len(path)))
    return any("Attention" in type(net.module.get_submodule(name)).__name__ for name in above)
