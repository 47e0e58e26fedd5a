# SPDX-License-Identifier: Apache-2.0
"""What is asked of a picture to be remade: the image as it is fed, settings completed, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.ascent import Climbed, ClimbSettings, Given, Goal, climbs, picture_size
from pellucid.ascent.pictures import fed
from pellucid.errors import InputError
from pellucid.evidence.climbing import climb_settings, completed
from pellucid.models import Model, Net, OneImage, channels_together, fed_image, opened, tap
from pellucid.records import Layer, Provenance

__all__ = ["Progress", "Wishes", "climbed_all", "fitting_canvas", "layers_of", "wishes_of"]

# Up to this receptive field, in pixels, colors and details are what a layer knows, and the pyramid finds them in fewer steps;
# behind it large shapes are, which the Fourier canvas moves first.
FINE_FIELD = 64
# Settings of other climbs, which these have only where they say so.
UNSAID = ("sign", "objective", "pictures")
# Layers shown where none is named.
UNASKED = 5
# Called with (done, total, what).
Progress = Callable[[int, int, str], object]


@dataclass(frozen=True, eq=False)
class Wishes:
    """An image, a net, and how to climb.

    Parameters
    ----------
    given : the image as the net is fed it
    original : (H, W, C) uint8, the same
    settings : complete, as JSON values
    climbing : those of the climb
    """

    net: Net
    given: Given
    original: NDArray[np.uint8]
    settings: Mapping[str, Any]
    climbing: ClimbSettings

    def provenance(self, method: str, one: Climbed, **changed: Any) -> Provenance:
        """Where one picture comes from."""
        made_with = {
            **self.settings,
            "size": list(one.picture.shape[:2]),
            "steps": len(one.history),
            "image": self.given.digest,
            "objective": str(one.goal.aim),
            **changed,
        }
        if one.precision != self.settings.get("precision", one.precision):
            made_with |= {"precision": one.precision}
        if one.micro_batch is not None:
            made_with |= {"micro_batch": one.micro_batch, "note": "memory ran out: not bit-reproducible"}
        net, seed = self.net, self.settings["seed"]
        versions = net.card()["versions"]
        return Provenance(net.name, net.weights_digest, method, made_with, seed, versions, str(one.goal.unit))

    def answers(self, layer: str, made: Climbed | None = None) -> Tensor:
        """What a layer answers to the saved picture, or to the image where none is given: (K, P) float64."""
        if made is None:
            pixels = torch.from_numpy(self.given.pixels)[None]
        else:
            pixels = fed(made.picture[None])
        with tap(self.net, [layer]) as tapped:
            run = channels_together(self.net, [layer], tapped)
            found = run(pixels.to(self.net.device))[layer][0]
        return found.cpu().double().reshape(len(found), -1)

    def common(self, method: str, one: Climbed, **changed: Any) -> dict[str, Any]:
        """What every remade picture has."""
        return {
            "pixels": one.picture,
            "original": self.original,
            "history": tuple(float(value) for value in one.history),
            "seconds": one.seconds,
            "seed": self.settings["seed"],
            "clipped": one.clipped,
            "diagnosis": one.diagnosis,
            "advice": one.advice,
            "provenance": self.provenance(method, one, **changed),
            "micro_batch": one.micro_batch,
        }


def wishes_of(
    net: Model,
    image: OneImage,
    asked: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any],
    own: Mapping[str, Any],
    kind: str,
) -> Wishes:
    """The image in the size asked, and complete settings: those asked, else `defaults`, else those of any climb.

    Parameters
    ----------
    own : settings that are the kind's and not the climb's, with their defaults; `sign` is one of them

    Raises
    ------
    InputError : a setting that does not exist, a size that the net does not accept, or an image that it cannot be fed
    """
    seen = opened(net)
    refused = [name for name in ("sign", "objective") if name in asked and name not in own]
    if refused:
        raise InputError(f"{kind} has no setting {refused[0]!r}; what is climbed is told by its name")
    wanted = {**defaults, **{name: value for name, value in asked.items() if value is not None}}
    settings = completed(seen, wanted, {"sign": "+", "objective": None, **own}, kind)
    size = None if settings["size"] is None else (settings["size"][0], settings["size"][1])
    one = fed_image(image, seen, None if size is None else picture_size(seen, ["logits"], size))
    given = Given(one.pixels.numpy())
    kept = {name: value for name, value in settings.items() if name in own or name not in UNSAID}
    climbing = replace(climb_settings(settings, wanted), size=given.size)
    original = np.rint(one.values * 255).astype(np.uint8)
    return Wishes(seen, given, original, kept, climbing)


def layers_of(net: Net, names: Sequence[str]) -> list[Layer]:
    """The layers of these names, each once; where none is named, five of those before a non-linearity, from first to last.

    Raises
    ------
    UnknownName : no such layer
    """
    if names:
        return list({layer.name: layer for layer in map(net.layer, names)}.values())
    there = net.default_layers()
    places = sorted({round(place) for place in np.linspace(0, len(there) - 1, UNASKED)})
    return [there[place] for place in places]


def fitting_canvas(layer: Layer) -> str:
    """The pyramid for a layer that sees colors and details only, Fourier's canvas for one that sees more."""
    field = layer.receptive_field
    fine = field is not None and len(field) == 2 and max(field) <= FINE_FIELD
    return "pyramid" if fine else "fourier"


def climbed_all(
    wishes: Wishes, goals: Sequence[Goal], *, canvases: Sequence[str] | None = None, progress: Progress | None
) -> list[Climbed]:
    """A picture for each goal, in their order; on a canvas of its own each where `canvases` names them."""
    names = canvases or [wishes.climbing.canvas] * len(goals)
    found: dict[int, Climbed] = {}
    told = progress or _nobody
    told(0, len(goals), "pictures")
    for name in dict.fromkeys(names):
        places = [place for place, canvas in enumerate(names) if canvas == name]
        climbing, chosen = replace(wishes.climbing, canvas=name), [goals[place] for place in places]
        for batch, made in climbs(wishes.net, chosen, climbing, on_step=lambda at, of: told(at, of, "steps")):
            found.update((places[at], one) for at, one in zip(batch.places, made, strict=True))
            told(len(found), len(goals), "pictures")
    return [found[place] for place in range(len(goals))]


def _nobody(done: int, total: int, what: str) -> None:
    """Where no progress is asked for."""
