# SPDX-License-Identifier: Apache-2.0
"""Operations that move elements about: views, slices, concatenations. The same is done to the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from pellucid.models.flow.flow import FAR, Flow, broadcast, is_reach, merged_feeders, reshaped, viewed
from pellucid.models.flow.operation import Operation

__all__ = [
    "copied_over",
    "joined",
    "moved",
    "picked",
    "resized",
    "rolled",
    "same",
    "shuffled",
    "sliced",
    "written_into",
]


def same(operation: Operation) -> Flow:
    return operation.flow()


def resized(operation: Operation) -> Flow:
    return reshaped(operation.flow(), operation.shape)


def moved(operation: Operation) -> list[Flow]:
    """Axes in another order, or elements picked along them."""
    move = getattr(torch.ops.aten, operation.name)
    rest = {name: value for name, value in operation.arguments.items() if name != "self"}
    return viewed(operation.flow(), lambda mark: move(mark, **rest))


def sliced(operation: Operation) -> list[Flow]:
    """Every n-th element: positions lie n times as far apart."""
    flow, every = operation.flow(), operation.arguments.get("step", 1)
    axis = operation.arguments.get("dim", 0) % len(flow.shape)
    places = range(len(flow.steps)) if every > 1 else []
    factors = {place: Fraction(every) for place in places if flow.varies(f"at{place}", axis)}
    return [part.stepped(factors) for part in moved(operation)]


def rolled(operation: Operation) -> Flow:
    """Roll and flip copy, so they are done only where marks differ."""
    flow, arguments = operation.flow(), operation.arguments
    axes = [axis % len(flow.shape) for axis in arguments["dims"]]
    marks = {}
    for name, mark in flow.marks.items():
        for place, axis in enumerate(axes):
            if mark.shape[axis] > 1 and operation.name == "flip":
                mark = mark.flip(axis)
            elif mark.shape[axis] > 1:
                mark = mark.roll(arguments["shifts"][place], axis)
        marks[name] = mark
    return replace(flow, marks=marks)


def joined(operation: Operation) -> Flow:
    """A concatenation, or a stack along a new axis; a tensor that the input does not reach has an empty reach."""
    tensors: Sequence[Tensor] = operation.arguments["tensors"]
    axis = operation.arguments.get("dim", 0) % len(operation.shape)
    flows = [operation.flow_of(tensor) for tensor in tensors]
    lengths = [tensor.shape[axis] for tensor in tensors]
    if operation.name == "stack":
        flows = [
            None if flow is None else viewed(flow, lambda mark: mark.unsqueeze(axis))[0] for flow in flows
        ]
        lengths = [1] * len(tensors)
    known = [flow for flow in flows if flow is not None]
    names = dict.fromkeys(name for flow in known for name in flow.marks)
    marks = {name: _side_by_side(name, flows, lengths, axis) for name in names}
    safe = len(known) == len(flows) and all(flow.sign for flow in known)
    whole = replace(
        known[0],
        shape=operation.shape,
        marks=marks,
        sign=max(flow.sign for flow in known) if safe else 0,
        feeders=merged_feeders(known),
        named=False,
    )
    told_apart = any(mark.shape[axis] > 1 for name, mark in marks.items() if not is_reach(name))
    return whole if told_apart else whole.with_unit_axis(axis)  # single channels become channels


def _side_by_side(name: str, flows: Sequence[Flow | None], lengths: Sequence[int], axis: int) -> Tensor:
    """One mark of all parts along `axis`, of length 1 there where all parts agree."""
    known = [flow.marks[name] for flow in flows if flow is not None and name in flow.marks]
    alike = all(mark.shape[axis] == 1 and torch.equal(mark, known[0]) for mark in known)
    if alike and (len(known) == len(flows) or not is_reach(name)):
        return known[0]
    blank = known[0].narrow(axis, 0, 1)  # a constant is of the same items and units as what it is joined to
    if is_reach(name):
        blank = torch.full_like(blank, -FAR if name.startswith("high") else FAR)
    parts = [blank if flow is None else flow.marks.get(name, blank) for flow in flows]
    wide = [max(part.shape[other] for part in parts) for other in range(blank.ndim)]
    full = [
        part.expand(*wide[:axis], length, *wide[axis + 1 :])
        for part, length in zip(parts, lengths, strict=True)
    ]
    return torch.cat(full, axis)


def picked(operation: Operation) -> Flow:
    """Elements of one axis by a list of their numbers."""
    flow, arguments = operation.flow(), operation.arguments
    if operation.name == "index_select":
        axis, index = arguments["dim"] % len(flow.shape), arguments["index"]
    else:
        ((axis, index),) = [
            (axis, index) for axis, index in enumerate(arguments["indices"]) if index is not None
        ]
    if index.dtype == torch.bool or index.ndim != 1:
        raise ValueError("only a list of numbers picks elements")
    place = index.cpu().long() % flow.shape[axis]
    marks = {
        name: mark.index_select(axis, place) if mark.shape[axis] > 1 else mark
        for name, mark in flow.marks.items()
    }
    return replace(flow, shape=operation.shape, marks=marks)


def shuffled(operation: Operation) -> Flow:
    """Depth to space, space to depth and channel shuffles, done to the whole array of marks."""
    flow, arguments = operation.flow(), operation.arguments
    move = getattr(torch.ops.aten, operation.name)
    rest = {name: value for name, value in arguments.items() if name != "self"}
    marks = {name: move(mark.expand(flow.shape).contiguous(), **rest) for name, mark in flow.marks.items()}
    flow = replace(flow, shape=operation.shape, marks=marks)
    if not operation.name.startswith("pixel"):
        return flow
    factor = Fraction(arguments.get("downscale_factor", 1), arguments.get("upscale_factor", 1))
    return flow.stepped({0: factor, 1: factor}).with_unit_axis(1).with_grid_axes([2, 3])


def written_into(whole: Tensor, held: Flow | None, part: Tensor, written: Flow) -> Flow:
    """The flow of a tensor of which a view was written: as circular padding does, and `x[:, :, 1:] = y`.

    Parameters
    ----------
    whole, held : the tensor, and its flow so far
    part, written : the view of it, and the flow of what is there now
    """

    def mark(name: str) -> Tensor:
        full = torch.empty_strided(whole.shape, whole.stride(), dtype=torch.int64)
        if held is not None and name in held.marks:
            full.copy_(held.marks[name].expand(held.shape))
        else:
            full.fill_((-FAR if name.startswith("high") else FAR) if is_reach(name) else 0)
        offset = part.storage_offset() - whole.storage_offset()
        seen = full.as_strided(part.shape, part.stride(), offset)
        seen.copy_(written.marks[name].expand(written.shape))
        return full.contiguous()

    return Flow(tuple(whole.shape), {name: mark(name) for name in written.marks}, written.steps)


def copied_over(operation: Operation) -> Flow:
    written = operation.flow("src")
    return broadcast(written, operation.shape)
