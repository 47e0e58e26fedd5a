# SPDX-License-Identifier: Apache-2.0
"""Redirected rectifiers: a way out for an input that every rectifier on the path has cut off from its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Redirected", "Watched"]

Function = Callable[..., Any]

# Modules call these as functions too, so one list covers both.
_RELU = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_SMOOTH = {F.gelu, F.silu, F.mish, F.hardswish}
_BOUNDED = {F.relu6, F.hardtanh}
_RECTIFIERS = _RELU | _SMOOTH | _BOUNDED
_IN_PLACE = {F.relu_, torch.relu_, Tensor.relu_}

# A smooth rectifier is never quite flat, and left of its dip it slopes the wrong way: there, and where it rises less than
# this, it counts as closed.
FAINT_SLOPE = 0.1


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
        floor, ceiling, faint = ctx.bends
        true, closed = _true(inputs, upward, ctx.function, faint)
        worse = ((inputs < floor) & (upward < 0)) | ((inputs > ceiling) & (upward > 0))
        detour = upward.masked_fill(worse, 0)
        return (
            torch.where((rows & closed).view(-1, *(1,) * (inputs.ndim - 1)), detour, true),
            None,
            None,
            None,
        )


class _Watch(torch.autograd.Function):
    """A rectifier with its own gradient, that adds to `closed` the items which get hardly any through it."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, function: Function, faint: float, closed: Tensor) -> Tensor:
        ctx.save_for_backward(inputs)
        ctx.function, ctx.faint, ctx.closed = function, faint, closed
        outputs: Tensor = function(inputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (inputs,) = ctx.saved_tensors
        true, closed = _true(inputs, gradients[0], ctx.function, ctx.faint)
        ctx.closed |= closed & (gradients[0] != 0).flatten(1).any(1)
        return true, None, None, None


def _true(inputs: Tensor, upward: Tensor, function: Function, faint: float) -> tuple[Tensor, Tensor]:
    """The rectifier's own gradient, and the items (N,) for which it lets at most the share `faint` through, unturned."""
    with torch.enable_grad():
        probe = inputs.detach().requires_grad_()
        (true,) = torch.autograd.grad(function(probe), probe, upward)
    felt, wanted = ((each * upward.sign()).flatten(1).amax(1) for each in (true, upward))
    return true, felt <= faint * wanted


_redirect: Function = _Redirect.apply
_watch: Function = _Watch.apply


class Redirected(TorchFunctionMode):
    """Inside this context, rectifiers pass gradient on for those of `rows` (N,) bool whose gradient is zero everywhere.

    Of a smooth rectifier: nowhere more than a tenth of what comes from above, but for what has its sign turned.

    Such an item's gradient goes through a rectifier as if it were not there, except where the input is negative and
    ascent would lower it further (for ReLU6 also where it is above 6 and would rise). Covers modules and functions, in
    place or not: ReLU, ReLU6, Hardtanh, GELU, SiLU, Mish, Hardswish. Gradients are those of something to be raised.

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
        inputs: Any = args[0] if args else options.get("input")
        if func not in _RECTIFIERS or not _is_batch(inputs, len(self.rows)):
            return func(*args, **options)
        in_place = options.pop("inplace", False) or func in _IN_PLACE
        rectifier, bends = _rectifier(func, options)
        outputs = _redirect(inputs.clone() if in_place else inputs, self.rows, rectifier, bends)
        return inputs.copy_(outputs) if in_place else outputs


class Watched(TorchFunctionMode):
    """Inside this context, gradients note which items a smooth rectifier is closed for; they stay what they are.

    Attributes
    ----------
    met : whether there was a smooth rectifier at all
    closed : (N,) bool, filled by the gradients taken
    """

    def __init__(self, items: int, device: torch.device) -> None:
        super().__init__()
        self.met = False
        self.closed = torch.zeros(items, dtype=torch.bool, device=device)

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        inputs: Any = args[0] if args else options.get("input")
        if func not in _SMOOTH or not _is_batch(inputs, len(self.closed)):
            return func(*args, **options)
        self.met = True
        in_place = options.pop("inplace", False)
        rectifier, bends = _rectifier(func, options)
        outputs = _watch(inputs.clone() if in_place else inputs, rectifier, bends.faint, self.closed)
        return inputs.copy_(outputs) if in_place else outputs


def _is_batch(inputs: object, items: int) -> TypeGuard[Tensor]:
    return isinstance(inputs, Tensor) and inputs.ndim > 0 and len(inputs) == items


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
