# SPDX-License-Identifier: Apache-2.0
"""Sees every tensor operation of one forward pass and keeps the flow of each tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from pellucid.models.flow.flow import Flow
from pellucid.models.flow.moves import written_into
from pellucid.models.flow.operation import Operation
from pellucid.models.flow.pointwise import NONLINEAR
from pellucid.models.flow.rules import followed

__all__ = ["Observer"]

# Made from a tensor's shape and not from its values.
CONSTANT = frozenset(
    {
        "zero",
        "fill",
        "new_zeros",
        "new_ones",
        "new_empty",
        "new_full",
        "zeros_like",
        "ones_like",
        "empty_like",
    }
    | {"full_like", "rand_like", "randn_like"}
)


class Observer(TorchDispatchMode):
    """Inside `with observer:` each operation hands on the flows of its inputs.

    An in-place operation replaces the flow of the tensor it writes to, so a layer's flow is what it was when the
    layer returned. Flows go away with their tensors.

    `bent` names the layers whose tensor went straight into a non-linearity.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._flows: Any = WeakIdKeyDictionary()
        self.bent: dict[str, None] = {}

    def flow_of(self, value: object) -> Flow | None:
        found: Flow | None = self._flows.get(value) if isinstance(value, Tensor) else None
        return found

    def put(self, tensor: Tensor, flow: Flow) -> None:
        self._flows[tensor] = flow

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        flows = any(self.flow_of(tensor) is not None for tensor in _tensors([*args, *kwargs.values()]))
        result = func(*args, **kwargs)
        if flows:
            self._follow(func, args, kwargs, result)
        return result

    def _follow(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        name = func._schema.name.partition("::")[2]
        if name.endswith("_") and name not in ("copy_", "as_strided_"):
            name = name[:-1]  # an in-place operation does the same as the one it is named after
        outputs = [output for output in _tensors([result]) if output.is_floating_point()]
        if name in CONSTANT:
            for output in outputs:
                self._flows.pop(output, None)
        elif outputs:
            arguments = _by_name(func, args, kwargs)
            operation = Operation(name, torch.Tag.pointwise in func.tags, arguments, result, self.flow_of)
            if name in NONLINEAR:
                self.bent |= {feeder: None for flow in operation.flows() for feeder in flow.feeders}
            flows = followed(operation)
            for place, output in enumerate(outputs):
                flow = flows[min(place, len(flows) - 1)]
                if flow.shape == tuple(output.shape):
                    self.put(output, flow)
                    if name == "copy_" and output._base is not None:
                        whole = output._base
                        self.put(whole, written_into(whole, self.flow_of(whole), output, flow))


def _by_name(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    declared = func._schema.arguments
    defaults = {one.name: one.default_value for one in declared if one.has_default_value()}
    given = {one.name: value for one, value in zip(declared, args, strict=False)}
    return {**defaults, **given, **kwargs}


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found
