# SPDX-License-Identifier: Apache-2.0
"""What is known about a tensor on its way through a network: which input pixels reach each of its elements.

A flow carries *marks*: whole numbers for every element, kept as arrays that broadcast to the tensor's shape.
Because they lie like the tensor itself, what moves the tensor's elements about moves its marks the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

__all__ = [
    "FAR",
    "Flow",
    "Shape",
    "broadcast",
    "counted",
    "is_reach",
    "merged_feeders",
    "reshaped",
    "source",
    "union",
    "united",
    "viewed",
]

FAR = 2**40  # beyond any input; a reach from FAR to -FAR is empty, and the union with it changes nothing

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """One tensor's marks.

    Parameters
    ----------
    shape : the tensor's shape
    marks : by name, int64 arrays with as many axes as the tensor, each of full length, or of length 1 where
        nothing changes along it. `item`, `unit`, `at0`, `at1`, ...: which item, unit and grid position an
        element belongs to. `low0`, `high0`, ...: the half-open span of the input's axis 0, ... that reaches it,
        not clipped to the input.
    steps : how many input pixels apart neighboring positions are, per input axis
    sign : 0 nothing is known; 1 never negative; 2 never negative because a rectifier made it so
    feeders : the layers that give this tensor, or that gave it before it was rectified
    named : a layer returned this tensor; since then it was at most moved about
    """

    shape: Shape
    marks: Mapping[str, Tensor]
    steps: tuple[Fraction, ...]
    sign: int = 0
    feeders: tuple[str, ...] = ()
    named: bool = False

    def varies(self, name: str, axis: int) -> bool:
        """Whether a mark changes along an axis (an axis of full length may hold the same everywhere)."""
        mark = self.marks.get(name)
        return mark is not None and mark.shape[axis] > 1 and bool((mark != mark.narrow(axis, 0, 1)).any())

    def reduced(self, axes: Iterable[int]) -> Flow:
        """The union over `axes`, which stay with length 1."""
        gone = [axis % len(self.shape) for axis in axes]
        marks = {name: united(name, mark, gone) for name, mark in self.marks.items()}
        shape = tuple(1 if axis in gone else size for axis, size in enumerate(self.shape))
        return replace(self, shape=shape, marks=marks, named=False)

    def grouped(self, axis: int, groups: int, length: int) -> Flow:
        """The union within each of `groups` equal parts of `axis`, given to its `length` new elements."""

        def shared(name: str, mark: Tensor) -> Tensor:
            if mark.shape[axis] == 1:
                return mark
            parts = mark.reshape(*mark.shape[:axis], groups, -1, *mark.shape[axis + 1 :])
            part = united(name, parts, [axis + 1]).squeeze(axis + 1)
            return part if groups == 1 else part.repeat_interleave(length // groups, axis)

        marks = {name: shared(name, mark) for name, mark in self.marks.items()}
        shape = (*self.shape[:axis], length, *self.shape[axis + 1 :])
        return replace(self, shape=shape, marks=marks, named=False)

    def with_unit_axis(self, axis: int) -> Flow:
        """Every element along `axis` is a unit of its own."""
        return replace(self, marks={**self.marks, "unit": counted(self.shape, axis)})

    def with_grid_axes(self, axes: Sequence[int]) -> Flow:
        """Every element along `axes` is a position of its own."""
        marks = {name: mark for name, mark in self.marks.items() if not name.startswith("at")}
        marks |= {f"at{place}": counted(self.shape, axis) for place, axis in enumerate(axes)}
        return replace(self, marks=marks)

    def stepped(self, factors: Mapping[int, Fraction]) -> Flow:
        """Neighbors lie `factors` times as far apart, by input axis."""
        steps = tuple(step * factors.get(place, 1) for place, step in enumerate(self.steps))
        return replace(self, steps=steps)

    def plain(self) -> Flow:
        """The same marks on a newly computed tensor: no layer has returned it yet, it may be negative."""
        return replace(self, sign=0, feeders=(), named=False)


def source(shape: Shape) -> Flow:
    """The flow of the network's input (N, C, *axes).

    >>> source((2, 3, 8, 8)).marks["high1"].flatten()[-1]
    tensor(8)
    """
    axes = range(2, len(shape))
    marks = {"item": counted(shape, 0)}
    for place, axis in enumerate(axes):
        pixels = counted(shape, axis)
        marks |= {f"low{place}": pixels, f"high{place}": pixels + 1}
    flow = Flow(shape, marks, (Fraction(1),) * len(axes))
    return flow.with_unit_axis(1).with_grid_axes(list(axes))


def union(flows: Sequence[Flow], shape: Shape) -> Flow:
    """What reaches an element computed from one element of each of `flows`, which broadcast to `shape`.

    Item, unit and position are those of the flow that tells most of them apart, the first of equals.
    """
    if len(flows) == 1 and flows[0].shape == shape:
        return replace(flows[0], named=False)
    wide = [broadcast(flow, shape) for flow in flows]
    marks: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for flow in wide for name in flow.marks):
        known = [flow.marks[name] for flow in wide if name in flow.marks]
        merged = known[0] if is_reach(name) else max(known, key=Tensor.numel)
        for mark in known[1:] if is_reach(name) else []:
            merged = torch.maximum(merged, mark) if name.startswith("high") else torch.minimum(merged, mark)
        marks[name] = merged
    return Flow(shape, marks, wide[0].steps)


def broadcast(flow: Flow, shape: Shape) -> Flow:
    """The flow of the tensor expanded to `shape`."""
    missing = (1,) * (len(shape) - len(flow.shape))
    marks = {name: mark.reshape(missing + tuple(mark.shape)) for name, mark in flow.marks.items()}
    return replace(flow, shape=shape, marks=marks)


def viewed(flow: Flow, move: Callable[[Tensor], Tensor | Sequence[Tensor]]) -> list[Flow]:
    """The flows of what `move` makes of the tensor, where it only rearranges axes or picks elements of them."""
    rows: list[dict[str, Tensor]] = []
    shapes: list[Shape] = []
    for name, mark in flow.marks.items():
        made = move(mark.expand(flow.shape))
        pieces = [made] if isinstance(made, Tensor) else list(made)
        rows = rows or [{} for _ in pieces]
        shapes = [tuple(piece.shape) for piece in pieces]
        for row, piece in zip(rows, pieces, strict=True):
            row[name] = _compact(piece)
    return [replace(flow, shape=shape, marks=row) for shape, row in zip(shapes, rows, strict=True)]


def reshaped(flow: Flow, shape: Shape) -> Flow:
    """The flow of the tensor seen with another `shape`.

    Where axes are merged or split along which a mark is the same, it needs no array of full length.
    """
    runs = list(_runs(flow.shape, shape))

    def seen(mark: Tensor) -> Tensor:
        wide: list[int] = []
        target: list[int] = []
        for old, new in runs:
            constant = all(mark.shape[axis] == 1 for axis in old)
            wide += [1 if constant else flow.shape[axis] for axis in old]
            target += [1 if constant else shape[axis] for axis in new]
        return mark.expand(wide).reshape(target)

    return replace(flow, shape=shape, marks={name: seen(mark) for name, mark in flow.marks.items()})


def _runs(old: Shape, new: Shape) -> Iterator[tuple[range, range]]:
    """Runs of axes of `old` and of `new` that hold the same elements, as short as can be."""
    i = j = 0
    while i < len(old) or j < len(new):
        first_i, first_j = i, j
        left = right = 1
        if i < len(old):
            left, i = old[i], i + 1
        if j < len(new):
            right, j = new[j], j + 1
        while left != right:
            if left < right:
                left, i = left * old[i], i + 1
            else:
                right, j = right * new[j], j + 1
        yield range(first_i, i), range(first_j, j)


def merged_feeders(flows: Iterable[Flow]) -> tuple[str, ...]:
    """The feeders of all flows, each once."""
    return tuple(dict.fromkeys(name for flow in flows for name in flow.feeders))


def is_reach(name: str) -> bool:
    """Whether a mark says which pixels reach an element, and not what the element is."""
    return name.startswith(("low", "high"))


def united(name: str, mark: Tensor, axes: Iterable[int]) -> Tensor:
    """A mark's union over `axes`, which stay with length 1: the highest of what is called high, else the lowest."""
    long = [axis for axis in axes if mark.shape[axis] > 1]
    if not long:
        return mark
    return mark.amax(long, keepdim=True) if name.startswith("high") else mark.amin(long, keepdim=True)


def counted(shape: Shape, axis: int) -> Tensor:
    """0, 1, 2, ... along `axis`, of length 1 along all others."""
    wide = [1] * len(shape)
    wide[axis] = shape[axis]
    return torch.arange(shape[axis]).view(wide)


def _compact(mark: Tensor) -> Tensor:
    """Axes along which an expanded array repeats itself, cut to length 1."""
    for axis in range(mark.ndim):
        if mark.shape[axis] > 1 and mark.stride(axis) == 0:
            mark = mark.narrow(axis, 0, 1)
    return mark
