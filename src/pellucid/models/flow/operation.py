# SPDX-License-Identifier: Apache-2.0
"""One call of one tensor operation, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pellucid.models.flow.flow import Flow, Shape

__all__ = ["Operation"]


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
