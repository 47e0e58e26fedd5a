# SPDX-License-Identifier: Apache-2.0
"""What one observed forward pass tells: every layer, how it lies, what reaches it and what it is fed by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.models.calls import Path
from pellucid.models.fields import Fields
from pellucid.models.flow.flow import Flow, counted
from pellucid.models.layout import Layout, layout_of
from pellucid.models.recorder import OUTPUT, Recorder, Returned
from pellucid.records import Layer

__all__ = ["ITEMS", "OUTPUT", "Call", "Trace", "traced"]

ITEMS = 2  # a batch of two shows which axis holds the items


@dataclass(frozen=True)
class Call:
    """One tensor that one call of one module returned: where to catch it, how it lies, what reaches it."""

    layer: Layer
    module: str
    number: int
    path: Path
    layout: Layout
    fields: Fields


@dataclass(frozen=True)
class Trace:
    """Every layer by name, in the order in which they are ready; the network's output comes last.

    `before_bends` names the layers whose tensor goes straight into a non-linearity, and the output; without the layer
    that gives the output itself.
    """

    calls: Mapping[str, Call]
    before_bends: tuple[str, ...]
    draws_random_numbers: bool


def traced(module: nn.Module, example: Tensor) -> Trace:
    """Run `module` once on `example`, two items as fed, and read off its layers.

    Raises
    ------
    InputError : the module fails on the example, or its output is not one tensor with an axis for the items
    """
    recorder = Recorder(module)
    returned = recorder.run(example)
    counts = _items_in_unseen(module, example, returned)
    calls: dict[str, Call] = {}
    for one in returned:
        flow = one.flow
        if flow is None and counts.get(one.name) == ITEMS + 1:
            flow = Flow(one.shape, {"item": counted(one.shape, 0)}, ())
        if flow is None:
            continue  # it does not depend on the input, as a table of position biases
        layout = layout_of(flow, ITEMS)
        if layout is not None:
            calls[one.name] = _call(one, flow, layout, tuple(example.shape[2:]))
    if OUTPUT not in calls:
        raise InputError(
            f"the network's output of shape {returned[-1].shape} has no axis for the items of a batch"
        )
    last = returned[-1].flow
    output = last.feeders if last is not None and last.named else ()
    bent = tuple(name for name in recorder.observer.bent if (name,) != output)
    return Trace(calls, (*bent, OUTPUT), recorder.draws_random_numbers)


def _items_in_unseen(module: nn.Module, example: Tensor, returned: Sequence[Returned]) -> dict[str, int]:
    """The first axis's length with one item more, where torch did not see a tensor made and it may hold the items."""
    if all(one.flow is not None or one.shape[:1] != (ITEMS,) for one in returned):
        return {}
    more = Recorder(module).run(torch.cat([example, example[:1]]))
    return {one.name: one.shape[0] for one in more if one.shape}


def _call(one: Returned, flow: Flow, layout: Layout, extent: tuple[int, ...]) -> Call:
    fields, (units, *grid) = _fields(flow, layout, extent)
    layer = Layer(
        one.name,
        one.kind,
        tuple(grid),
        units,
        _receptive_field(fields, len(grid)),
        _stride(flow, len(grid)),
        flow.sign == 2,
        flow.feeders if flow.sign == 2 else (),
    )
    return Call(layer, one.module, one.number, one.path, layout, fields)


def _fields(flow: Flow, layout: Layout, extent: tuple[int, ...]) -> tuple[Fields, tuple[int, ...]]:
    """The layer's fields and its shape (K, *positions)."""
    spans: dict[str, list[Tensor]] = {"low": [], "high": []}
    for place, size in enumerate(extent):
        for edge, unknown in (("low", 0), ("high", size)):
            mark = flow.marks.get(f"{edge}{place}", torch.tensor(unknown))
            spans[edge].append(layout.arranged(mark.expand(flow.shape), ITEMS)[0])
    return Fields(tuple(spans["low"]), tuple(spans["high"]), extent), tuple(spans["low"][0].shape)


def _receptive_field(fields: Fields, axes: int) -> tuple[int, ...] | None:
    """One number per position axis, where these are the input's own axes."""
    size = fields.size()
    if size is None or axes == 0:
        return None if size is None else ()
    return size if axes == len(size) else None


def _stride(flow: Flow, axes: int) -> tuple[int, ...] | None:
    """How many pixels lie between positions along each axis, where that is a whole number of the input's own axes."""
    if axes == 0:
        return ()
    if axes != len(flow.steps) or any(step.denominator != 1 for step in flow.steps):
        return None
    return tuple(int(step) for step in flow.steps)
