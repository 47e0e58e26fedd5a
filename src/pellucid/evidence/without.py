# SPDX-License-Identifier: Apache-2.0
"""Ablations as values: what changes over data where units are held at a value."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from pellucid.circuits import Clamps, Effect, Measured, effects, mean_responses, wiring
from pellucid.data import PREVIEW_MIME, Data, Previews, Source, open_source, sampled
from pellucid.errors import InputError
from pellucid.evidence.connections import Sided, split_by_sign
from pellucid.evidence.job import Progress
from pellucid.figures import Blob, Figure, Item, Items, Number, Partners, Table
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import stacked
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.models import OUTPUT, Model, Net, opened
from pellucid.records import Provenance, Unit, UnitQuery

__all__ = ["Ablation", "Ablations", "ablate", "ablations", "clamps_of", "layers_above"]

SHOWN_OUTPUTS, SHOWN_ITEMS, SHOWN_UNITS = 5, 9, 8


@dataclass(frozen=True, eq=False)
class Ablation:
    """What one set of units is to the outputs.

    Parameters
    ----------
    units : the set; `held` what each was held at
    lowered, raised : (output, before, after) of those whose mean fell or rose most without the units
    flipped : the share of items whose first output is another one, in 0..1
    accuracy, accuracy_without : shares in 0..1 of the items of known class; None where no class of the data is an output
    above : the units above whose mean response fell or rose most
    worst : the items whose first output fell most
    """

    units: tuple[Unit, ...]
    held: tuple[float, ...]
    lowered: tuple[tuple[str, float, float], ...]
    raised: tuple[tuple[str, float, float], ...]
    flipped: float
    accuracy: float | None
    accuracy_without: float | None
    above: Sided
    worst: Items
    provenance: Provenance = field(repr=False)

    @property
    def name(self) -> str:
        """The units as a person would write them."""
        few = ", ".join(map(str, self.units[:3]))
        return few if len(self.units) <= 3 else f"{few} and {len(self.units) - 3} more"

    def to_json(self) -> dict[str, Any]:
        def outputs(rows: Sequence[tuple[str, float, float]]) -> list[dict[str, Any]]:
            return [{"output": name, "before": before, "after": after} for name, before, after in rows]

        return {
            "units": [str(unit) for unit in self.units],
            "held_at": list(self.held),
            "lowered": outputs(self.lowered),
            "raised": outputs(self.raised),
            "flipped": self.flipped,
            "accuracy": self.accuracy,
            "accuracy_without": self.accuracy_without,
            "above": self.above.to_json(),
            "items": [{"item": item.name, "change": item.response} for item in self.worst.items],
        }

    def figures(self) -> dict[str, Figure]:
        """All of it as figures, by the names that a page shows."""
        columns = ("output", "mean before", "without", "change")
        figures: dict[str, Figure] = {
            "lowered": Table(columns, tuple((*row, row[2] - row[1]) for row in self.lowered)),
            "raised": Table(columns, tuple((*row, row[2] - row[1]) for row in self.raised)),
            "flipped": Number(round(100 * self.flipped, 2), "items named otherwise", "%"),
            "items": Items(self.worst.items),
        }
        if self.above.positive or self.above.negative:
            figures["above_lowered"] = Partners(self.above.negative, "change of the mean response")
            figures["above_raised"] = Partners(self.above.positive, "change of the mean response")
        if self.accuracy is not None and self.accuracy_without is not None:
            figures["accuracy"] = Number(round(100 * self.accuracy, 2), "named right", "%")
            figures["accuracy_without"] = Number(
                round(100 * self.accuracy_without, 2), "named right without it", "%"
            )
        return figures

    def plot(self) -> Image.Image:
        """The items that lose most, and the units above that change most, on one sheet."""
        right = (
            ""
            if self.accuracy is None
            else f", right {_percent(self.accuracy)} > {_percent(self.accuracy_without)}"
        )
        title = f"Without {self.name}: {_percent(self.flipped)} of items named otherwise{right}"
        sheets = [self.worst.sheet(title) if self.worst.items else Partners((), title).sheet()]
        for word, partners in (("lowered", self.above.negative), ("raised", self.above.positive)):
            if partners:
                sheets.append(Partners(partners, f"units above, {word}").sheet())
        return stacked(sheets)

    def png(self) -> bytes:
        """The sheet as a PNG that carries its provenance."""
        return write_png(self.plot(), self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the sheet as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def _repr_png_(self) -> bytes:
        return self.png()


class Ablations(Sequence[Ablation]):
    """Several ablations over the same items: `items` of them, `known` of known class, and the `skipped` ones with reasons."""

    def __init__(
        self,
        made: Iterable[Ablation],
        items: int,
        known: int,
        skipped: Sequence[tuple[str, str]],
        seconds: float,
    ) -> None:
        self._made = tuple(made)
        self.items, self.known, self.skipped, self.seconds = items, known, tuple(skipped), seconds

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, place: int) -> Ablation: ...
    @overload
    def __getitem__(self, place: slice) -> Ablations: ...
    def __getitem__(self, place: int | slice) -> Ablation | Ablations:
        if isinstance(place, slice):
            return Ablations(self._made[place], self.items, self.known, self.skipped, self.seconds)
        return self._made[place]

    def __repr__(self) -> str:
        return f"<{len(self)} ablations over {self.items} items>"

    def to_json(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "items_of_known_class": self.known,
            "skipped": [{"item": item, "reason": reason} for item, reason in self.skipped],
            "ablations": [one.to_json() for one in self],
            "seconds": round(self.seconds, 3),
        }

    def table(self) -> Table:
        """One row for each set of units."""
        rows: list[tuple[str | int | None, ...]] = []
        for one in self:
            lost = one.lowered[0] if one.lowered else None
            most = "" if lost is None else f"{lost[0]} {value_words(lost[2] - lost[1])}"
            rows.append(
                (
                    one.name,
                    _percent(one.flipped),
                    _percent(one.accuracy),
                    _percent(one.accuracy_without),
                    most,
                )
            )
        return Table(("without", "named otherwise", "right", "right without", "falls most"), tuple(rows))

    def plot(self) -> Image.Image:
        """The sheet of the first ablation; each has its own."""
        return self[0].plot()

    def save(self, directory: str | Path) -> list[Path]:
        """A sheet for each, and all numbers as `ablation.json`; the paths of the sheets."""
        home = folder(directory)
        paths = [one.save(home / f"{_file_name(one)}.png") for one in self]
        numbers = json.dumps(self.to_json(), allow_nan=False, indent=1)
        write(home / "ablation.json", numbers.encode())
        return paths

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _file_name(one: Ablation) -> str:
    plain = "".join(c if c.isalnum() or c in "._-" else "-" for c in str(one.units[0]))
    return f"without-{plain}" + (f"-and-{len(one.units) - 1}" if len(one.units) > 1 else "")


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
    return tuple(name for name in wiring(net).above(plain) if name not in plain and name != OUTPUT)


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
    return [dict.fromkeys(some, number) for some in sets]


def _ablation(
    net: Net, source: Source, measured: Measured, effect: Effect, previews: Previews, stamp: Provenance
) -> Ablation:
    change = effect.after - effect.before
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
        for name, (mean, _) in effect.above.items()
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
    )


def _output(net: Net, place: int) -> str:
    return net.labels[place] if net.labels is not None and place < len(net.labels) else f"logits:{place}"


def _worst(source: Source, measured: Measured, effect: Effect, previews: Previews) -> Items:
    """The items whose first output fell most, with the change as response."""
    order = np.argsort(-effect.drops, kind="stable")[:SHOWN_ITEMS]
    falling = [int(place) for place in order if effect.drops[place] > 0]
    shown = previews.of([int(measured.rows[place]) for place in falling])
    items = []
    for place in falling:
        row = int(measured.rows[place])
        one = shown[row]
        width, height = (0, 0) if one.placement is None else one.placement.item
        preview = None if one.preview is None else Blob.of(one.preview, PREVIEW_MIME)
        items.append(Item(source.names[row], -float(effect.drops[place]), (), None, width, height, preview))
    return Items(tuple(items))
