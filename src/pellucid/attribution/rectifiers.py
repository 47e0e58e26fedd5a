# SPDX-License-Identifier: Apache-2.0
"""Guided backpropagation and deconvnet: gradients that pass a ReLU only where they raise the aim.

Captum changes the gradient at `nn.ReLU` modules, each used once. So every rectifier that the network calls, as a module,
reused, as a function or in place, is led over a module of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from captum.attr import Deconvolution, GuidedBackprop
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pellucid.attribution.scene import Found, Scene, over_channels
from pellucid.errors import InputError

__all__ = ["deconvnet", "guided_backprop"]

# Modules call these as functions too, so one list covers both.
_RELU = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
_IN_PLACE = {F.relu_, torch.relu_, Tensor.relu_}
_CAPPED = {F.relu6, F.hardtanh}
_OTHERS = {
    F.gelu: "GELU",
    F.silu: "SiLU",
    F.hardswish: "Hardswish",
    F.mish: "Mish",
    F.elu: "ELU",
    F.selu: "SELU",
    F.celu: "CELU",
    F.leaky_relu: "LeakyReLU",
    F.prelu: "PReLU",
    F.softplus: "Softplus",
}


class _CappedReLU(nn.ReLU):
    """A ReLU6: beyond its end no gradient, as the function has none."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.clamp(0, 6)


class _Detour(TorchFunctionMode):
    """Inside, the n-th rectifier that runs is the n-th of `modules`; `kinds` and `others` tell what ran.

    Without modules the rectifiers run as they are and are only counted.
    """

    def __init__(self, modules: nn.ModuleList | None = None) -> None:
        super().__init__()
        self.modules = modules
        self.kinds: list[type[nn.ReLU]] = []
        self.others: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        inputs = args[0] if args else options.get("input")
        if func in _OTHERS:
            self.others.append(_OTHERS[func])
        capped = func in _CAPPED and _ends(func, args, options) == (0, 6)
        if not (func in _RELU or capped) or not isinstance(inputs, Tensor):
            return func(*args, **options)
        self.kinds.append(_CappedReLU if capped else nn.ReLU)
        if self.modules is None:
            return func(*args, **options)
        outputs = self.modules[len(self.kinds) - 1](inputs.clone()).clone()
        in_place = func in _IN_PLACE or options.get("inplace", False) or args[1:2] == (True,)
        return inputs.copy_(outputs) if in_place else outputs


def _ends(func: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[Any, Any]:
    """Where a bounded function is flat."""
    if func is F.relu6:
        return 0, 6
    low, high = (options.get("min_val", -1.0), options.get("max_val", 1.0))
    return args[1] if len(args) > 1 else low, args[2] if len(args) > 2 else high


class _Detoured(nn.Module):
    """The readout with every rectifier a module of its own, where Captum finds them."""

    def __init__(self, readout: nn.Module, kinds: list[type[nn.ReLU]]) -> None:
        super().__init__()
        self.readout = readout
        self.rectifiers = nn.ModuleList(kind() for kind in kinds)

    def forward(self, pixels: Tensor) -> Tensor:
        with _Detour(self.rectifiers):
            values: Tensor = self.readout(pixels)
        return values


def guided_backprop(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The gradient where a ReLU passes it only if its input and the gradient are above 0 (Springenberg 2015)."""
    return _attributed(scene, GuidedBackprop, "guided_backprop")


def deconvnet(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The gradient where a ReLU passes it if it is above 0, whatever the ReLU's input was (Zeiler and Fergus 2014)."""
    return _attributed(scene, Deconvolution, "deconvnet")


def _attributed(scene: Scene, method: Callable[[nn.Module], Any], name: str) -> Found:
    counted = _Detour()
    with counted:
        scene.readout.values(scene.pixels)
    _check_rectifiers(counted, scene, name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU", UserWarning)
        gradient = method(_Detoured(scene.readout, counted.kinds)).attribute(
            scene.pixels.clone().requires_grad_()
        )
    return Found(over_channels(gradient, "largest"), extras={"rectifiers": len(counted.kinds)})


def _check_rectifiers(counted: _Detour, scene: Scene, name: str) -> None:
    """Refuse where the rule says nothing: it is one for ReLU."""
    others = ", ".join(dict.fromkeys(counted.others))
    works = "saliency, smoothgrad, integrated_gradients, gradcam, occlusion and rise work"
    if others:
        raise InputError(
            f"{name} is a rule for ReLU, and {scene.net.name} bends by {others} on the way to {scene.readout.aim}; {works}"
        )
    if not counted.kinds:
        raise InputError(
            f"{name} is a rule for ReLU, and there is none on the way to {scene.readout.aim}: it would be the plain "
            f"gradient; {works}"
        )
