# SPDX-License-Identifier: Apache-2.0
"""Operations that slide a window over the grid: convolutions, pools, padding, resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from pellucid.models.flow.flow import FAR, Flow, is_reach, united
from pellucid.models.flow.operation import Operation

__all__ = ["adaptive_pool", "convolution", "copy_padding", "pool", "upsampled", "zero_padding"]


@dataclass(frozen=True)
class Window:
    """Which elements of an axis go into each new one.

    Parameters
    ----------
    index : (new length, window) int64; beyond the edge where `extends`
    valid : (new length, window) bool, False where nothing is read; None for everywhere
    extends : marks go on at their own rate beyond the edge, so that a field has its full size there too
    """

    index: Tensor
    valid: Tensor | None = None
    extends: bool = True


def convolution(operation: Operation) -> Flow:
    arguments, flow = operation.arguments, operation.flow("input")
    count = len(operation.shape) - 2
    stride, edge, dilation = (_each(arguments[name], count) for name in ("stride", "padding", "dilation"))
    transposed = bool(arguments["transposed"])
    axes = range(2, 2 + count)
    windows = {}
    for place, axis in enumerate(axes):
        kernel = torch.arange(arguments["weight"].shape[axis]) * dilation[place]
        new = torch.arange(operation.shape[axis])[:, None]
        if transposed:
            ahead = new + edge[place] - kernel
            windows[axis] = Window(ahead // stride[place], ahead % stride[place] == 0)
        else:
            windows[axis] = Window(new * stride[place] - edge[place] + kernel)
    flow = _slid(flow.grouped(1, arguments["groups"], operation.shape[1]), windows)
    factors = {
        place: Fraction(1, step) if transposed else Fraction(step) for place, step in enumerate(stride)
    }
    flow = flow.stepped(factors if count == len(flow.steps) else {})
    return flow.with_unit_axis(1).with_grid_axes(list(axes)).plain()


def pool(operation: Operation) -> Flow:
    """Maximum or average over a window; a maximum counts its whole window."""
    arguments, flow = operation.arguments, operation.flow()
    count = int(next(letter for letter in operation.name if letter.isdigit()))
    kernel = _each(arguments["kernel_size"], count)
    stride = _each(arguments["stride"] or kernel, count)
    edge, dilation = _each(arguments["padding"], count), _each(arguments.get("dilation", 1), count)
    windows = {}
    for place, axis in enumerate(range(len(flow.shape) - count, len(flow.shape))):
        new = torch.arange(operation.shape[axis])[:, None]
        taken = torch.arange(kernel[place]) * dilation[place]
        windows[axis] = Window(new * stride[place] - edge[place] + taken)
    factors = {place: Fraction(step) for place, step in enumerate(stride)}
    return _slid(flow, windows).stepped(factors if count == len(flow.steps) else {})


def adaptive_pool(operation: Operation) -> Flow:
    """Windows from floor(i size / new) to ceil((i + 1) size / new), as torch has them."""
    flow = operation.flow()
    count = len(operation.arguments["output_size"])
    windows, factors = {}, {}
    for place, axis in enumerate(range(len(flow.shape) - count, len(flow.shape))):
        size, new = flow.shape[axis], operation.shape[axis]
        starts = torch.arange(new) * size // new
        stops = -(-(torch.arange(new) + 1) * size // new)
        widest = torch.arange(int((stops - starts).max()))
        windows[axis] = Window(torch.minimum(starts[:, None] + widest, stops[:, None] - 1), extends=False)
        factors[place] = Fraction(size, new)
    return _slid(flow, windows).stepped(factors if count == len(flow.steps) else {})


def zero_padding(operation: Operation) -> Flow:
    """Zeros around: the grid goes on beyond the edge. A value below zero could make a rectified tensor negative."""
    flow, pad = operation.flow(), operation.arguments["pad"]
    windows = {}
    for place in range(len(pad) // 2 - 1, -1, -1):  # torch lists the last axis first
        axis = len(flow.shape) - 1 - place
        windows[axis] = Window(torch.arange(operation.shape[axis])[:, None] - pad[2 * place])
    value = operation.arguments.get("value") or 0
    return replace(_slid(flow, windows), sign=flow.sign if value >= 0 else 0)


def copy_padding(operation: Operation) -> Flow:
    """Reflected or repeated edges: which element each one copies is read off by padding their numbers."""
    flow, pad = operation.flow(), operation.arguments["padding"]
    aten = torch.ops.aten
    padded = aten.reflection_pad1d if "reflection" in operation.name else aten.replication_pad1d
    windows = {}
    for place in range(len(pad) // 2 - 1, -1, -1):
        axis = len(flow.shape) - 1 - place
        numbers = torch.arange(flow.shape[axis], dtype=torch.float64)[None, None]
        index = padded(numbers, [pad[2 * place], pad[2 * place + 1]])[0, 0].long()
        windows[axis] = Window(index[:, None], extends=False)
    return _slid(flow, windows)


def upsampled(operation: Operation) -> Flow:
    """Nearest, linear and cubic: the elements whose weight is not zero by construction."""
    flow = operation.flow()
    windows, factors = {}, {}
    for place, axis in enumerate(range(2, len(flow.shape))):
        size, new = flow.shape[axis], operation.shape[axis]
        corners = bool(operation.arguments.get("align_corners"))
        windows[axis] = Window(_resampled(operation.name, size, new, corners=corners), extends=False)
        factors[place] = Fraction(size, new)
    flow = replace(_slid(flow, windows), sign=0 if "cubic" in operation.name else flow.sign)
    return flow.stepped(factors).with_grid_axes(list(windows))


def _resampled(name: str, size: int, new: int, *, corners: bool) -> Tensor:
    """(new, window): the elements between which each new element lies."""
    at = torch.arange(new, dtype=torch.float64)
    if "nearest" in name:
        middle = 0.5 if "exact" in name else 0.0
        return ((at + middle) * size / new).floor().long()[:, None]
    at = at * (size - 1) / max(new - 1, 1) if corners else (at + 0.5) * size / new - 0.5
    between = (at % 1 > 1e-9).long()[:, None]
    offsets = torch.tensor([-1, 0, 1, 2] if "cubic" in name else [0, 1])
    return (at.floor().long()[:, None] + offsets * between).clamp(0, size - 1)


def _each(value: int | Sequence[int], count: int) -> list[int]:
    numbers = [value] if isinstance(value, int) else list(value)
    return numbers * count if len(numbers) == 1 else numbers


def _slid(flow: Flow, windows: Mapping[int, Window]) -> Flow:
    """The union over sliding windows along some axes."""
    marks = {}
    for name, mark in flow.marks.items():
        for place, (axis, window) in enumerate(windows.items()):
            # with as many windows as the input has axes, these are the input's axes in order
            own = (
                place if len(windows) == len(flow.steps) and name in (f"low{place}", f"high{place}") else None
            )
            mark = _slid_along(flow, name, mark, axis, window, own)
        marks[name] = mark
    lengths = {axis: window.index.shape[0] for axis, window in windows.items()}
    shape = tuple(lengths.get(axis, size) for axis, size in enumerate(flow.shape))
    return replace(flow, shape=shape, marks=marks, named=False)


def _slid_along(flow: Flow, name: str, mark: Tensor, axis: int, window: Window, own: int | None) -> Tensor:
    size = flow.shape[axis]
    if mark.shape[axis] == 1 and (size > 1 or own is None):
        return mark  # the same everywhere along this axis
    pick = window.index.clamp(0, size - 1)
    new_shape = (*mark.shape[:axis], *pick.shape, *mark.shape[axis + 1 :])
    taken = mark.index_select(axis, pick.flatten()).reshape(new_shape)
    along = [1] * taken.ndim
    along[axis : axis + 2] = pick.shape
    if is_reach(name) and window.extends:
        before, behind = window.index.clamp(max=0), (window.index - (size - 1)).clamp(min=0)
        first, last = _rates(flow, mark, axis, own)
        taken = taken + before.view(along) * first + behind.view(along) * last
    if window.valid is not None:
        taken = torch.where(window.valid.view(along), taken, -FAR if name.startswith("high") else FAR)
    return united(name, taken, [axis + 1]).squeeze(axis + 1)


def _rates(flow: Flow, mark: Tensor, axis: int, own: int | None) -> tuple[Tensor | int, Tensor | int]:
    """How much a mark changes from one element to the next at both ends of an axis."""
    size = flow.shape[axis]
    if size == 1:
        return (round(flow.steps[own]),) * 2 if own is not None else (0, 0)
    first = mark.narrow(axis, 1, 1) - mark.narrow(axis, 0, 1)
    last = mark.narrow(axis, size - 1, 1) - mark.narrow(axis, size - 2, 1)
    return first.unsqueeze(axis), last.unsqueeze(axis)
