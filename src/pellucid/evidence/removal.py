# SPDX-License-Identifier: Apache-2.0
"""Removing units: every item is run with them and without, and what changed is told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pellucid.circuits import Clamps, Effect, Measured, effects, mean_responses, wiring
from pellucid.data import PREVIEW_MIME, Data, Previews, Source, open_source, sampled
from pellucid.errors import InputError
from pellucid.evidence.connections import split_by_sign
from pellucid.evidence.job import Progress
from pellucid.evidence.without import Ablation, Ablations
from pellucid.figures import Blob, Item, Items
from pellucid.models import OUTPUT, Model, Net, opened
from pellucid.records import Provenance, Unit, UnitQuery

__all__ = ["ablate", "ablations", "clamps_of", "layers_above"]

SHOWN_OUTPUTS, SHOWN_ITEMS, SHOWN_UNITS = 5, 9, 8
LARGEST = float(np.finfo(np.float32).max)


def ablate(
    net: Model,
    data: Data,
    *units: str | Unit | UnitQuery,
    value: float | str = 0.0,
    together: bool = True,
    sample: int | None = None,
    seed: int = 0,
    batch: int = 16,
    progress: Progress | None = None,
) -> Ablations:
    """Remove units, or hold them at a value, and see what changes over data: the outputs, the accuracy, the units above.

    A unit is held as its layer returns it, at every position (or at the one it names): at 0, a convolution's unit is as if its
    weights and bias were zero. A layer that ends in its ReLU is held behind it.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    data : a folder of images, an archive, an array, a dataset, or `demo`. Accuracy takes data with classes that are called as
        the net's labels are
    units : as `features.7:0-15,40`, `features.7:3@center`; a bare layer means all its units
    value : a number, or `mean`: each unit at its own mean response over the same items
    together : all units at once; else one after the other
    sample : how many items, drawn by `seed`; all when left out
    batch : items that run together; another size changes the last bits of responses
    progress : called with (done, total, what)

    Raises
    ------
    UnknownName : no such layer, unit or data
    InputError : a value that is neither a number nor `mean`
    NoItems : nothing in the data could be read

    Examples
    --------
    >>> import pellucid as pl
    >>> [one] = pl.ablate("demo", "demo", "conv5:9", sample=32)  # doctest: +SKIP
    >>> one.accuracy, one.accuracy_without  # doctest: +SKIP
    (0.84375, 0.8125)
    """
    started = time.monotonic()
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    source = sampled(open_source(data), sample, seed)
    sets = [chosen] if together else [[unit] for unit in chosen]
    how = {"value": value, "sample": sample, "seed": seed, "batch": batch, "listing": source.listing_digest}
    made, measured = ablations(seen, source, sets, value, how, seed=seed, batch=batch, progress=progress)
    skipped = [(source.names[row], reason) for row, reason in measured.skipped]
    seconds = time.monotonic() - started
    return Ablations(made, len(measured.rows), int(measured.known.sum()), skipped, seconds)


def ablations(
    net: Net,
    source: Source,
    sets: Sequence[Sequence[Unit]],
    value: float | str,
    how: dict[str, Any],
    *,
    seed: int,
    batch: int,
    progress: Progress | None = None,
) -> tuple[list[Ablation], Measured]:
    """The ablation of each set of units over all items of a source; `how` goes into the provenance."""

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(done, total, "passes")

    clamped = clamps_of(net, source, sets, value, batch)
    above = layers_above(net, {unit.layer for some in sets for unit in some})
    measured = effects(net, source, clamped, above=above, batch=batch, on_batch=report)
    previews = Previews(source, net.input.recipe)
    versions = net.card()["versions"]
    made = []
    for effect in measured.effects:
        named = ", ".join(str(unit) for unit in effect.clamps)
        stamp = Provenance(net.name, net.weights_digest, "ablation", how, seed, versions, named)
        made.append(_ablation(net, source, measured, effect, previews, stamp))
    return made, measured


def layers_above(net: Net, layers: Iterable[str]) -> tuple[str, ...]:
    """The layers before the next non-linearities that any of these feed, or that the layers feed which these rectify.

    Without the outputs, of which more is told than of any other layer.
    """
    plain: list[str] = []
    for name in layers:
        layer = net.layer(name)
        plain += layer.fed_by if layer.rectified and layer.fed_by else (layer.name,)
    fed = {each for name in plain for each in wiring(net, name).above([name])}
    return tuple(name for name in net.trace.calls if name in fed and name not in plain and name != OUTPUT)


def clamps_of(
    net: Net, source: Source, sets: Sequence[Sequence[Unit]], value: float | str, batch: int
) -> list[Clamps]:
    """What each unit of each set is held at."""
    if value == "mean":
        layers = list(dict.fromkeys(unit.layer for some in sets for unit in some))
        means = mean_responses(net, source, layers, batch)
        return [{unit: float(means[unit.layer][unit.index]) for unit in some} for some in sets]
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise InputError(f"value {value!r}: write a number, as 0, or mean")
    if abs(number) > LARGEST:
        raise InputError(f"value {value!r}: no response in float32 is so far from 0; write a smaller number")
    return [dict.fromkeys(some, number) for some in sets]


def _ablation(
    net: Net, source: Source, measured: Measured, effect: Effect, previews: Previews, stamp: Provenance
) -> Ablation:
    change = np.where(np.isfinite(effect.after), effect.after, effect.before) - effect.before
    order = np.argsort(change, kind="stable")
    before, after = effect.firsts

    def outputs(places: Iterable[int], sign: int) -> tuple[tuple[str, float, float], ...]:
        return tuple(
            (_output(net, int(place)), float(effect.before[place]), float(effect.after[place]))
            for place in places
            if change[place] * sign > 0
        )

    rows = [
        (name, int(unit), float(mean[unit]), None)
        for name, (changes, _) in effect.above.items()
        for mean in [np.where(np.isfinite(changes), changes, 0)]
        for unit in np.argsort(-np.abs(mean), kind="stable")[: 4 * SHOWN_UNITS]
    ]
    return Ablation(
        tuple(effect.clamps),
        tuple(effect.clamps.values()),
        outputs(order[:SHOWN_OUTPUTS], -1),
        outputs(order[::-1][:SHOWN_OUTPUTS], 1),
        float((before != after).mean()),
        measured.accuracy(before),
        measured.accuracy(after),
        split_by_sign(rows, SHOWN_UNITS),
        _worst(source, measured, effect, previews),
        stamp,
        effect.nonfinite,
    )


def _output(net: Net, place: int) -> str:
    return net.labels[place] if net.labels is not None and place < len(net.labels) else f"logits:{place}"


def _worst(source: Source, measured: Measured, effect: Effect, previews: Previews) -> Items:
    """The items whose first output fell most, with the change as response."""
    drops = np.where(np.isfinite(effect.drops), effect.drops, 0)
    order = np.argsort(-drops, kind="stable")[:SHOWN_ITEMS]
    falling = [int(place) for place in order if drops[place] > 0]
    shown = previews.of([int(measured.rows[place]) for place in falling])
    items = []
    for place in falling:
        row = int(measured.rows[place])
        one = shown[row]
        width, height = (0, 0) if one.placement is None else one.placement.item
        preview = None if one.preview is None else Blob.of(one.preview, PREVIEW_MIME)
        items.append(Item(source.names[row], -float(drops[place]), (), None, width, height, preview))
    return Items(tuple(items))
