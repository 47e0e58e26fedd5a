# SPDX-License-Identifier: Apache-2.0
"""`look`: one image through one net, and what in it excites what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.attribution import DEFAULT_METHODS, Aim, Attribution, attribute
from pellucid.attribution.method import asked_methods
from pellucid.errors import InputError
from pellucid.look.cells import SHOWN
from pellucid.look.choice import chosen_layers, grouped_layers, telling_layer
from pellucid.look.dictionary import Dictionary
from pellucid.look.extras import check_extras, extras_of
from pellucid.look.groups import Group, groups_of
from pellucid.look.layer_look import LayerLook
from pellucid.look.outputs import outputs_of
from pellucid.look.value import Look
from pellucid.models import OUTPUT, FedImage, Model, Net, OneImage, Places, fed_image, opened, tap
from pellucid.models.enlarged import checked_size
from pellucid.records import Layer, Provenance, Unit
from pellucid.store import Atlas

__all__ = ["USUAL_METHODS", "look", "opened_dictionary", "responses"]

Progress = Callable[[int, int, str], None]

GROUPS = 6  # as in Olah et al. 2018
USUAL_METHODS = DEFAULT_METHODS


def look(
    net: Model,
    image: OneImage | FedImage,
    *,
    layers: Sequence[str] | None = None,
    atlas: str | Path | Atlas | Dictionary | None = None,
    aim: str | Unit | Aim | None = None,
    methods: Sequence[str] = USUAL_METHODS,
    groups: int = GROUPS,
    cells: int = SHOWN,
    faithfulness: bool = False,
    also: Sequence[str] = (),
    units: Sequence[str] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> Look:
    """Look at an image of your own through a net: where each unit fires, what fires at each spot, and what the output rests on.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    image : a file, a picture, an array (H, W, C) or a tensor (C, H, W); files and pictures go through the net's recipe
    layers : by name; left out, the layers before each non-linearity that have positions
    atlas : of the same net, as `survey` makes it: gives each unit its picture, and tells how rare a response is
    aim : what is attributed: a unit as `features.7:42`, a class as `logits:tabby`, or a difference as `logits:3 - logits:7`;
        left out, the class of the largest output
    methods : of attribution, by name; none where empty
    groups : how many groups of units that fire together; of the layers asked, else of the last one; 0 for none
    cells : how many units are listed at each cell
    faithfulness : whether insertion and deletion curves are measured for each attribution, which takes longer than all the rest
    also : what is made beside, which takes longer: `inversion` and `caricature` of layers, `accentuation` of the aim in the
        image, `grid` (each cell's responses as a picture)
    units : drawn large as heat map and as mask, as `features.7:42,99`
    seed : of what is random
    progress : called with (done, total, what)

    Returns
    -------
    Look: `.layers[0].maps` are the responses, `.layers[0].tops` the units at each cell, `.attributions`, `.outputs`; it shows
        itself in notebooks, and `.save(folder)` writes the report, its figures, and all numbers

    Raises
    ------
    UnknownName : no such file, layer, unit, label or method
    InputError : a layer without positions, an image without the net's channels, an atlas of another network, an image smaller
        than what a unit of any layer looked at sees
    MissingExtra : groups without scikit-learn

    References
    ----------
    Olah et al. 2018, The building blocks of interpretability (semantic dictionary, neuron groups).

    Examples
    --------
    >>> from PIL import Image
    >>> found = look("demo", Image.new("RGB", (96, 96), "red"), layers=["conv2"], methods=(), groups=0)
    >>> found.layers[0].layer.name, found.layers[0].tops.units.shape
    ('conv2', (576, 4))
    """
    started = time.monotonic()
    seen = opened(net)
    fed = image if isinstance(image, FedImage) else fed_image(image, seen)
    dictionary = opened_dictionary(atlas, seen)
    chosen = chosen_layers(seen, layers)
    small = checked_size(fed, [layer for layer, _ in chosen])
    # What is misspelled is told before anything long is done.
    _check_counts(groups, cells)
    check_extras(also)
    if methods:
        asked_methods(methods)
    wanted = None if aim is None else Aim.of(aim).on(seen)
    large = _large(seen, units, [layer.name for layer, _ in chosen])
    say = progress or (lambda done, total, what: None)
    maps, output = responses(seen, fed, [layer for layer, _ in chosen])
    say(1, 1, "responses")
    grouped = grouped_layers(seen, chosen, asked=layers is not None) if groups else frozenset()
    # Not beside one another: a thread that reads an atlas makes torch's own threads wait for one another.
    attributions = _attributions(
        seen, fed, wanted, methods, {"faithfulness": faithfulness, "seed": seed, "progress": progress}
    )
    found = []
    for turn, (layer, places) in enumerate(chosen):
        made = _groups(maps[layer.name], places, groups, seed) if layer.name in grouped else ()
        entries = {} if dictionary is None else dictionary.entries(layer.name)
        found.append(LayerLook(layer, maps[layer.name], places, entries, made, cells))
        say(turn + 1, len(chosen), "layers")
    return Look(
        net=seen.name,
        image=fed,
        layers=tuple(found),
        outputs=() if output is None else outputs_of(output, seen.labels),
        attributions=attributions,
        dictionary=dictionary,
        notes=(*([small] if small else []), *_notes(maps, found, dictionary, groups)),
        provenance=Provenance(
            seen.name,
            seen.weights_digest,
            "look",
            {
                "image": fed.name,
                "layers": [layer.name for layer, _ in chosen],
                "aim": None if aim is None else str(aim),
                "methods": list(methods),
                "groups": groups,
                "cells": cells,
                "atlas": None if dictionary is None else dictionary.atlas.path.name,
            },
            seed,
            seen.card()["versions"],
        ),
        labels=seen.labels,
        units=large,
        extras=extras_of(
            seen,
            fed,
            also,
            layers=layers,
            unit=_accentuated(wanted, output),
            grid=telling_layer(seen, chosen),
            seed=seed,
            progress=progress,
        ),
        seconds=time.monotonic() - started,
    )


def opened_dictionary(atlas: str | Path | Atlas | Dictionary | None, net: Net) -> Dictionary | None:
    """The dictionary in an atlas, however it was named."""
    if atlas is None or isinstance(atlas, Dictionary):
        return atlas
    return Dictionary(atlas, net) if isinstance(atlas, Atlas) else Dictionary.open(atlas, net)


def responses(
    net: Net, image: FedImage, layers: Iterable[Layer]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32] | None]:
    """{layer: (K, P) float32}, from one pass, and the outputs (K,) of a net without positions at its end.

    Examples
    --------
    >>> from pellucid.models import load
    >>> net = load("demo")
    >>> maps, output = responses(net, fed_image(np.zeros((96, 96, 3)), net), [net.layer("conv1")])
    >>> maps["conv1"].shape, len(output)
    ((40, 2304), 14)
    """
    names = [layer.name for layer in layers]
    with tap(net, [*names, OUTPUT]) as run:
        read = run(image.pixels[None])
    arrays = {name: each[0].detach().cpu().numpy() for name, each in read.items()}
    output = arrays[OUTPUT]
    maps = {name: np.ascontiguousarray(arrays[name].reshape(len(arrays[name]), -1)) for name in names}
    return maps, output if output.ndim == 1 else None


def _groups(maps: NDArray[np.float32], places: Places, count: int, seed: int) -> tuple[Group, ...]:
    x = (places.own[:, 0] + places.own[:, 2]) / 2
    return groups_of(maps, x, count, seed)


def _notes(
    maps: Mapping[str, NDArray[np.float32]],
    layers: Sequence[LayerLook],
    dictionary: Dictionary | None,
    groups: int,
) -> tuple[str, ...]:
    """What a reader should know about this look."""
    notes: list[str] = []
    names = [one.layer.name for one in layers]
    silent = [
        name for name in names if maps[name].shape[1] > 1 and not (np.ptp(maps[name], axis=1) > 0).any()
    ]
    if silent:
        every = (
            "no unit of any layer looked at" if len(silent) == len(names) else f"no unit of {_some(silent)}"
        )
        notes.append(
            f"{every} answers unlike from place to place: their maps are flat, and nothing here tells of the image"
        )
    fewer = [one for one in layers if one.groups and len(one.groups) < groups]
    if fewer:
        made = ", ".join(f"{one.layer.name} has {len(one.groups)}" for one in fewer[:3])
        notes.append(
            f"{groups} groups were asked; a layer has no more than it has cells or units that fire: {made}"
        )
    if dictionary is not None:
        unknown = [name for name in names if not dictionary.entries(name)]
        bare = [name for name in names if name not in unknown and not dictionary.has_statistics(name)]
        if unknown:
            notes.append(
                f"{dictionary.atlas.path.name} knows nothing of {_some(unknown)}: their units have no pictures here"
            )
        if bare:
            notes.append(
                f"{dictionary.atlas.path.name} has no statistics of {_some(bare)}: how rare a response is cannot be told; "
                "`pellucid survey --evidence examples` into the same file adds them"
            )
    shifted = [
        one.layer.name for one in layers if one.groups and not one.layer.rectified and one.maps.min() < 0
    ]
    if shifted:
        notes.append(f"for the groups of {_some(shifted)} negative responses count as none, as behind a ReLU")
    return tuple(notes)


def _some(names: Sequence[str]) -> str:
    """Names, the first few."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _check_counts(groups: int, cells: int) -> None:
    if groups < 0:
        raise InputError(f"{groups} groups were asked; 0 makes none, 6 are usual")
    if cells < 1:
        raise InputError(f"{cells} units of each cell were asked; there is one at least")


def _large(net: Net, units: Sequence[str], layers: Sequence[str]) -> tuple[Unit, ...]:
    """The units that are drawn large, which must be of layers looked at."""
    found = tuple(net.units(units)) if units else ()
    for unit in found:
        if unit.layer not in layers:
            raise InputError(
                f"{unit} is of a layer that is not looked at; add it to --layers {','.join(layers[:2])},..."
            )
    return found


def _accentuated(aim: Aim | None, outputs: NDArray[np.float32] | None) -> Unit | None:
    """The unit that is accentuated: the first that the aim counts up; the class of the largest output where there is no aim."""
    if aim is None:
        return None if outputs is None else Unit(OUTPUT, int(np.argmax(outputs)))
    units = [part.unit for part in aim.parts if part.weight > 0]
    return next((unit for unit in units if isinstance(unit, Unit)), None)


def _attributions(
    net: Net,
    image: FedImage,
    aim: str | Unit | Aim | None,
    methods: Sequence[str],
    settings: Mapping[str, Any],
) -> tuple[Attribution, ...]:
    """What the attribution methods say."""
    return attribute(net, image.pixels, aim, methods=methods, **settings) if methods else ()
