# SPDX-License-Identifier: Apache-2.0
"""Caricature: more of everything that a layer sees in an image."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pellucid.ascent import Goal, likeness
from pellucid.figures.words import value_words
from pellucid.inversion.remade import Remade, RemadePictures
from pellucid.inversion.wishes import Progress, climbed_all, layers_of, wishes_of
from pellucid.models import Model, OneImage
from pellucid.records import UnitQuery

__all__ = ["Caricature", "caricature"]

DEFAULTS: dict[str, Any] = {
    "steps": 128,
    "transforms": "auto",
    "learning_rate": 0.06,
    "cooling": 1.0,
    "regularize": {"roughness": 1.0},
}
POWER = 2.0
LEAST_COSINE = 0.1  # lucid's


@dataclass(frozen=True, eq=False, kw_only=True)
class Caricature(Remade):
    """A layer's caricature of an image.

    Parameters
    ----------
    dot, dot_image : <a, b> per position, of the layer's responses a to the saved picture and b to the image; and <b, b>
    cosine, cosine_image : of the same, over all units and positions; 1 for the image itself
    value, value_image : what was climbed, dot times max(0.1, cosine)^power
    """

    power: float
    dot: float
    dot_image: float
    cosine: float
    cosine_image: float
    value: float
    value_image: float

    @property
    def caption(self) -> str:
        times = f"{value_words(float(f'{self.dot / self.dot_image:.3g}'))} x" if self.dot_image else "none"
        return f"{self.subject}\n{times} the image, cosine {self.cosine:.2f}"

    def values(self) -> dict[str, Any]:
        names = ("power", "dot", "dot_image", "cosine", "cosine_image", "value", "value_image")
        return {"layer": self.subject, **{name: getattr(self, name) for name in names}}


def caricature(
    net: Model,
    image: OneImage,
    *layers: str,
    power: float = POWER,
    progress: Progress | None = None,
    **asked: Any,
) -> RemadePictures[Caricature]:
    """Make a picture to which a layer answers as to the image, only more so; one for each layer.

    It begins with noise, not with the image, and raises how far the layer's responses point along those to the image, both seen
    through the same random transforms. What the layer sees comes out exaggerated; what it does not see is not there.

    Parameters
    ----------
    layers : names; five of those before a non-linearity where none is named
    power : of the cosine: 0 asks for strength alone, a higher one for the image's proportions
    asked : what `pellucid.ascent.ClimbSettings` holds

    Raises
    ------
    UnknownName : no such layer or file
    InputError : an image that the net cannot be fed, or a setting that does not exist

    References
    ----------
    lucid, notebook "Feature inversion / caricatures" (Olah, Mordvintsev, Schubert). Differs: the cosine has both norms, and
    products are per position.

    Examples
    --------
    >>> import pellucid as pl
    >>> from PIL import Image
    >>> [found] = pl.caricature("demo", Image.radial_gradient("L"), "conv3", steps=24)
    >>> found.dot > 0 and -1 <= found.cosine <= 1
    True
    """
    started = time.monotonic()
    wishes = wishes_of(net, image, asked, defaults=DEFAULTS, own={}, kind="caricature")
    wanted = layers_of(wishes.net, layers)
    goals = [
        Goal(UnitQuery(each.name), 1, likeness(UnitQuery(each.name), wishes.given, power=power))
        for each in wanted
    ]
    made = climbed_all(wishes, goals, progress=progress)
    pictures = []
    for layer, one in zip(wanted, made, strict=True):
        to_image = wishes.answers(layer.name)
        here, there = (
            _measured(each, to_image, power) for each in (wishes.answers(layer.name, one), to_image)
        )
        pictures.append(
            Caricature(
                subject=layer.name,
                power=power,
                dot=here[0],
                dot_image=there[0],
                cosine=here[1],
                cosine_image=there[1],
                value=here[2],
                value_image=there[2],
                **wishes.common("caricature", one, power=power),
            )
        )
    return RemadePictures(pictures, time.monotonic() - started)


def _measured(here: Tensor, there: Tensor, power: float) -> tuple[float, float, float]:
    """Product per position, cosine, and what is climbed, of responses (K, P)."""
    dot, lengths = float((here * there).sum()), float(here.norm() * there.norm())
    cosine = dot / lengths if lengths else 0.0
    each = dot / here.shape[1]
    return each, cosine, each * max(LEAST_COSINE, cosine) ** power
