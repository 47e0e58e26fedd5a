# SPDX-License-Identifier: Apache-2.0
"""Inversion: a picture made from nothing but what one layer answers to an image, and so what that layer still knows of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.ascent import Given, Goal, distance
from pellucid.inversion.remade import Remade, RemadePictures
from pellucid.inversion.wishes import Progress, climbed_all, fitting_canvas, layers_of, wishes_of
from pellucid.models import Model, OneImage
from pellucid.records import Layer, UnitQuery

__all__ = ["Inversion", "invert"]

DEFAULTS: dict[str, Any] = {
    "steps": 192,
    "transforms": "none",
    "cooling": 1.0,
    "learning_rate": 0.06,
    "regularize": {"roughness": 0.3},
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Inversion(Remade):
    """A layer inverted.

    Parameters
    ----------
    error : how far the layer's responses to the saved picture are from those to the image, |a - b|^2 / |b|^2; None where not
        finite
    baseline : the same for the picture that the climb began with, faint noise around gray
    alike : the correlation of the picture's pixels with the image's, -1 to 1; None where one of them is of one color
    """

    error: float | None
    baseline: float | None
    alike: float | None

    @property
    def caption(self) -> str:
        return f"{self.subject}\nerror {_percent(self.error)}, start {_percent(self.baseline)}"

    def values(self) -> dict[str, Any]:
        return {
            "layer": self.subject,
            "error": self.error,
            "baseline": self.baseline,
            "alike": self.alike,
        }


def invert(
    net: Model, image: OneImage, *layers: str, progress: Progress | None = None, **asked: Any
) -> RemadePictures[Inversion]:
    """Make, from what a layer answers to an image, a picture that it answers alike; one for each layer.

    What the picture has in common with the image, the layer still knows. What it lacks, the layer has thrown away, or the climb
    has not found: a small error says that the layer cannot tell the two apart.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    image : as `models.fed_image` takes it
    layers : names; five of those before a non-linearity, from first to last, where none is named
    progress : called with (done, total, what)
    asked : what `pellucid.ascent.ClimbSettings` holds: `steps`, `size`, `canvas` (by the receptive field when left out),
        `regularize` ({} for none), `transforms`, `learning_rate`, `cooling`, `seed`, `memory`, ...; what is left out suits
        inversion

    Raises
    ------
    UnknownName : no such layer, file, or canvas
    InputError : an image that the net cannot be fed, a setting that does not exist, or a size beyond the memory

    References
    ----------
    Mahendran and Vedaldi 2015, eq. 3-6, with total variation of beta = 2. Differs: Adam with a cosine schedule, on canvases
    whose sigmoid takes the place of the alpha norm.

    Examples
    --------
    >>> import pellucid as pl
    >>> from PIL import Image
    >>> [early, late] = pl.invert("demo", Image.radial_gradient("L"), "conv1", "conv5", steps=24)
    >>> early.error < late.error < late.baseline
    True
    """
    started = time.monotonic()
    wishes = wishes_of(net, image, asked, defaults=DEFAULTS, own={}, kind="invert")
    wanted = layers_of(wishes.net, layers)
    canvases = [asked.get("canvas") or fitting_canvas(layer) for layer in wanted]
    goals = [_goal(layer, wishes.given) for layer in wanted]
    made = climbed_all(wishes, goals, canvases=canvases, progress=progress)
    pictures = [
        Inversion(
            subject=layer.name,
            error=one.activation,
            baseline=one.initial,
            alike=_alike(one.picture, wishes.original),
            **wishes.common("inversion", one, canvas=canvas),
        )
        for layer, one, canvas in zip(wanted, made, canvases, strict=True)
    ]
    return RemadePictures(pictures, time.monotonic() - started)


def _goal(layer: Layer, given: Given) -> Goal:
    return Goal(UnitQuery(layer.name), -1, distance(UnitQuery(layer.name), given))


def _alike(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float | None:
    """The correlation of two pictures' values; None where one of them is all of one color."""
    about = [each.astype(np.float64).ravel() - each.mean() for each in (first, second)]
    lengths = [float(np.linalg.norm(each)) for each in about]
    return float(about[0] @ about[1]) / (lengths[0] * lengths[1]) if min(lengths) > 0 else None


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.{0 if share >= 0.1 else 1}f} %"
