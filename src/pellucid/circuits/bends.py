# SPDX-License-Identifier: Apache-2.0
"""Non-linearities taken out of the way while a net runs: opened, or replaced by the slope of their chord."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["CURVES", "POOLS", "Chords", "Open"]

Function = Callable[..., Any]

# Functions of one number, by the name that modules and users' own code call them by, in place or not.
_CURVES = (
    "relu relu6 hardtanh leaky_relu prelu elu selu celu gelu silu mish hardswish hardsigmoid sigmoid tanh "
    "softplus softsign threshold _threshold clamp clamp_min clamp_max clip hardshrink softshrink tanhshrink "
    "logsigmoid"
)
CURVES = frozenset(_CURVES.split())
# The largest of a window, and the mean of the same window.
POOLS: dict[str, Function] = {
    "max_pool1d": F.avg_pool1d,
    "max_pool2d": F.avg_pool2d,
    "max_pool3d": F.avg_pool3d,
    "adaptive_max_pool1d": F.adaptive_avg_pool1d,
    "adaptive_max_pool2d": F.adaptive_avg_pool2d,
    "adaptive_max_pool3d": F.adaptive_avg_pool3d,
}
# Nearer to one another than this share of their size, two inputs have no chord, only a slope.
NEAR = 1e-6


class _Bends(TorchFunctionMode):
    """Hands each non-linearity that depends on a cut layer to `curve` or `pool`; everything else runs as it is.

    One whose result nothing here can follow (indices asked for, bounds that are computed) is let through, so that the check of
    the path meets it and names it.
    """

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        spelled = getattr(func, "__name__", "")
        name = spelled[:-1] if spelled.endswith("_") else spelled
        given = [*args[1:], *options.values()]
        inputs = args[0] if args else options.get("input")
        known = name in CURVES or (name in POOLS and not options.get("return_indices"))
        if (
            not known
            or not isinstance(inputs, Tensor)
            or not inputs.requires_grad
            or any(isinstance(one, Tensor) and one is not inputs and one.requires_grad for one in given)
        ):
            return func(*args, **options)
        options.pop("input", None)
        if name in POOLS:
            return self.pool(name, inputs, args[1:], options)
        in_place = bool(options.get("inplace")) or spelled.endswith("_")
        bent = self.curve(inputs, lambda values: func(values.clone(), *args[1:], **options))
        return inputs.copy_(bent) if in_place else bent

    def curve(self, inputs: Tensor, function: Function) -> Tensor:
        raise NotImplementedError

    def pool(self, name: str, inputs: Tensor, rest: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
        raise NotImplementedError


class Open(_Bends):
    """The linearized net: what bends one number passes it on, and the largest of a window becomes its mean.

    References
    ----------
    Olah et al. 2020, Zoom in; Voss et al. 2021, Visualizing weights (expanded weights).
    """

    def curve(self, inputs: Tensor, function: Function) -> Tensor:
        return inputs.clone()

    def pool(self, name: str, inputs: Tensor, rest: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
        options.pop("return_indices", None)
        if name.startswith("adaptive"):
            opened: Tensor = POOLS[name](inputs, *rest)
            return opened
        names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        given = {**dict(zip(names, rest, strict=False)), **options}
        if any(hole != 1 for hole in _several(given.pop("dilation", 1))):
            # No average has holes. Windows of single elements, averaged one by one, would; nobody has met such a net.
            largest: Tensor = getattr(F, name)(inputs, *rest, **options)
            return largest
        given["stride"] = given.get("stride") or None  # some callers write [] for the window's own size
        mean: Tensor = POOLS[name](inputs, **given, count_include_pad=False)
        return mean


def _several(value: Any) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


class Chords(_Bends):
    """The net as it is, whose gradients go along chords: from what each non-linearity answers where all cut layers are zero.

    So gradient times value, summed over the cut layers, is exactly how far the response is from that at zero. A pass with
    `reference` None notes what each non-linearity meets at zero; its `met` is the `reference` of the pass that counts.

    References
    ----------
    Shrikumar et al. 2017, Learning important features through propagating activation differences (the rescale rule).
    """

    def __init__(self, reference: list[Tensor] | None = None) -> None:
        super().__init__()
        self.met: list[Tensor] = []
        self._reference = reference

    def curve(self, inputs: Tensor, function: Function) -> Tensor:
        zero = self._zero(inputs)
        return _called(_Curve, inputs, zero, function)

    def pool(self, name: str, inputs: Tensor, rest: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
        options.pop("return_indices", None)
        zero = self._zero(inputs)

        def function(values: Tensor, indices: bool = False) -> Any:
            return getattr(F, name)(values, *rest, **options, return_indices=indices)

        axes = int(next(letter for letter in name if letter.isdigit()))
        return _called(_Pool, inputs, zero, function, inputs.ndim - axes)

    def _zero(self, inputs: Tensor) -> Tensor:
        if self._reference is None:
            self.met.append(inputs.detach().clone())
            return self.met[-1]
        self.met.append(inputs.detach())
        return self._reference[len(self.met) - 1]


class _Curve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, zero: Tensor, function: Function) -> Tensor:
        outputs: Tensor = function(inputs)
        run, rise = inputs - zero, outputs - function(zero)
        near = run.abs() <= NEAR * torch.maximum(inputs.abs(), zero.abs())
        with torch.enable_grad():
            probe = inputs.detach().requires_grad_()
            bent = function(probe)
            (slope,) = torch.autograd.grad(bent, probe, torch.ones_like(bent))
        ctx.save_for_backward(torch.where(near, slope, rise / torch.where(near, torch.ones_like(run), run)))
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (chord,) = ctx.saved_tensors
        return gradients[0] * chord, None, None


class _Pool(torch.autograd.Function):
    """The largest goes on; what it has more than the largest at zero is its own doing. Windows span the axes from `first` on."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, zero: Tensor, function: Function, first: int) -> Tensor:
        outputs, places = function(inputs, indices=True)
        flat = places.flatten(first)
        run = outputs - zero.flatten(first).gather(first, flat).view_as(outputs)
        rise = outputs - function(zero)
        near = run.abs() <= NEAR * outputs.abs()
        chord = torch.where(near, torch.ones_like(run), rise / torch.where(near, torch.ones_like(run), run))
        ctx.save_for_backward(chord, flat)
        ctx.shape, ctx.first = inputs.shape, first
        largest: Tensor = outputs
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        chord, flat = ctx.saved_tensors
        share = (gradients[0] * chord).flatten(ctx.first)
        whole = share.new_zeros((*ctx.shape[: ctx.first], ctx.shape[ctx.first :].numel()))
        return whole.scatter_add_(ctx.first, flat, share).view(ctx.shape), None, None, None


def _called(function: type[torch.autograd.Function], *given: Any) -> Tensor:
    apply: Function = function.apply
    made: Tensor = apply(*given)
    return made
