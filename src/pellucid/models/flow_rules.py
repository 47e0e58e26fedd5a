# SPDX-License-Identifier: Apache-2.0
"""How each tensor operation hands flows on, as if all weights were positive: one rule per family, `RULES` by operation.

An operation without a rule is taken to mix everything: each of its elements is reached by all that reaches its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from pellucid.models.flow import FAR, Flow, Window, broadcast, reshaped, union, viewed

__all__ = ["NONLINEAR", "Operation", "followed"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One call of one tensor operation: its arguments by name, its result, and how to look up a tensor's flow."""

    name: str
    pointwise: bool
    arguments: Mapping[str, Any]
    result: Any
    flow_of: Callable[[object], Flow | None]

    def flow(self, argument: str = "self") -> Flow:
        found = self.flow_of(self.arguments[argument])
        if found is None:
            raise LookupError(f"{self.name}: nothing flows in at {argument}")
        return found

    def flows(self) -> list[Flow]:
        """The flows of all tensors among the arguments, lists of tensors included."""
        values: list[object] = []
        for value in self.arguments.values():
            values += value if isinstance(value, list | tuple) else [value]
        found = [self.flow_of(value) for value in values]
        return [flow for flow in found if flow is not None]

    @property
    def shape(self) -> Shape:
        """The shape of the (first) result."""
        result = self.result if isinstance(self.result, Tensor) else self.result[0]
        return tuple(result.shape)


Rule = Callable[[Operation], Flow | list[Flow]]

RECTIFIERS = frozenset({"relu", "hardtanh", "threshold", "clamp", "clamp_min"})
BENDS = (
    "leaky_relu rrelu_with_noise elu gelu silu mish hardswish hardsigmoid sigmoid tanh softplus log_sigmoid_forward "
    "_prelu_kernel glu softshrink hardshrink"
)
NONLINEAR = RECTIFIERS | frozenset(BENDS.split())
NEVER_NEGATIVE = frozenset("sigmoid hardsigmoid softplus exp abs sqrt rsqrt".split())


def followed(operation: Operation) -> list[Flow]:
    """The flows of the operation's results, one for each tensor, or for the first ones where the rest are by-products."""
    rule = RULES.get(operation.name) or (_pointwise if operation.pointwise else _mixed)
    try:
        flows = rule(operation)
    except (LookupError, ValueError, RuntimeError, TypeError):
        flows = _mixed(operation)  # arguments that the rule was not made for
    return flows if isinstance(flows, list) else [flows]


# ---------------------------------------------------------------- element by element


def _pointwise(operation: Operation) -> Flow:
    flows = operation.flows()
    return replace(
        union(flows, operation.shape), sign=_sign(operation, flows), feeders=_feeders(operation, flows)
    )


def _sign(operation: Operation, flows: Sequence[Flow]) -> int:
    name, arguments = operation.name, operation.arguments
    if name in RECTIFIERS:
        return 2 if _rectifies(name, arguments) else 0
    if name in NEVER_NEGATIVE or (name == "pow" and arguments.get("exponent") in (2, 4)):
        return max(1, min(flow.sign for flow in flows))
    if name in ("add", "mul", "div"):
        others = [value for key, value in arguments.items() if key in ("other", "alpha")]
        known = all(
            not isinstance(value, Tensor) and value >= 0 or _flows(operation, value) for value in others
        )
        return max(flow.sign for flow in flows) if known and all(flow.sign for flow in flows) else 0
    if name == "maximum":
        return max(flow.sign for flow in flows)
    return 0


def _flows(operation: Operation, value: object) -> bool:
    return isinstance(value, Tensor) and operation.flow_of(value) is not None


def _rectifies(name: str, arguments: Mapping[str, Any]) -> bool:
    if name == "threshold":
        return bool(arguments["threshold"] >= 0 and arguments["value"] >= 0)
    bound = {"hardtanh": "min_val", "clamp": "min", "clamp_min": "min"}.get(name)
    floor = arguments.get(bound) if bound else 0
    return isinstance(floor, int | float) and floor >= 0


