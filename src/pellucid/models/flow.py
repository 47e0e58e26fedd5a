# SPDX-License-Identifier: Apache-2.0
"""What is known about a tensor on its way through a network: which input pixels reach each of its elements.

A flow carries *marks*: whole numbers for every element, kept as arrays that broadcast to the tensor's shape. Because they lie
like the tensor itself, what moves the tensor's elements about moves its marks in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

__all__ = ["FAR", "Flow", "Window", "broadcast", "reshaped", "source", "union", "viewed"]

FAR = 2**40  # beyond any input; a reach from FAR to -FAR is empty, and the union with it changes nothing

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """One tensor's marks.

    Parameters
    ----------
    shape : the tensor's shape
    marks : by name, int64 arrays of as many axes as the tensor, each axis of full length, or of length 1 where nothing changes.
        `item`, `unit` and `at0`, `at1`, ...: which item, unit and grid position an element belongs to.
        `low0`, `high0`, ...: the half-open span of the input's axis 0, ... that reaches it, unclipped.
    steps : how many input pixels apart neighboring positions are, per input axis
    sign : 0 nothing is known; 1 never negative; 2 never negative because a rectifier made it so
    feeders : the layers that give this tensor, or that give it before it was rectified
    named : a layer returned this tensor; since then it was at most reshaped
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

    def reduced(self, axes: Sequence[int], *, keep: bool = True) -> Flow:
        """The union over `axes`, which stay with length 1, or go where not `keep`."""
        dims = [axis % len(self.shape) for axis in axes] if self.shape else []
        marks = {name: _extreme(name, mark, dims, keep) for name, mark in self.marks.items()}
        shape = tuple(
            1 if axis in dims else size for axis, size in enumerate(self.shape) if keep or axis not in dims
        )
        return replace(self, shape=shape, marks=marks, named=False)

    def grouped(self, axis: int, groups: int, length: int) -> Flow:
        """The union within each of `groups` equal parts of `axis`, given to `length` new elements of it."""
        size = self.shape[axis]

        def merged(name: str, mark: Tensor) -> Tensor:
            if mark.shape[axis] == 1:
                return mark
            parts = mark.unflatten(axis, (groups, size // groups))
            parts = _extreme(name, parts, [axis + 1], False)
            return parts if groups == 1 else parts.repeat_interleave(length // groups, axis)

        shape = (*self.shape[:axis], length, *self.shape[axis + 1 :])
        return replace(
            self,
            shape=shape,
            marks={name: merged(name, mark) for name, mark in self.marks.items()},
            named=False,
        )

    def windowed(self, windows: Mapping[int, Window]) -> Flow:
        """The union over a sliding window on some axes; beyond the edge, marks go on at their own rate."""
        marks = {}
        for name, mark in self.marks.items():
            for place, (axis, window) in enumerate(windows.items()):
                mark = self._slid(
                    name, mark, axis, window, place if len(windows) == len(self.steps) else None
                )
            marks[name] = mark
        shape = tuple(
            windows[axis].index.shape[0] if axis in windows else size for axis, size in enumerate(self.shape)
        )
        return replace(self, shape=shape, marks=marks, named=False)

    def _slid(self, name: str, mark: Tensor, axis: int, window: Window, place: int | None) -> Tensor:
        own = place is not None and name in (f"low{place}", f"high{place}")
        size = self.shape[axis]
        if mark.shape[axis] == 1 and not (own and size == 1):
            return mark
        inside = window.index.clamp(0, size - 1)
        taken = mark.index_select(axis, inside.flatten()).unflatten(axis, inside.shape)
        if name.startswith(("low", "high")) and window.extends:
            taken = taken + self._beyond(name, mark, axis, window.index, place)
        if window.valid is not None:
            shape = [1] * taken.ndim
            shape[axis : axis + 2] = window.valid.shape
            taken = torch.where(window.valid.view(shape), taken, -FAR if name.startswith("high") else FAR)
        return _extreme(name, taken, [axis + 1], False)

    def _beyond(self, name: str, mark: Tensor, axis: int, index: Tensor, place: int | None) -> Tensor:
        """What to add where the window's index lies before the first or behind the last element."""
        size = self.shape[axis]
        shape = [1] * (mark.ndim + 1)
        shape[axis : axis + 2] = index.shape
        before, behind = index.clamp(max=0).view(shape), (index - (size - 1)).clamp(min=0).view(shape)
        if size > 1:
            first = mark.narrow(axis, 1, 1) - mark.narrow(axis, 0, 1)
            last = mark.narrow(axis, size - 1, 1) - mark.narrow(axis, size - 2, 1)
            return before * first.unsqueeze(axis) + behind * last.unsqueeze(axis)
        return (before + behind) * round(self.steps[place or 0])

    def with_unit_axis(self, axis: int) -> Flow:
        """Every element along `axis` is a unit of its own."""
        marks = {**self.marks, "unit": _count(len(self.shape), axis, self.shape[axis])}
        return replace(self, marks=marks)

    def with_grid_axes(self, axes: Sequence[int]) -> Flow:
        """Every element along `axes` is a position of its own."""
        marks = {name: mark for name, mark in self.marks.items() if not name.startswith("at")}
        marks |= {
            f"at{place}": _count(len(self.shape), axis, self.shape[axis]) for place, axis in enumerate(axes)
        }
        return replace(self, marks=marks)

    def plain(self, sign: int = 0) -> Flow:
        """The same marks on a newly computed tensor, whose layer is not known yet."""
        return replace(self, sign=sign, feeders=(), named=False)


@dataclass(frozen=True)
class Window:
    """Which elements of an axis go into each new element: `index` (new length, window), some of them maybe not `valid`."""

    index: Tensor
    valid: Tensor | None = None
    extends: bool = True


def source(shape: Shape) -> Flow:
    """The flow of the network's input (N, C, *axes)."""
    axes = range(2, len(shape))
    marks = {"item": _count(len(shape), 0, shape[0])}
    for place, axis in enumerate(axes):
        pixels = _count(len(shape), axis, shape[axis])
        marks |= {f"low{place}": pixels, f"high{place}": pixels + 1}
    flow = Flow(shape, marks, (Fraction(1),) * len(axes))
    return flow.with_unit_axis(1).with_grid_axes(list(axes))


def union(flows: Sequence[Flow], shape: Shape) -> Flow:
    """What reaches an element computed from one element of each of `flows`, which broadcast to `shape`.

    Item, unit and position are those of the first flow that knows them along as many axes as any other.
    """
    if len(flows) == 1 and flows[0].shape == shape:
        return replace(flows[0], named=False)
    wide = [broadcast(flow, shape) for flow in flows]
    marks: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for flow in wide for name in flow.marks):
        known = [flow.marks[name] for flow in wide if name in flow.marks]
        if name.startswith(("low", "high")):
            merged = known[0]
            for mark in known[1:]:
                merged = (
                    torch.maximum(merged, mark) if name.startswith("high") else torch.minimum(merged, mark)
                )
            marks[name] = merged
        else:
            marks[name] = max(known, key=lambda mark: mark.numel())
    return Flow(shape, marks, wide[0].steps)


def broadcast(flow: Flow, shape: Shape) -> Flow:
    """The flow of the tensor expanded to `shape`."""
    missing = len(shape) - len(flow.shape)
    marks = {name: mark.reshape((1,) * missing + tuple(mark.shape)) for name, mark in flow.marks.items()}
    return replace(flow, shape=shape, marks=marks)


def viewed(flow: Flow, move: Callable[[Tensor], Tensor | Sequence[Tensor]]) -> list[Flow]:
    """The flows of what `move` makes of the tensor, where it only rearranges axes or picks elements of them."""
    results: list[dict[str, Tensor]] = []
    shapes: list[Shape] = []
    for name, mark in flow.marks.items():
        moved = move(mark.expand(flow.shape))
        pieces = [moved] if isinstance(moved, Tensor) else list(moved)
        if not results:
            results = [{} for _ in pieces]
            shapes = [tuple(piece.shape) for piece in pieces]
        for row, piece in zip(results, pieces, strict=True):
            row[name] = _compact(piece)
    return [replace(flow, shape=shape, marks=row) for shape, row in zip(shapes, results, strict=True)]


def reshaped(flow: Flow, shape: Shape) -> Flow:
    """The flow of the tensor seen with another `shape`."""
    marks = {name: _reshaped(mark, flow.shape, shape) for name, mark in flow.marks.items()}
    return replace(flow, shape=shape, marks=marks)


def _reshaped(mark: Tensor, old: Shape, new: Shape) -> Tensor:
    expand: list[int] = []
    target: list[int] = []
    for old_axes, new_axes in _segments(old, new):
        constant = all(mark.shape[axis] == 1 for axis in old_axes)
        expand += [1 if constant else old[axis] for axis in old_axes]
        target += [1 if constant else new[axis] for axis in new_axes]
    return mark.expand(expand).reshape(target)


def _segments(old: Shape, new: Shape) -> Iterator[tuple[range, range]]:
    """Runs of axes of `old` and of `new` that hold the same elements, as short as can be."""
    i = j = 0
    while i < len(old) or j < len(new):
        first_i, first_j = i, j
        left, right = 1, 1
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


def _extreme(name: str, mark: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
    if not axes:
        return mark
    return mark.amax(axes, keep) if name.startswith("high") else mark.amin(axes, keep)


def _count(ndim: int, axis: int, size: int) -> Tensor:
    shape = [1] * ndim
    shape[axis] = size
    return torch.arange(size).view(shape)


def _compact(mark: Tensor) -> Tensor:
    """Axes along which an expanded array repeats itself, cut to length 1."""
    for axis in range(mark.ndim):
        if mark.shape[axis] > 1 and mark.stride(axis) == 0:
            mark = mark.narrow(axis, 0, 1)
    return mark
