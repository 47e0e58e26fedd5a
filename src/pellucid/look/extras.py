# SPDX-License-Identifier: Apache-2.0
"""What is made beside a look when it is asked for: layers inverted and caricatured, units accentuated, cells as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.figures import Figure, Number, Picture
from pellucid.inversion import accentuate, activation_grid, caricature, invert
from pellucid.models import FedImage, Net
from pellucid.records import Unit

__all__ = ["EXTRAS", "Extra", "check_extras", "extras_of"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Extra:
    """Pictures under a title, with one sentence on what to look at and how it can mislead."""

    name: str
    title: str
    note: str
    figures: Mapping[str, Figure] = field(repr=False)
    numbers: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What all kinds of extras go by."""

    net: Net
    image: FedImage
    layers: Sequence[str]
    unit: Unit | None
    grid: str | None
    seed: int
    progress: Progress | None

    @property
    def original(self) -> Picture:
        return Picture.of(self.image.picture, {}, alt=f"{self.image.name} as the net is fed it")


def _inversion(asked: _Asked) -> Extra:
    made = invert(asked.net, asked.image.pixels, *asked.layers, seed=asked.seed, progress=asked.progress)
    return Extra(
        "inversion",
        "What layers still know",
        "Each picture is made from one layer's answers alone until the layer answers it as it answers the photograph. What they "
        "share the layer still knows; what is missing it has thrown away, or the climb has not found.",
        {"photograph": asked.original, **_pictures(made)},
        made.to_json(),
    )


def _caricature(asked: _Asked) -> Extra:
    made = caricature(asked.net, asked.image.pixels, *asked.layers, seed=asked.seed, progress=asked.progress)
    return Extra(
        "caricature",
        "More of what layers see",
        "Each picture is climbed until a layer answers as to the photograph, only more so. It is exaggerated on purpose: that a "
        "layer sees eyes in it does not mean that the photograph has some.",
        {"photograph": asked.original, **_pictures(made)},
        made.to_json(),
    )


def _accentuation(asked: _Asked) -> Extra:
    if asked.unit is None:
        raise InputError(
            "an accentuation is of one unit; name it with --aim, as features.7:42 or logits:LABEL"
        )
    made = accentuate(asked.net, asked.image.pixels, asked.unit, seed=asked.seed, progress=asked.progress)
    return Extra(
        "accentuation",
        f"The photograph as {asked.unit} would have it",
        "The photograph is changed so that the unit answers more, and an earlier layer hardly sees a difference. What appears is "
        "what the unit looks for, where the photograph is nearest to it; it was not there.",
        {"photograph": asked.original, **_pictures(made)},
        made.to_json(),
    )


def _grid(asked: _Asked) -> Extra:
    if asked.grid is None:
        raise InputError(
            f"no layer of {asked.net.name} has rows of positions, of which a grid of pictures could be made"
        )
    made = activation_grid(
        asked.net, asked.image.pixels, asked.grid, seed=asked.seed, progress=asked.progress
    )
    alt = f"{made.shape[0]} by {made.shape[1]} cells of {made.layer}, each one's responses made a picture"
    return Extra(
        "grid",
        f"What {made.layer} sees at each spot",
        "Each tile is made from all that the layer answers at its cell, and so shows what units say together. Tiles are alike "
        "where the answers are; how strong an answer is they do not show.",
        {
            "photograph": asked.original,
            "grid": Picture.of(made.picture, made.provenance.to_json(), alt=alt),
        },
        made.to_json(),
    )


def _pictures(made: Any) -> dict[str, Figure]:
    """Each remade picture under its subject, with what was reached."""
    figures: dict[str, Figure] = {}
    for one in made:
        subject, *said = one.caption.split("\n")
        figures[subject] = Picture.of(
            one.image, one.provenance.to_json(), alt=f"{one.provenance.method} of {subject}"
        )
        figures[f"reached_{subject}"] = Number("; ".join(said), "")
    return figures


EXTRAS: Mapping[str, Callable[[_Asked], Extra]] = {
    "inversion": _inversion,
    "caricature": _caricature,
    "accentuation": _accentuation,
    "grid": _grid,
}


def check_extras(names: Sequence[str]) -> None:
    """Refuse names of extras that do not exist, before anything long is done.

    Raises
    ------
    UnknownName : no such extra
    """
    for name in names:
        if name not in EXTRAS:
            raise UnknownName(f"nothing called {name!r} can be made beside; {did_you_mean(name, EXTRAS, 4)}")


def extras_of(
    net: Net,
    image: FedImage,
    names: Sequence[str],
    *,
    layers: Sequence[str] | None,
    unit: Unit | None,
    grid: str | None,
    seed: int,
    progress: Progress | None,
) -> tuple[Extra, ...]:
    """The extras of these names, in the order asked; `unit` is accentuated, of the layer `grid` a grid is made."""
    check_extras(names)
    asked = _Asked(net, image, tuple(layers or ()), unit, grid, seed, progress)
    return tuple(EXTRAS[name](asked) for name in dict.fromkeys(names))
