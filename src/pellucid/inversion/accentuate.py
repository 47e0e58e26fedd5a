# SPDX-License-Identifier: Apache-2.0
"""Accentuation: an image changed so that a unit answers it more strongly, and little else of it changes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import Climbed, Goal, Kept
from pellucid.errors import InputError
from pellucid.figures.words import value_words
from pellucid.inversion.remade import Remade, RemadePictures
from pellucid.inversion.wishes import Progress, Wishes, climbed_all, wishes_of
from pellucid.models import OUTPUT, Model, Net, OneImage
from pellucid.records import Layer, Unit, UnitQuery

__all__ = ["Accentuation", "accentuate"]

DEFAULTS: dict[str, Any] = {"steps": 96, "transforms": "auto", "learning_rate": 0.05, "cooling": 0.5}
SIGNS = {"+": 1, "-": -1}
# What is kept where no layer is named: the last one that sees at most this share of the image's shorter side. It knows strokes
# and textures, and so holds them in their places, without an opinion on what they make up.
KEPT_SHARE = 0.25


@dataclass(frozen=True, eq=False, kw_only=True)
class Accentuation(Remade):
    """A unit accentuated in an image.

    Parameters
    ----------
    before, after : the unit's objective on the image, and on the saved picture: its mean over positions, or its response at the
        one position or class asked
    strength, kept : how strongly which layer was kept near its responses to the image
    departed : how far that layer departed in the saved picture, relative to its responses to the image: at each position over
        all units, the mean of these over the mean length of the image's
    transparency : (H, W) float32 in 0..1, high where the unit asked for changes; None where no step had a gradient
    label : the class that the unit stands for
    """

    sign: str
    before: float | None
    after: float | None
    strength: float
    kept: str
    departed: float
    transparency: NDArray[np.float32] | None = field(default=None, repr=False)
    label: str | None = None

    @property
    def caption(self) -> str:
        known = f"{self.subject} {self.label.partition(',')[0]}" if self.label else self.subject
        change = f"{_short(self.before)} to {_short(self.after)}"
        return f"{known} {self.sign}\n{change}, {100 * self.departed:.0f} % away"

    @property
    def display(self) -> Image.Image | None:
        """The picture, transparent where the unit asked for no change; None where that is not known."""
        if self.transparency is None or self.pixels.shape[2] not in (1, 3):
            return None
        alpha = np.rint(self.transparency * 255).astype(np.uint8)
        return Image.fromarray(np.dstack([np.asarray(self.image.convert("RGB")), alpha]))

    def values(self) -> dict[str, Any]:
        names = ("sign", "before", "after", "strength", "kept", "departed")
        told = {} if self.label is None else {"label": self.label}
        return {"unit": self.subject, **told, **{name: getattr(self, name) for name in names}}


def accentuate(
    net: Model,
    image: OneImage,
    *units: str | Unit | UnitQuery,
    strength: float = 1.0,
    keep: str | None = None,
    sign: str = "+",
    progress: Progress | None = None,
    **asked: Any,
) -> RemadePictures[Accentuation]:
    """Change an image so that a unit answers it more, and a layer sees hardly a difference; one picture for each unit.

    The climb begins with the image itself. What appears is what the unit looks for, at the places where the image is nearest to
    it; where the image stays as it is, the unit has nothing to ask for.

    Parameters
    ----------
    units : as `features.7:0-15,40`, `features.7:10@center`, `logits:tabby`
    strength : how strongly the layer is kept, 0 for not at all. At 1 what the unit looks for is drawn and the image stays itself;
        from about 3 on hardly anything moves
    keep : the layer that is kept; None for the last one that sees at most a quarter of the image's side
    sign : `-` to lower the units
    asked : what `pellucid.ascent.ClimbSettings` holds

    Raises
    ------
    UnknownName : no such unit, layer or file
    InputError : no unit, an image that the net cannot be fed, or a setting that does not exist

    References
    ----------
    Hamblin et al. 2024, "Feature Accentuation: Revealing 'What' Features Respond to in Natural Images", arXiv:2402.10039.
    Differs: small shifts, turns and changes of scale instead of sixteen crops a step; the balance is struck after
    eight steps.

    Examples
    --------
    >>> import pellucid as pl
    >>> from PIL import Image
    >>> [found] = pl.accentuate("demo", Image.radial_gradient("L"), "conv5:9", steps=16)
    >>> found.after > found.before
    True
    """
    started = time.monotonic()
    if sign not in SIGNS:
        raise InputError(f"sign {sign!r}: write + or -")
    wishes = wishes_of(net, image, asked, defaults=DEFAULTS, own={}, kind="accentuate")
    seen = wishes.net
    wanted = seen.units(units)
    if not wanted:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    kept = [_kept_layer(seen, unit, keep) for unit in wanted]
    goals = [
        Goal(unit, SIGNS[sign], start=wishes.given, kept=Kept(layer.name, wishes.given, strength))
        for unit, layer in zip(wanted, kept, strict=True)
    ]
    made = climbed_all(wishes, goals, progress=progress)
    pictures = [
        Accentuation(
            subject=str(unit),
            sign=sign,
            before=one.initial,
            after=one.activation,
            strength=strength,
            kept=layer.name,
            departed=_departed(wishes, layer.name, one),
            transparency=one.transparency,
            label=_label(seen, unit),
            **wishes.common("accentuation", one, sign=sign, strength=strength, kept=layer.name),
        )
        for unit, layer, one in zip(wanted, kept, made, strict=True)
    ]
    return RemadePictures(pictures, time.monotonic() - started)


def _kept_layer(net: Net, unit: Unit, asked: str | None) -> Layer:
    """The layer that is kept for a unit: as asked, or one before the unit's that knows textures; else the unit's own."""
    if asked is not None:
        return net.layer(asked)
    most, found = KEPT_SHARE * min(net.input.size), None
    for layer in net.layers():
        if layer.name == unit.layer:
            break
        field = layer.receptive_field
        if len(layer.grid) == 2 and field is not None and len(field) == 2 and max(field) <= most:
            found = layer
    return found or net.layer(unit.layer)


def _departed(wishes: Wishes, layer: str, one: Climbed) -> float:
    """How far the layer is from its answers to the image, in their own mean length."""
    there = wishes.answers(layer)
    gap, length = (float(each.norm(dim=0).mean()) for each in (wishes.answers(layer, one) - there, there))
    return gap / length if length else gap


def _label(net: Net, unit: Unit) -> str | None:
    """The class that a unit of the output stands for."""
    return net.labels[unit.index] if net.labels is not None and unit.layer == OUTPUT else None


def _short(value: float | None) -> str:
    return value_words(None if value is None else float(f"{value:.3g}"))
