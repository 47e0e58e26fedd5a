# SPDX-License-Identifier: Apache-2.0
"""Follows every tensor operation of one forward pass and keeps the flow of each tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from pellucid.models.flow import Flow
from pellucid.models.flow_rules import NONLINEAR, Operation, followed

__all__ = ["Observer"]

CONSTANT = frozenset(
    "zero fill new_zeros new_ones new_empty new_full zeros_like ones_like empty_like full_like rand_like randn_like".split()
)  # made from a tensor's shape, not from its values


class Observer(TorchDispatchMode):
    """Inside `with observer:` each operation hands on the flows of its inputs; an in-place one replaces its tensor's flow."""

    def __init__(self) -> None:
        super().__init__()
        self._flows: Any = WeakIdKeyDictionary()
        self.bent: dict[str, None] = {}  # layers whose tensor goes straight into a non-linearity

    def flow_of(self, value: object) -> Flow | None:
        return self._flows.get(value) if isinstance(value, Tensor) else None

    def put(self, tensor: Tensor, flow: Flow) -> None:
        self._flows[tensor] = flow

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        before = [self.flow_of(value) for value in _tensors([*args, *(kwargs or {}).values()])]
        result = func(*args, **(kwargs or {}))
        if any(flow is not None for flow in before):
            self._follow(func, args, kwargs or {}, result)
        return result

    def _follow(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        name = func._schema.name.split("::")[-1]
        if name.endswith("_") and name not in ("copy_", "as_strided_"):
            name = name[:-1]  # an in-place operation does the same as the one it is named after
        names = [argument.name for argument in func._schema.arguments]
        defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
        arguments = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
        outputs = [output for output in _tensors([result]) if output.is_floating_point()]
        if not outputs or name in CONSTANT:
            for output in outputs:
                self._flows.pop(output, None)
            return
        operation = Operation(name, torch.Tag.pointwise in func.tags, arguments, result, self.flow_of)
        if name in NONLINEAR:
            self.bent |= dict.fromkeys(feeder for flow in operation.flows() for feeder in flow.feeders)
        flows = followed(operation)
        for place, output in enumerate(outputs):
            flow = flows[min(place, len(flows) - 1)]
            if flow.shape == tuple(output.shape):
                self.put(output, flow)


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found
