# SPDX-License-Identifier: Apache-2.0
"""Operations that sum over axes: reductions, normalizations, matrix products, attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from pellucid.models.flow.flow import Flow, is_reach, reshaped, union
from pellucid.models.flow.operation import Operation
from pellucid.models.flow.pointwise import pointwise

__all__ = ["attention", "normalization", "product", "reduction", "softmax"]

KEEP_SIGN = ("mean", "sum", "nansum", "amax", "max", "amin", "min")
FACTORS = {
    "mm": ("self", "mat2"),
    "bmm": ("self", "mat2"),
    "addmm": ("mat1", "mat2"),
    "baddbmm": ("batch1", "batch2"),
}


def reduction(operation: Operation) -> Flow:
    flow, arguments = operation.flow(), operation.arguments
    if "other" in arguments:
        return pointwise(operation)  # torch.max and torch.min of two tensors
    given = arguments.get("dim")
    axes = [given] if isinstance(given, int) else list(given or range(len(flow.shape)))
    reduced = reshaped(flow.reduced(axes), operation.shape)
    if operation.name in KEEP_SIGN:
        return reduced
    return replace(reduced.plain(), sign=1 if "norm" in operation.name else 0)


def normalization(operation: Operation) -> Flow:
    """Layer norm, group norm, batch norm by the batch's own statistics: an element sees all that is averaged."""
    arguments, flow = operation.arguments, operation.flow("input")
    axes = range(2, len(flow.shape))
    if operation.name == "native_layer_norm":
        axes = range(len(flow.shape) - len(arguments["normalized_shape"]), len(flow.shape))
        return _with_reach(flow, flow.reduced(axes))
    if operation.name == "native_group_norm":
        return _with_reach(flow, flow.reduced(axes).grouped(1, arguments["group"], flow.shape[1]))
    return _with_reach(flow, flow.reduced(axes) if arguments.get("training") else flow)


def softmax(operation: Operation) -> Flow:
    flow = operation.flow()
    spread = _with_reach(flow, flow.reduced([operation.arguments["dim"]]))
    return replace(spread, sign=0 if "log" in operation.name else 1)


def product(operation: Operation) -> Flow:
    """Matrix products: rows keep the left factor's items and positions, columns are the right factor's units."""
    shape = operation.shape
    left, right = (operation.flow_of(operation.arguments[name]) for name in FACTORS[operation.name])
    rows = None if left is None else replace(left.reduced([-1]), shape=shape)
    columns = None if right is None else replace(right.reduced([-2]), shape=shape)
    if rows is not None and columns is not None:
        return replace(union([rows, columns], shape), marks=_rows_and_columns(rows, columns))
    if rows is not None:
        return rows.with_unit_axis(len(shape) - 1).plain()
    if columns is not None:
        return columns.plain()
    raise LookupError(f"{operation.name}: nothing flows in through its factors")


def attention(operation: Operation) -> Flow:
    """Each query sees all keys and values; the units are the values'. A learned query sees nothing else."""
    shape = operation.shape
    key, value = operation.flow("key"), operation.flow("value")
    seen = union([key.reduced([-2, -1]), value.reduced([-2, -1])], (*key.shape[:-2], 1, 1))
    rows = [replace(seen, shape=shape)]
    query = operation.flow_of(operation.arguments["query"])
    if query is not None:
        rows.insert(0, replace(query.reduced([-1]), shape=shape))
    columns = replace(value.reduced([-2]), shape=shape)
    return Flow(shape, _rows_and_columns(union(rows, shape), columns), value.steps)


def _rows_and_columns(rows: Flow, columns: Flow) -> Mapping[str, Tensor]:
    reach = union([rows, columns], rows.shape)
    marks = {
        name: mark if is_reach(name) else rows.marks.get(name, mark) for name, mark in reach.marks.items()
    }
    return {**marks, "unit": columns.marks["unit"]}


def _with_reach(flow: Flow, seen: Flow) -> Flow:
    """The elements of `flow`, each reached by what reaches `seen`."""
    reach = {name: mark for name, mark in seen.marks.items() if is_reach(name)}
    return replace(flow, marks={**flow.marks, **reach}).plain()
