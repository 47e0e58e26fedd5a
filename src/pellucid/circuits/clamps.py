# SPDX-License-Identifier: Apache-2.0
"""Clamped units: while a net runs, some units of a layer give a fixed response, as the layer returns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from torch import Tensor

from pellucid.circuits.growing import Growing
from pellucid.errors import InputError
from pellucid.models import Net
from pellucid.models.calls import calls_in_order, tensor_at, with_tensor
from pellucid.models.trace import Call
from pellucid.records import Unit

__all__ = ["Clamps", "clamped", "forked"]

# What each unit is held at: the response that its layer returns for it, at all positions or at the one it names.
Clamps = Mapping[Unit, float]


@contextmanager
def clamped(net: Net, clamps: Clamps) -> Iterator[None]:
    """Inside, these units give these responses whenever the net runs; outside, nothing of it is left.

    Held at 0, a unit is as if its weights, its bias (and the batch norm's, where its layer is one) were zero.

    Examples
    --------
    >>> from pellucid.models import load, tap
    >>> net = load("demo")
    >>> with clamped(net, {Unit("conv1", 3): 0.0}), tap(net, ["conv1"]) as run:
    ...     float(run(torch.rand(1, 3, 96, 96))["conv1"][0, 3].abs().max())
    0.0
    """
    with forked(net, [clamps], lambda pixels: len(pixels), grows=False):
        yield


@contextmanager
def forked(
    net: Net, variants: Sequence[Clamps], items: Callable[[Tensor], int], *, grows: bool
) -> Iterator[None]:
    """Inside, the net computes several variants at once: variant v of item n at row v * items + n of a batch.

    Parameters
    ----------
    variants : what is clamped in each
    items : how many items a batch holds, told by what the net is fed
    grows : the net is fed the items once, and the batch becomes `variants` times as long at the first clamped layer, so that what
        lies before is computed once; else it is fed them as often as there are variants
    """
    wanted = _by_call(net, variants)
    if grows and len(wanted) != 1:
        raise InputError("a batch can grow at one layer only")
    count = 0
    growing = Growing(len(variants)) if grows else None

    def started(module: object, given: tuple[object, ...]) -> None:
        nonlocal count
        fed = next(one for one in given if isinstance(one, Tensor))
        count = items(fed)
        if growing is not None:
            growing.items = count

    def seen(module: str, number: int, output: object) -> object:
        for call in wanted.get((module, number), ()):
            tensor = tensor_at(output, call.path)
            if grows:
                axis = call.layout.order[0]
                tensor = torch.cat([tensor] * len(variants), axis)
            output = with_tensor(output, call.path, _held(tensor, call, variants, count))
        return output

    parts = {name: net.module.get_submodule(name) for name, _ in wanted}
    handle = net.module.register_forward_pre_hook(started)
    try:
        with calls_in_order(net.module, parts, seen), growing or nullcontext():
            yield
    finally:
        handle.remove()


def _by_call(net: Net, variants: Sequence[Clamps]) -> dict[tuple[str, int], list[Call]]:
    found: dict[tuple[str, int], list[Call]] = {}
    for name in dict.fromkeys(unit.layer for clamps in variants for unit in clamps):
        call = net.trace.calls[name]
        found.setdefault((call.module, call.number), []).append(call)
    return found


def _held(tensor: Tensor, call: Call, variants: Sequence[Clamps], items: int) -> Tensor:
    """A copy of what a layer gave with the units of each variant held; row by row, however it lies in memory."""
    # The place in memory of each (row, unit, *position): an arrangement need not be a view, so it cannot be written through.
    places = torch.arange(tensor.numel(), device=tensor.device).view(tensor.shape)
    arranged = call.layout.arranged(places, items * len(variants))
    held = tensor.detach().clone().flatten() if not tensor.requires_grad else tensor.clone().flatten()
    for number, clamps in enumerate(variants):
        rows = arranged[number * items : (number + 1) * items]
        for unit, value in clamps.items():
            if unit.layer == call.layer.name:
                own = rows[:, unit.index]
                if unit.position is not None:
                    own = own.flatten(1)[:, _place(unit, call)]
                held[own.flatten()] = value
    return held.view(tensor.shape)


def _place(unit: Unit, call: Call) -> int:
    """The place of a unit's position among all of them, row by row."""
    grid = call.layer.grid
    at = (
        tuple(size // 2 for size in grid)
        if unit.position == "center"
        else tuple(map(int, unit.position or ()))
    )
    return int(np.ravel_multi_index(at, grid)) if grid else 0
