# SPDX-License-Identifier: Apache-2.0
"""The methods of attribution: what each map's numbers are, how far to trust it, and its settings."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.attribution.scene import Found, Scene
from pellucid.errors import UnknownName, did_you_mean

__all__ = ["METHODS", "Method", "asked_methods", "completed"]

FAILED_CHECKS = (
    "failed the sanity checks of Adebayo et al. 2018: its map hardly changes when the layers near the output are given "
    "random weights, so it shows edges of the image more than what the network has learned"
)


@dataclass(frozen=True)
class Method:
    """A way to say which parts of an image matter.

    `signed`: below zero is what counts against the aim. `sound`: it passes the published sanity checks; otherwise `caution`
    says what is wrong with it. `home` is the module that holds the function, imported on use.
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
        "response per unit of pixel change, largest of the channels",
        False,
        "how fast the response changes with each pixel",
        "noisy, and blind to what is saturated: a feature whose presence is certain has no gradient",
    ),
    Method(
        "integrated_gradients",
        "gradients",
        "Integrated gradients",
        "response added by each pixel; all pixels together give the response less that of the baseline",
        True,
        "how the difference to a baseline image is shared out among the pixels",
        "what has the baseline's own color gets nothing, however much it matters",
        settings={"baseline": "mean", "tolerance": 1e-3, "max_steps": 256},
    ),
    Method(
        "smoothgrad",
        "gradients",
        "SmoothGrad",
        "response per unit of pixel change, mean over noisy copies, largest of the channels",
        False,
        "saliency, averaged over copies with noise",
        "shows the net's answer to noisy images, not to this one",
        settings={"samples": 25, "noise": 0.15},
    ),
    Method(
        "gradcam",
        "gradcam",
        "Grad-CAM",
        "mean gradient times response, added up over the layer's units",
        True,
        "where a layer holds what raises the aim",
        "as coarse as the layer's grid; wrong where a unit matters at one place and not at another",
        settings={"relu": False},
    ),
    Method(
        "guided_backprop",
        "rectifiers",
        "Guided backpropagation",
        "gradient through ReLUs that let only raising parts pass, largest of the channels",
        False,
        "fine lines that look like an explanation",
        "mostly the image's own edges, whatever the aim",
        sound=False,
        caution=f"Guided backpropagation {FAILED_CHECKS}.",
    ),
    Method(
        "deconvnet",
        "rectifiers",
        "Deconvnet",
        "gradient through ReLUs that let only raising parts pass, largest of the channels",
        False,
        "fine lines that look like an explanation",
        "mostly the image's own edges, whatever the aim",
        sound=False,
        caution=(
            "Deconvnet rewrites the gradient as guided backpropagation does, which "
            f"{FAILED_CHECKS}; Nie et al. 2018 show that both do little more than recover the image."
        ),
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
        "response gained where shown, against the mean over random masks",
        True,
        "how the response goes with what random masks leave to be seen",
        "a random estimate: faint structure is the masks' own; half of the image is hidden at any time",
        settings={"masks": 1000, "cells": 7, "shown": 0.5, "baseline": "mean"},
    ),
)
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
    UnknownName : none of the methods has a setting of that name
    """
    asked = list(methods)
    known = dict.fromkeys(key for method in asked for key in method.settings)
    for key in given:
        if key not in known:
            names = ", ".join(method.name for method in asked)
            raise UnknownName(f"no setting {key!r} of {names}; {did_you_mean(key, known)}")
    return {
        method.name: {key: given.get(key, value) for key, value in method.settings.items()}
        for method in asked
    }