def _feeders(operation: Operation, flows: Sequence[Flow]) -> tuple[str, ...]:
    """What a sum or a rectified tensor is made of; a rectified summand is where the search ends."""
    if operation.name not in (*RECTIFIERS, "add", "sub", "rsub", "mul", "div", "neg", "maximum"):
        return ()
    rectified = all(flow.sign == 2 for flow in flows)
    return _merged(flow for flow in flows if rectified or flow.sign < 2)


def _merged(flows: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for flow in flows for name in flow.feeders))


# ---------------------------------------------------------------- sliding windows


def _convolution(operation: Operation) -> Flow:
    arguments, flow = operation.arguments, operation.flow("input")
    weight, count = arguments["weight"], len(operation.shape) - 2
    stride, padding, dilation = (_each(arguments[name], count) for name in ("stride", "padding", "dilation"))
    axes = range(2, 2 + count)
    windows = {}
    for place, axis in enumerate(axes):
        kernel = torch.arange(weight.shape[axis]) * dilation[place]
        out = torch.arange(operation.shape[axis])[:, None]
        if arguments["transposed"]:
            reach = out + padding[place] - kernel
            windows[axis] = Window(reach // stride[place], reach % stride[place] == 0)
        else:
            windows[axis] = Window(out * stride[place] - padding[place] + kernel)
    flow = flow.grouped(1, arguments["groups"], operation.shape[1]).windowed(windows)
    factors = [Fraction(1, step) if arguments["transposed"] else Fraction(step) for step in stride]
    flow = _stepped(flow, dict(enumerate(factors))) if count == len(flow.steps) else flow
    return flow.with_unit_axis(1).with_grid_axes(list(axes)).plain()


def _pool(operation: Operation) -> Flow:
    arguments, flow = operation.arguments, operation.flow()
    count = int(next(letter for letter in operation.name if letter.isdigit()))
    kernel = _each(arguments["kernel_size"], count)
    stride = _each(arguments["stride"] or kernel, count)
    padding, dilation = _each(arguments["padding"], count), _each(arguments.get("dilation", 1), count)
    first = len(operation.shape) - count
    windows = {}
    for place in range(count):
        out = torch.arange(operation.shape[first + place])[:, None]
        windows[first + place] = Window(
            out * stride[place] - padding[place] + torch.arange(kernel[place]) * dilation[place]
        )
    flow = flow.windowed(windows)
    factors = {place: Fraction(step) for place, step in enumerate(stride)}
    return _stepped(flow, factors if count == len(flow.steps) else {})


def _adaptive_pool(operation: Operation) -> Flow:
    flow = operation.flow()
    count = len(operation.arguments["output_size"])
    first = len(flow.shape) - count
    windows, factors = {}, {}
    for place in range(count):
        size, out = flow.shape[first + place], operation.shape[first + place]
        starts = torch.arange(out) * size // out
        stops = -(-(torch.arange(out) + 1) * size // out)
        widest = torch.arange(int((stops - starts).max()))
        windows[first + place] = Window(
            torch.minimum(starts[:, None] + widest, stops[:, None] - 1), extends=False
        )
        factors[place] = Fraction(size, out)
    return _stepped(flow.windowed(windows), factors if count == len(flow.steps) else {})


def _padding(operation: Operation) -> Flow:
    """Zeros around: the grid goes on beyond the edge, so that windows over it have their full size everywhere."""
    flow, pad = operation.flow(), operation.arguments["pad"]
    windows = {}
    for place in range(len(pad) // 2):
        axis = len(flow.shape) - 1 - place
        windows[axis] = Window(torch.arange(operation.shape[axis])[:, None] - pad[2 * place])
    sign = flow.sign if operation.arguments.get("value", 0) in (None, 0) else 0
    return replace(flow.windowed(dict(sorted(windows.items()))), sign=sign)


def _mirror_padding(operation: Operation) -> Flow:
    """Copies around: which element each one copies is read off by padding their numbers."""
    flow, pad = operation.flow(), operation.arguments["padding"]
    mirrored = {2: torch.ops.aten.reflection_pad1d, 1: torch.ops.aten.replication_pad1d}[
        "reflection" in operation.name and 2 or 1
    ]
    windows = {}
    for place in range(len(pad) // 2):
        axis = len(flow.shape) - 1 - place
        numbers = torch.arange(flow.shape[axis], dtype=torch.float64)[None, None]
        index = mirrored(numbers, [pad[2 * place], pad[2 * place + 1]])[0, 0].long()
        windows[axis] = Window(index[:, None], extends=False)
    return flow.windowed(dict(sorted(windows.items())))


def _upsampled(operation: Operation) -> Flow:
    """Nearest, linear and cubic: the source elements with a weight that is not zero by construction."""
    flow, arguments = operation.flow(), operation.arguments
    windows, factors = {}, {}
    for place, axis in enumerate(range(2, len(flow.shape))):
        size, out = flow.shape[axis], operation.shape[axis]
        place_out = torch.arange(out, dtype=torch.float64)
        if "nearest" in operation.name:
            shift = 0.5 if "exact" in operation.name else 0.0
            index = ((place_out + shift) * size / out).floor().long()[:, None]
        else:
            corners = arguments["align_corners"]
            at = place_out * (size - 1) / max(out - 1, 1) if corners else (place_out + 0.5) * size / out - 0.5
            cubic = "cubic" in operation.name
            at = at if cubic else at.clamp(min=0)
            low, between = at.floor().long(), (at % 1 > 1e-9).long()
            offsets = torch.tensor([-1, 0, 1, 2] if cubic else [0, 1])
            index = low[:, None] + offsets * between[:, None]
        windows[axis] = Window(index.clamp(0, size - 1))
        factors[place] = Fraction(size, out)
    sign = 0 if "cubic" in operation.name else flow.sign
    return replace(_stepped(flow.windowed(windows), factors).with_grid_axes(list(windows)), sign=sign)


def _stepped(flow: Flow, factors: Mapping[int, Fraction]) -> Flow:
    steps = tuple(step * factors.get(place, 1) for place, step in enumerate(flow.steps))
    return replace(flow, steps=steps)


def _each(value: int | Sequence[int], count: int) -> list[int]:
    numbers = [value] if isinstance(value, int) else list(value)
    return numbers * count if len(numbers) == 1 else numbers


# ---------------------------------------------------------------- sums over axes


def _reduction(operation: Operation) -> Flow:
    flow, arguments = operation.flow(), operation.arguments
    if "other" in arguments:
        return _pointwise(operation)  # torch.max and torch.min of two tensors
    axes = arguments.get("dim")
    axes = range(len(flow.shape)) if axes is None or axes == [] else [axes] if isinstance(axes, int) else axes
    reduced = flow.reduced(list(axes), keep=bool(arguments.get("keepdim", False)))
    keeps = operation.name in ("mean", "sum", "amax", "max", "amin", "min", "nansum")
    return replace(
        reduced,
        sign=flow.sign if keeps else 1 if "norm" in operation.name else 0,
        feeders=flow.feeders if keeps else (),
    )


def _normalization(operation: Operation) -> Flow:
    """Layer norm, group norm, batch norm by the batch's own statistics: every element sees all that is averaged over."""
    flow = operation.flow("input")
    if operation.name == "native_layer_norm":
        count = len(operation.arguments["normalized_shape"])
        seen = flow.reduced(list(range(len(flow.shape) - count, len(flow.shape))))
    elif operation.name == "native_group_norm":
        seen = flow.reduced(list(range(2, len(flow.shape)))).grouped(
            1, operation.arguments["group"], flow.shape[1]
        )
    elif operation.arguments.get("training"):
        seen = flow.reduced([axis for axis in range(2, len(flow.shape))])
    else:
        return flow.plain()
    return _seen_by_all(flow, seen)


def _softmax(operation: Operation) -> Flow:
    flow = operation.flow()
    spread = _seen_by_all(flow, flow.reduced([operation.arguments["dim"]]))
    return replace(spread, sign=0 if "log" in operation.name else 1)


def _seen_by_all(flow: Flow, seen: Flow) -> Flow:
    """The elements of `flow`, each reached by what reaches `seen`."""
    reach = {name: mark for name, mark in seen.marks.items() if name.startswith(("low", "high"))}
    return replace(flow, marks={**flow.marks, **reach}).plain()


# ---------------------------------------------------------------- products


def _product(operation: Operation) -> Flow:
    """Matrix products: rows keep the left factor's items and positions, columns are the right factor's units."""
    left, right = (operation.flow_of(operation.arguments[name]) for name in _factors(operation))
    shape = operation.shape
    if left is not None:
        rows = left.reduced([-1])
        flow = replace(rows, shape=shape)
        if right is None:
            return flow.with_unit_axis(len(shape) - 1).plain()
    if right is None:
        raise LookupError(operation.name)
    columns = right.reduced([-2])
    if left is None:
        return replace(columns, shape=shape).plain()
    both = union([replace(rows, shape=shape), replace(columns, shape=shape)], shape)
    marks = {
        **both.marks,
        **{name: mark for name, mark in rows.marks.items() if name.startswith(("at", "item"))},
    }
    return replace(both, marks={**marks, "unit": columns.marks["unit"]})


def _factors(operation: Operation) -> tuple[str, str]:
    names = {
        "addmm": ("mat1", "mat2"),
        "baddbmm": ("batch1", "batch2"),
        "bmm": ("self", "mat2"),
        "mm": ("self", "mat2"),
    }
    return names[operation.name]


def _attention(operation: Operation) -> Flow:
    """Each query sees all keys and values."""
    query, key, value = (operation.flow(name) for name in ("query", "key", "value"))
    memory = union([key.reduced([-2, -1]), value.reduced([-2, -1])], (*key.shape[:-2], 1, 1))
    rows = replace(query.reduced([-1]), shape=operation.shape)
    both = union([rows, replace(memory, shape=operation.shape)], operation.shape)
    identity = {name: mark for name, mark in rows.marks.items() if name.startswith(("at", "item"))}
    return replace(both, marks={**both.marks, **identity, "unit": value.reduced([-2]).marks["unit"]})


# ---------------------------------------------------------------- moving elements about


def _same(operation: Operation) -> Flow:
    return operation.flow()


def _view(operation: Operation) -> Flow:
    return reshaped(operation.flow(), operation.shape)


def _moved(operation: Operation) -> list[Flow]:
    """Axes put in another order, or elements picked along them: the same is done to the marks."""
    packet = getattr(torch.ops.aten, operation.name)
    rest = {name: value for name, value in operation.arguments.items() if name != "self"}
    return viewed(operation.flow(), lambda mark: packet(mark, **rest))


def _slice(operation: Operation) -> list[Flow]:
    flow, every = operation.flow(), operation.arguments.get("step", 1)
    axis = operation.arguments.get("dim", 0) % len(flow.shape)
    factors = {
        place: Fraction(every)
        for place in range(len(flow.steps))
        if every > 1 and flow.varies(f"at{place}", axis)
    }
    return [_stepped(moved, factors) for moved in _moved(operation)]


def _rolled(operation: Operation) -> Flow:
    """Roll and flip copy, so they are done only where marks differ."""
    flow, arguments = operation.flow(), operation.arguments
    axes = [axis % len(flow.shape) for axis in arguments["dims"]]
    marks = {}
    for name, mark in flow.marks.items():
        live = [(place, axis) for place, axis in enumerate(axes) if mark.shape[axis] > 1]
        dims = [axis for _, axis in live]
        if dims and operation.name == "roll":
            mark = mark.roll([arguments["shifts"][place] for place, _ in live], dims)
        marks[name] = mark.flip(dims) if dims and operation.name == "flip" else mark
    return replace(flow, marks=marks)


def _joined(operation: Operation) -> Flow:
    """A concatenation, or a stack along a new axis; tensors that the input does not reach have an empty reach."""
    tensors = operation.arguments["tensors"]
    axis = operation.arguments.get("dim", 0) % len(operation.shape)
    flows = [operation.flow_of(tensor) for tensor in tensors]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if operation.name == "stack":
        flows = [
            None if flow is None else viewed(flow, lambda mark: mark.unsqueeze(axis))[0] for flow in flows
        ]
        shapes = [(*shape[:axis], 1, *shape[axis:]) for shape in shapes]
    known = [flow for flow in flows if flow is not None]
    names = dict.fromkeys(name for flow in known for name in flow.marks)
    marks = {name: _laid_side_by_side(name, flows, shapes, axis) for name in names}
    sign = (
        max(flow.sign for flow in known)
        if len(known) == len(flows) and all(flow.sign for flow in known)
        else 0
    )
    joined = replace(
        known[0], shape=operation.shape, marks=marks, sign=sign, feeders=_merged(known), named=False
    )
    told_apart = any(marks[name].shape[axis] > 1 for name in marks if not name.startswith(("low", "high")))
    return joined if told_apart else joined.with_unit_axis(axis)


def _laid_side_by_side(name: str, flows: Sequence[Flow | None], shapes: Sequence[Shape], axis: int) -> Tensor:
    known = [flow.marks[name] for flow in flows if flow is not None and name in flow.marks]
    first = known[0]
    reach = name.startswith(("low", "high"))
    alike = all(mark.shape[axis] == 1 and torch.equal(mark, first) for mark in known)
    if alike and (len(known) == len(flows) or not reach):
        return first
    empty = {"l": FAR, "h": -FAR}.get(name[0], -1)
    pieces = []
    for flow, shape in zip(flows, shapes, strict=True):
        mark = (
            torch.full((1,) * len(shape), empty)
            if flow is None
            else flow.marks.get(name, first.new_full((1,) * len(shape), -1))
        )
        pieces.append(mark.expand(*mark.shape[:axis], shape[axis], *mark.shape[axis + 1 :]))
    common = torch.broadcast_shapes(*[(*piece.shape[:axis], 1, *piece.shape[axis + 1 :]) for piece in pieces])
    return torch.cat(
        [piece.expand(*common[:axis], piece.shape[axis], *common[axis + 1 :]) for piece in pieces], axis
    )


def _picked(operation: Operation) -> Flow:
    """Elements of one axis by a list of their numbers."""
    flow, arguments = operation.flow(), operation.arguments
    if operation.name == "index_select":
        axis, index = arguments["dim"] % len(flow.shape), arguments["index"]
    else:
        given = [(axis, index) for axis, index in enumerate(arguments["indices"]) if index is not None]
        ((axis, index),) = given
    if index.dtype == torch.bool or index.ndim != 1:
        raise ValueError("only a list of numbers picks elements")
    place = index.cpu().long() % flow.shape[axis]
    marks = {
        name: mark if mark.shape[axis] == 1 else mark.index_select(axis, place)
        for name, mark in flow.marks.items()
    }
    return replace(flow, shape=operation.shape, marks=marks)


def _shuffled(operation: Operation) -> Flow:
    """Depth to space and space to depth, and channel shuffles: done to the whole array of marks."""
    packet = getattr(torch.ops.aten, operation.name)
    rest = {name: value for name, value in operation.arguments.items() if name != "self"}
    flow = operation.flow()
    marks = {name: packet(mark.expand(flow.shape).contiguous(), **rest) for name, mark in flow.marks.items()}
    flow = replace(flow, shape=operation.shape, marks=marks)
    if operation.name == "pixel_shuffle":
        flow = _stepped(flow, {place: Fraction(1, rest["upscale_factor"]) for place in (0, 1)})
    elif operation.name == "pixel_unshuffle":
        flow = _stepped(flow, {place: Fraction(rest["downscale_factor"]) for place in (0, 1)})
    else:
        return flow
    return flow.with_unit_axis(1).with_grid_axes([2, 3])


def _copied_over(operation: Operation) -> Flow:
    source = operation.flow_of(operation.arguments["src"])
    if source is None:
        raise LookupError("a constant was written over it")
    return broadcast(source, operation.shape)


def _mixed(operation: Operation) -> list[Flow]:
    """Everything reaches everything; items, units and positions stay what they are where the shape stays."""
    flows = operation.flows()
    whole = union(
        [flow.reduced(list(range(len(flow.shape)))).plain() for flow in flows],
        (1,) * max(len(f.shape) for f in flows),
    )
    reach = {name: mark.flatten() for name, mark in whole.marks.items() if name.startswith(("low", "high"))}
    outputs = [operation.result] if isinstance(operation.result, Tensor) else list(operation.result)
    mixed = []
    for output in outputs:
        shape = tuple(output.shape) if isinstance(output, Tensor) else ()
        alike = next((flow for flow in flows if flow.shape == shape), None)
        kept = (
            {}
            if alike is None
            else {n: m for n, m in alike.marks.items() if not n.startswith(("low", "high"))}
        )
        if alike is None and flows[0].shape[:1] == shape[:1] and flows[0].marks["item"].shape[0] > 1:
            kept = {"item": torch.arange(shape[0]).view(-1, *[1] * (len(shape) - 1))}
        marks = {**kept, **{name: mark.view((1,) * len(shape)) for name, mark in reach.items()}}
        mixed.append(Flow(shape, marks, flows[0].steps))
    return mixed


_FAMILIES: dict[Rule, str] = {
    _convolution: "convolution _convolution",
    _pool: "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d avg_pool1d",
    _adaptive_pool: (
        "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d adaptive_avg_pool1d"
    ),
    _padding: "constant_pad_nd",
    _mirror_padding: (
        "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d"
    ),
    _upsampled: (
        "upsample_nearest1d upsample_nearest2d _upsample_nearest_exact1d _upsample_nearest_exact2d "
        "upsample_linear1d upsample_bilinear2d upsample_bicubic2d"
    ),
    _reduction: "mean sum amax amin max min var std var_mean linalg_vector_norm norm logsumexp nansum",
    _normalization: (
        "native_layer_norm native_group_norm native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit "
        "_native_batch_norm_legit_no_training _batch_norm_with_update _batch_norm_no_update"
    ),
    _softmax: "_softmax _log_softmax _safe_softmax",
    _product: "mm addmm bmm baddbmm",
    _attention: (
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
        "_scaled_dot_product_fused_attention_overrideable"
    ),
    _view: "view _unsafe_view reshape _reshape_alias",
    _moved: (
        "permute transpose t unsqueeze squeeze select expand unbind split split_with_sizes diagonal detach alias "
        "movedim swapaxes chunk narrow unfold"
    ),
    _same: "clone _to_copy as_strided_",
    _slice: "slice",
    _rolled: "roll flip",
    _joined: "cat stack",
    _picked: "index index_select",
    _shuffled: "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle",
    _copied_over: "copy_",
    _pointwise: "hardswish gelu silu where masked_fill _prelu_kernel elu leaky_relu maximum minimum lerp",
}
RULES: dict[str, Rule] = {name: rule for rule, names in _FAMILIES.items() for name in names.split()}
