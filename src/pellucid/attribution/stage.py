# SPDX-License-Identifier: Apache-2.0
"""A layer's response let through a module of our own, on its way to the rest of the network.

What hangs there sees (N, K, h, w) whatever the layer's own order of axes, tuple outputs and reused modules included, and
the value of the moment: an operation in place behind it works on a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from pellucid.attribution.grid import CellGrid
from pellucid.models import Net
from pellucid.models.calls import calls_in_order, tensor_at, with_tensor

__all__ = ["let_through"]

Station = Callable[[Tensor], Tensor]


@contextmanager
def let_through(
    net: Net, stations: Mapping[str, tuple[CellGrid, Station]], items: Callable[[], int]
) -> Iterator[None]:
    """Inside, each layer's cells (N, K, h, w) go through its station, which gives back a tensor of the same shape.

    `items` says how many items the running pass has; some layouts hide it.
    """
    wanted = {(net.trace.calls[name].module, net.trace.calls[name].number): name for name in stations}

    def seen(module: str, number: int, output: object) -> object:
        name = wanted.get((module, number))
        if name is None:
            return None
        call = net.trace.calls[name]
        tensor = tensor_at(output, call.path)
        arranged = call.layout.arranged(tensor, items())
        changed = _through(arranged, *stations[name])
        return with_tensor(
            output, call.path, call.layout.restored(changed, tuple(tensor.shape), items()).clone()
        )

    parts = {name: net.module.get_submodule(name) for name, _ in wanted}
    with calls_in_order(net.module, parts, seen):
        yield


def _through(arranged: Tensor, grid: CellGrid, station: Station) -> Tensor:
    flat = arranged.flatten(2)  # (N, K, P)
    order = torch.from_numpy(grid.places.reshape(-1)).to(flat.device)
    cells = station(flat[:, :, order].reshape(*flat.shape[:2], *grid.shape))
    back = cells.flatten(2)
    if len(order) == flat.shape[2] and bool((np.diff(grid.places.reshape(-1)) == 1).all()):
        return back.reshape(arranged.shape)
    return flat.index_copy(2, order, back).reshape(arranged.shape)
