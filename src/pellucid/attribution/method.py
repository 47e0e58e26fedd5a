# SPDX-License-Identifier: Apache-2.0
"""The methods of attribution: what each map's numbers are, how far to trust it, and its settings."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.attribution.scene import BASELINES, Found, Scene
from pellucid.errors import InputError, UnknownName, did_you_mean

__all__ = ["METHODS", "Method", "asked_methods", "completed"]

FAILED_CHECKS = (
    "failed the sanity checks of Adebayo et al. 2018: its map hardly changes when the layers near the output are given "
    "random weights, so it shows edges of the image more than what the network has learned"
)


@dataclass(frozen=True)
class Method:
    """A way to say which parts of an image matter.

    `signed`: below zero is what counts against the aim. `sound`: it passes the published sanity checks; otherwise `caution`
    says what is wrong with it. `fine`: a number for each pixel, mostly noise from one to the next, so that a picture of it
    is also shown smoothed. `home` is the module that holds the function, imported on use.
    """

    name: str
    home: str
    title: str
    unit_words: str
    signed: bool
    reads: str
    misleads: str
    sound: bool = True
    caution: str = ""
    fine: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def run(self, scene: Scene, settings: Mapping[str, Any]) -> Found:
        """The map of one image."""
        function: Callable[[Scene, Mapping[str, Any]], Found]
        function = getattr(importlib.import_module(f"pellucid.attribution.{self.home}"), self.name)
        return function(scene, settings)


_ALL = (
    Method(
        "saliency",
        "gradients",
        "Saliency",
        "response per unit of pixel change",
        False,
        "how fast the response changes with each pixel, in the channel where it changes most",
        "noisy, and blind to what is saturated: a feature whose presence is certain has no gradient",
        fine=True,
    ),
    Method(
        "integrated_gradients",
        "gradients",
        "Integrated gradients",
        "response added, as against the baseline image",
        True,
        "how the difference to a baseline image is shared out among the pixels",
        "what has the baseline's own color gets nothing, however much it matters",
        settings={"baseline": "mean", "tolerance": 1e-3, "max_steps": 256},
        fine=True,
    ),
    Method(
        "smoothgrad",
        "gradients",
        "SmoothGrad",
        "response per unit of pixel change, mean of noisy copies",
        False,
        "saliency, averaged over copies with noise",
        "shows the net's answer to noisy images, not to this one",
        settings={"samples": 25, "noise": 0.15},
        fine=True,
    ),
    Method(
        "gradcam",
        "gradcam",
        "Grad-CAM",
        "mean gradient times response, summed over the units",
        True,
        "where a layer holds what raises the aim",
        "as coarse as the layer's grid; wrong where a unit matters at one place and not at another",
        settings={"relu": False},
    ),
    Method(
        "guided_backprop",
        "rectifiers",
        "Guided backpropagation",
        "rewritten gradient, response per unit of pixel change",
        False,
        "fine lines that look like an explanation",
        "mostly the image's own edges, whatever the aim",
        sound=False,
        caution=f"Guided backpropagation {FAILED_CHECKS}.",
        fine=True,
    ),
    Method(
        "deconvnet",
        "rectifiers",
        "Deconvnet",
        "rewritten gradient, response per unit of pixel change",
        False,
        "fine lines that look like an explanation",
        "mostly the image's own edges, whatever the aim",
        sound=False,
        caution=(
            "Deconvnet rewrites the gradient as guided backpropagation does, which "
            f"{FAILED_CHECKS}; Nie et al. 2018 show that both do little more than recover the image."
        ),
        fine=True,
    ),
    Method(
        "occlusion",
        "occlusion",
        "Occlusion",
        "response lost when hidden",
        True,
        "what the response loses when a window is hidden",
        "a hidden window is an object of its own; evidence that stands twice is not missed when one is hidden",
        settings={"window": None, "stride": None, "baseline": "mean"},
    ),
    Method(
        "rise",
        "occlusion",
        "RISE",
        "response gained where shown, as against the mean mask",
        True,
        "how the response goes with what random masks leave to be seen",
        "a random estimate: faint structure is the masks' own; half of the image is hidden at any time",
        settings={"masks": 1000, "cells": 7, "shown": 0.5, "baseline": "mean"},
    ),
)
# What each setting may be: the kind of number, from where and up to where, both included.
_WHOLE = {"max_steps": 32, "samples": 1, "window": 1, "stride": 1, "masks": 2, "cells": 1}
_SHARES = {"tolerance": (1e-9, 1.0), "noise": (1e-6, 10.0), "shown": (0.01, 0.99)}
METHODS: Mapping[str, Method] = {method.name: method for method in _ALL}


def asked_methods(names: str | Iterable[str]) -> list[Method]:
    """The methods of these names, each once; text holds several by commas.

    Raises
    ------
    UnknownName : no such method
    """
    listed = names.split(",") if isinstance(names, str) else list(names)
    found: dict[str, Method] = {}
    for name in (one.strip() for one in listed):
        if name not in METHODS:
            raise UnknownName(f"no method {name!r}; {did_you_mean(name, METHODS)}")
        found[name] = METHODS[name]
    if not found:
        raise UnknownName(f"no method was named; there is {', '.join(METHODS)}")
    return list(found.values())


def completed(methods: Iterable[Method], given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of each method: its own, with what was given where it has that setting.

    Raises
    ------
    UnknownName : none of the methods has a setting of that name, or there is no such baseline
    InputError : a value that the setting cannot have
    """
    asked = list(methods)
    known = dict.fromkeys(key for method in asked for key in method.settings)
    for key in given:
        if key not in known:
            names = ", ".join(method.name for method in asked)
            raise UnknownName(f"no setting {key!r} of {names}; {did_you_mean(key, known)}")
    for key, value in given.items():
        _check_setting(key, value)
    return {
        method.name: {key: given.get(key, value) for key, value in method.settings.items()}
        for method in asked
    }


def _check_setting(key: str, value: Any) -> None:
    if key == "baseline":
        if value not in BASELINES:
            raise UnknownName(f"no baseline {value!r}; {did_you_mean(str(value), BASELINES)}")
    elif key == "relu":
        if not isinstance(value, bool):
            raise InputError(f"relu {value!r}; true or false is wanted")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        if not (value is None and key in ("window", "stride")):
            raise InputError(f"{key} {value!r}; a number is wanted")
    elif key in _WHOLE:
        if not isinstance(value, int) or value < _WHOLE[key]:
            raise InputError(f"{key} {value:g}; a whole number of at least {_WHOLE[key]} is wanted")
    elif not _SHARES[key][0] <= value <= _SHARES[key][1]:
        raise InputError(f"{key} {value:g}; it runs from {_SHARES[key][0]:g} to {_SHARES[key][1]:g}")
