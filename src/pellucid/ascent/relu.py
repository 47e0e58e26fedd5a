# SPDX-License-Identifier: Apache-2.0
"""Redirected rectifiers: a way out for an input that every rectifier on the path has cut off from its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Redirected"]

Function = Callable[..., Any]

# Modules call these as functions too, so one list covers both.
_RELU = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_SMOOTH = {F.gelu, F.silu, F.hardswish}
_BOUNDED = {F.relu6, F.hardtanh}
_RECTIFIERS = _RELU | _SMOOTH | _BOUNDED
_IN_PLACE = {F.relu_, torch.relu_, Tensor.relu_}

# A smooth rectifier is never quite flat: below this slope it counts as closed.
FAINT_SLOPE = 1e-3


class _Bends(NamedTuple):
    """Below `low` and above `high` a rectifier is flat, up to slopes of `faint`."""

    low: float
    high: float
    faint: float = 0.0


class _Redirect(torch.autograd.Function):
    """A rectifier whose gradient, for an item that would get none at all, goes where it can lead out."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, rows: Tensor, function: Function, bends: _Bends) -> Tensor:
        ctx.save_for_backward(inputs, rows)
        ctx.function, ctx.bends = function, bends
        outputs: Tensor = function(inputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (upward,) = gradients
        inputs, rows = ctx.saved_tensors
        with torch.enable_grad():
            probe = inputs.detach().requires_grad_()
            (true,) = torch.autograd.grad(ctx.function(probe), probe, upward)
        felt, wanted = (each.flatten(1).abs().amax(1) for each in (true, upward))
        floor, ceiling, faint = ctx.bends
        silent = rows & (felt <= faint * wanted)
        worse = ((inputs < floor) & (upward < 0)) | ((inputs > ceiling) & (upward > 0))
        detour = upward.masked_fill(worse, 0)
        return torch.where(silent.view(-1, *(1,) * (inputs.ndim - 1)), detour, true), None, None, None


_redirect: Function = _Redirect.apply


class Redirected(TorchFunctionMode):
    """Inside this context, rectifiers pass gradient on for those of `rows` (N,) bool whose gradient is zero everywhere.

    Such an item's gradient goes through a rectifier as if it were not there, except where the input is negative and
    ascent would lower it further (for ReLU6 also where it is above 6 and would rise). Covers modules and functions, in
    place or not: ReLU, ReLU6, Hardtanh, GELU, SiLU, Hardswish. Gradients are those of something to be raised.

    References
    ----------
    lucid `misc/redirected_relu_grad.py`, which does the same for every item of every step up to the sixteenth; here the
    caller names the items, so that living ones keep their exact gradient.
    """

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = rows

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        inputs = args[0] if args else options.get("input")
        if func not in _RECTIFIERS or not isinstance(inputs, Tensor) or len(inputs) != len(self.rows):
            return func(*args, **options)
        in_place = options.pop("inplace", False) or func in _IN_PLACE
        rectifier, bends = _rectifier(func, options)
        outputs = _redirect(inputs.clone() if in_place else inputs, self.rows, rectifier, bends)
        return inputs.copy_(outputs) if in_place else outputs


def _rectifier(func: Function, options: dict[str, Any]) -> tuple[Function, _Bends]:
    """The function out of place, and where it is flat."""
    if func in _RELU:
        return torch.relu, _Bends(0.0, math.inf)
    options.pop("input", None)
    if func in _SMOOTH:
        return partial(func, **options), _Bends(0.0, math.inf, FAINT_SLOPE)
    low, high = (
        (options.get("min_val", -1.0), options.get("max_val", 1.0)) if func is not F.relu6 else (0.0, 6.0)
    )
    return partial(torch.clamp, min=low, max=high), _Bends(low, high)
