# SPDX-License-Identifier: Apache-2.0
"""Pellucid shows what a neural network has learned, and how far each picture can be trusted.

Each public name is loaded on first use, so that importing the package does not import torch.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pellucid.version import __version__

if TYPE_CHECKING:
    from pellucid.ascent import Objective as Objective
    from pellucid.ascent import channel as channel
    from pellucid.ascent import direction as direction
    from pellucid.ascent import excitation as excitation
    from pellucid.ascent import interpolation as interpolation
    from pellucid.ascent import layer as layer
    from pellucid.ascent import logit as logit
    from pellucid.ascent import neuron as neuron
    from pellucid.ascent import probability as probability
    from pellucid.attribution import attribute as attribute
    from pellucid.attribution import cascade as cascade
    from pellucid.demo import demo as demo
    from pellucid.doctor import doctor as doctor
    from pellucid.errors import PellucidError as PellucidError
    from pellucid.evidence.circuit import circuit as circuit
    from pellucid.evidence.consistency import consistency as consistency
    from pellucid.evidence.examples import examples as examples
    from pellucid.evidence.filters import filters as filters
    from pellucid.evidence.optimum import optimize as optimize
    from pellucid.evidence.removal import ablate as ablate
    from pellucid.evidence.tuning import tuning as tuning
    from pellucid.inversion import accentuate as accentuate
    from pellucid.inversion import activation_grid as activation_grid
    from pellucid.inversion import caricature as caricature
    from pellucid.inversion import invert as invert
    from pellucid.look import look as look
    from pellucid.look import look_through as look_through
    from pellucid.measure import measure as measure
    from pellucid.models import ImageInput as ImageInput
    from pellucid.models import Net as Net
    from pellucid.models import load as load
    from pellucid.respond import respond as respond
    from pellucid.store import Atlas as Atlas
    from pellucid.survey import survey as survey
    from pellucid.views import export as export
    from pellucid.views import serve as serve

_HOMES = {
    "Atlas": "pellucid.store",
    "ImageInput": "pellucid.models",
    "Net": "pellucid.models",
    "Objective": "pellucid.ascent",
    "PellucidError": "pellucid.errors",
    "ablate": "pellucid.evidence.removal",
    "accentuate": "pellucid.inversion",
    "activation_grid": "pellucid.inversion",
    "attribute": "pellucid.attribution",
    "caricature": "pellucid.inversion",
    "cascade": "pellucid.attribution",
    "channel": "pellucid.ascent",
    "circuit": "pellucid.evidence.circuit",
    "consistency": "pellucid.evidence.consistency",
    "demo": "pellucid.demo",
    "direction": "pellucid.ascent",
    "doctor": "pellucid.doctor",
    "examples": "pellucid.evidence.examples",
    "excitation": "pellucid.ascent",
    "export": "pellucid.views",
    "filters": "pellucid.evidence.filters",
    "interpolation": "pellucid.ascent",
    "invert": "pellucid.inversion",
    "layer": "pellucid.ascent",
    "load": "pellucid.models",
    "logit": "pellucid.ascent",
    "look": "pellucid.look",
    "look_through": "pellucid.look",
    "measure": "pellucid.measure",
    "neuron": "pellucid.ascent",
    "optimize": "pellucid.evidence.optimum",
    "probability": "pellucid.ascent",
    "respond": "pellucid.respond",
    "serve": "pellucid.views",
    "survey": "pellucid.survey",
    "tuning": "pellucid.evidence.tuning",
}

__all__ = [
    "Atlas",
    "ImageInput",
    "Net",
    "Objective",
    "PellucidError",
    "__version__",
    "ablate",
    "accentuate",
    "activation_grid",
    "attribute",
    "caricature",
    "cascade",
    "channel",
    "circuit",
    "consistency",
    "demo",
    "direction",
    "doctor",
    "examples",
    "excitation",
    "export",
    "filters",
    "interpolation",
    "invert",
    "layer",
    "load",
    "logit",
    "look",
    "look_through",
    "measure",
    "neuron",
    "optimize",
    "probability",
    "respond",
    "serve",
    "survey",
    "tuning",
]


class _Package(ModuleType):
    """The package itself, on which `demo`, `measure`, `survey` and others are functions and not the rooms of the same name.

    Importing a submodule sets it as an attribute of its package; here that would hide the function, so it is not done.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
