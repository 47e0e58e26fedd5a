# SPDX-License-Identifier: Apache-2.0
"""Operations that work element by element: what they do to the sign, and to the layers a tensor comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from pellucid.models.flow.flow import Flow, merged_feeders, union
from pellucid.models.flow.operation import Operation

__all__ = ["NONLINEAR", "pointwise"]

RECTIFIERS = frozenset({"relu", "hardtanh", "threshold", "clamp", "clamp_min"})
BENDS = (
    "elu gelu glu hardshrink hardsigmoid hardswish leaky_relu log_sigmoid_forward mish _prelu_kernel "
    "rrelu_with_noise sigmoid silu softplus softshrink tanh"
)
NONLINEAR = RECTIFIERS.union(BENDS.split())
NEVER_NEGATIVE = frozenset({"abs", "exp", "hardsigmoid", "rsqrt", "sigmoid", "softplus", "sqrt"})
SUMS = frozenset({"add", "sub", "rsub", "neg", "mul", "div", "maximum"})


def pointwise(operation: Operation) -> Flow:
    flows = operation.flows()
    sign = _sign(operation, flows)
    return replace(union(flows, operation.shape), sign=sign, feeders=_feeders(operation.name, flows, sign))


def _sign(operation: Operation, flows: Sequence[Flow]) -> int:
    name, arguments = operation.name, operation.arguments
    if name in RECTIFIERS:
        return 2 if _rectifies(name, arguments) else 0
    if name in NEVER_NEGATIVE or (name == "pow" and arguments.get("exponent") in (2, 4)):
        return 1
    if name == "maximum":
        return max(flow.sign for flow in flows)
    if name in ("add", "mul", "div"):
        constants = [arguments[key] for key in ("other", "alpha") if key in arguments]
        constants = [value for value in constants if operation.flow_of(value) is None]
        # a constant tensor is a parameter: no structure keeps it above zero
        safe = all(not isinstance(value, Tensor) and value >= 0 for value in constants)
        safe = safe and operation.flow_of(arguments["self"]) is not None
        return max(flow.sign for flow in flows) if safe and all(flow.sign for flow in flows) else 0
    return 0


def _rectifies(name: str, arguments: Mapping[str, Any]) -> bool:
    if name == "threshold":
        return bool(arguments["threshold"] >= 0 and arguments["value"] >= 0)
    floor = {"relu": 0, "hardtanh": arguments.get("min_val")}.get(name, arguments.get("min"))
    return isinstance(floor, int | float) and floor >= 0


def _feeders(name: str, flows: Sequence[Flow], sign: int) -> tuple[str, ...]:
    """The layers that a sum or a rectified tensor is made of.

    In a sum that can be negative the search ends at rectified summands: they lack the negative side.
    """
    if name in RECTIFIERS:
        return merged_feeders(flows)
    if name in SUMS:
        return merged_feeders(flow for flow in flows if (flow.sign == 2) == (sign == 2))
    return ()
