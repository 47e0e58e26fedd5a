# SPDX-License-Identifier: Apache-2.0
"""Examples: the real inputs that excite a unit most and least, exactly, with statistics over all of the data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from PIL import Image

from pellucid.data import PREVIEW_MIME, Shown, Source, open_source
from pellucid.errors import InputError
from pellucid.evidence.job import Job, Progress, Settings, by_layer
from pellucid.figures import Blob, Figure, Item, Items, Number
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import PAPER, contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.models import Model, Net, opened
from pellucid.records import Kind, Panel, Provenance, Record, Unit, UnitQuery
from pellucid.scan import Entry, Scanned, ScanState, Statistics, scan

__all__ = [
    "KIND",
    "NEEDS",
    "SETTINGS",
    "Example",
    "Examples",
    "UnitExamples",
    "examples",
    "plan",
    "run",
    "settings",
    "units",
]

KIND = Kind(
    name="examples",
    title="Examples",
    scope="unit",
    panels=(
        Panel(
            "Excites it most",
            "Look for what the nine crops have in common; the box is all that the unit can see. Nine "
            "extremes are not the rule, and what goes together in this data cannot be told apart by it.",
            ("max",),
        ),
        Panel(
            "Excites it least",
            "The nine items of lowest trough. Often these share the opposite of what the unit looks for; "
            "where they share nothing, the unit has no opposite.",
            ("min",),
        ),
        Panel(
            "Statistics",
            "Over all positions of all items. A unit that is hardly ever above its mean fires for few "
            "things; a mean alone says nothing about what they are.",
            ("mean", "sd", "minimum", "maximum", "zeros", "dead", "nonfinite"),
        ),
    ),
    sortable=("maximum", "mean", "sd", "minimum", "zeros"),
)
NEEDS = "scan"
SETTINGS = frozenset({"batch"})
BAND_WORDS = {"max": "excited most", "min": "excited least"}
MOST_ROWS = 40  # of a sheet that is still looked at


@dataclass(frozen=True)
class Example:
    """One item in a band: `box` is the receptive field in the upright item's pixels, None where it was not found again."""

    item: str
    response: float
    position: tuple[int, ...]
    box: tuple[int, int, int, int] | None

    def to_json(self) -> dict[str, Any]:
        box = None if self.box is None else list(self.box)
        return {"item": self.item, "response": self.response, "position": list(self.position), "box": box}


@dataclass(frozen=True)
class UnitExamples:
    """One unit's bands, best first, and its statistics over the data."""

    unit: Unit
    bands: Mapping[str, tuple[Example, ...]]
    stats: Statistics
    items: Mapping[str, Items]
    provenance: Provenance

    @property
    def figures(self) -> dict[str, Figure]:
        """All of it as figures, by the names that `KIND` shows."""
        return {**self.items, **_numbers(self.stats)}

    def to_json(self) -> dict[str, Any]:
        bands = {name: [example.to_json() for example in band] for name, band in self.bands.items()}
        return {"unit": str(self.unit), "stats": self.stats.to_json(), "bands": bands}

    def plot(self) -> Image.Image:
        """The bands one below the other: of each item the crop, and the whole with the receptive field boxed."""
        sheets = [
            items.sheet(f"{self.unit}, {BAND_WORDS[name]}")
            for name, items in self.items.items()
            if items.items
        ] or [contact_sheet([(Image.new("RGB", (96, 96), "#e9e6de"), "no item")], title=str(self.unit))]
        size = max(each.width for each in sheets), sum(each.height for each in sheets)
        page = Image.new("RGB", size, PAPER)
        top = 0
        for sheet in sheets:
            page.paste(sheet, (0, top))
            top += sheet.height
        return page

    def png(self) -> bytes:
        """The same as a PNG that carries its provenance."""
        return write_png(self.plot(), self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the same as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def __repr__(self) -> str:
        shown = ", ".join(f"{len(band)} {name}" for name, band in self.bands.items())
        return f"<examples of {self.unit}: {shown}>"

    def _repr_png_(self) -> bytes:
        return self.png()


class Examples(Sequence[UnitExamples]):
    """The examples of several units, in the order asked. `items` counts all of the data, the `skipped` items too."""

    def __init__(self, units: Iterable[UnitExamples], items: int, skipped: Sequence[tuple[str, str]]) -> None:
        self.units = tuple(units)
        self.items = items
        self.skipped = tuple(skipped)

    def __len__(self) -> int:
        return len(self.units)

    @overload
    def __getitem__(self, place: int) -> UnitExamples: ...
    @overload
    def __getitem__(self, place: slice) -> Examples: ...
    def __getitem__(self, place: int | slice) -> UnitExamples | Examples:
        return (
            Examples(self.units[place], self.items, self.skipped)
            if isinstance(place, slice)
            else self.units[place]
        )

    def __repr__(self) -> str:
        return f"<examples of {len(self)} units from {self.items} items, {len(self.skipped)} skipped>"

    def to_json(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "skipped": [{"item": item, "reason": reason} for item, reason in self.skipped],
            "units": [unit.to_json() for unit in self.units],
        }

    def plot(self) -> Image.Image:
        """For each unit a row: the crops that excite it most, the strongest first; at most 40 units."""
        columns = max((len(unit.items["max"].items) for unit in self.units), default=0)
        if not columns:
            return contact_sheet([(Image.new("RGB", (96, 96), "#e9e6de"), "no item")], title="Examples")
        blank = Image.new("RGB", (96, 96), PAPER)
        tiles = []
        for unit in self.units[:MOST_ROWS]:
            items = unit.items["max"].items
            tiles += [(item.tiles()[0], f"{unit.unit}\n{value_words(item.response)}") for item in items]
            tiles += [(blank, "")] * (columns - len(items))
        shown = f"{MOST_ROWS} of {len(self)} units" if len(self) > MOST_ROWS else f"{len(self)} units"
        return contact_sheet(
            tiles, columns=columns, tile_px=96, title=f"What excites most, {shown} over {self.items} items"
        )

    def save(self, directory: str | Path) -> Path:
        """One sheet for each unit, and all numbers as `examples.json`; the path of that."""
        home = folder(directory)
        for unit in self.units:
            unit.save(home / f"{_file_name(unit.unit)}.png")
        numbers = json.dumps(self.to_json(), allow_nan=False, indent=1)
        return write(home / "examples.json", numbers.encode())

    def _repr_png_(self) -> bytes:
        return write_png(self.plot(), {"units": [str(unit.unit) for unit in self.units]})


def _file_name(unit: Unit) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in str(unit))


def examples(
    net: Model,
    data: Source | str | Path,
    *units: str | Unit | UnitQuery,
    batch: int = 32,
    progress: Progress | None = None,
) -> Examples:
    """Find the nine real inputs that excite each unit most, and the nine that excite it least, in one pass.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    data : a folder of images, a source, or `demo`
    units : as `features.7:0-15`; a bare layer means all its units
    batch : items run together; another size changes the last bits of responses
    progress : called with (done, total, what) after each batch

    Returns
    -------
    Examples: `[0].bands["max"][0]` is the strongest item of the first unit, `[0].stats` its statistics

    Raises
    ------
    UnknownName : no such layer, unit or data
    NoItems : nothing in the data could be read

    References
    ----------
    Zeiler and Fergus 2013, Visualizing and understanding convolutional networks (top nine activations).

    Examples
    --------
    >>> import pellucid as pl
    >>> found = pl.examples(pl.load("demo"), "demo", "conv2:3")  # doctest: +SKIP
    >>> found[0].bands["max"][0].item  # doctest: +SKIP
    'brick/120,40,1'
    """
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    source = open_source(data)
    layers = list(by_layer(chosen))

    def report(state: ScanState) -> None:
        if progress is not None:
            progress(state.next_row, state.total, "items")

    scanned = scan(seen, source, layers, batch=batch, on_batch=report)
    found: dict[Unit, UnitExamples] = {}
    for layer, indices in by_layer(chosen).items():
        for one in _layer_examples(seen, scanned, layer, indices, {"batch": batch}):
            found[one.unit] = one
    return Examples([found[unit] for unit in chosen], len(source.names), scanned.skipped)


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """The batch size: nothing else changes what the pass finds."""
    return {"batch": int(asked.get("batch") or 32)}


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """One job for each layer: the pass over the data is shared, writing a layer's records is the job."""
    return [
        Job(f"examples/{layer}", layer, indices, len(indices)) for layer, indices in by_layer(units).items()
    ]


def run(net: Net, job: Job, settings: Settings, scanned: Scanned | None) -> Iterable[Record]:
    """The records of a layer, from the pass over the data."""
    if scanned is None:
        raise InputError("examples need a pass over data")
    for one in _layer_examples(net, scanned, job.layer, job.indices, settings):
        yield Record("examples", job.layer, one.unit.index, one.figures, one.provenance)


def _layer_examples(
    net: Net, scanned: Scanned, layer: str, indices: Sequence[int], settings: Settings
) -> Iterator[UnitExamples]:
    """The examples of some units of a layer, one after the other, so that previews need not all be in memory."""
    found, versions = scanned.layers[layer], net.card()["versions"]
    # Of the data only what its content decides: the same photographs in another folder make the same atlas.
    how = {**settings, "items": len(scanned.names), "listing": scanned.listing_digest}
    # A rectified layer answers 0 to most items: its lowest nine would be the first nine of a tie.
    names = [name for name in found.bands if not (name == "min" and found.layer.rectified)]
    for index in indices:
        unit = Unit(found.layer.name, index)
        entries = {name: found.bands[name].entries(index) for name in names}
        shown = scanned.previews.of(entry.row for band in entries.values() for entry in band)
        bands = {
            name: tuple(_example(net, scanned, unit, entry, shown) for entry in band)
            for name, band in entries.items()
        }
        items = {
            name: Items(
                tuple(
                    _item(example, shown[entry.row]) for example, entry in zip(bands[name], band, strict=True)
                )
            )
            for name, band in entries.items()
        }
        source = Provenance(net.name, net.weights_digest, "examples", how, None, versions, str(unit))
        yield UnitExamples(unit, bands, found.statistics[index], items, source)


def _example(net: Net, scanned: Scanned, unit: Unit, entry: Entry, shown: Mapping[int, Shown]) -> Example:
    placement = shown[entry.row].placement
    box = None
    if placement is not None:
        x0, y0, x1, y1 = net.fields(unit.layer).box(unit.index, entry.position)
        box = placement.to_item_box(x0, y0, x1, y1)
    return Example(scanned.names[entry.row], entry.response, entry.position, box)


def _item(example: Example, shown: Shown) -> Item:
    width, height = (0, 0) if shown.placement is None else shown.placement.item
    preview = None if shown.preview is None else Blob.of(shown.preview, PREVIEW_MIME)
    return Item(example.item, example.response, example.position, example.box, width, height, preview)


def _numbers(stats: Statistics) -> dict[str, Figure]:
    sd = None if stats.variance is None else math.sqrt(stats.variance)
    zeros = None if stats.zero_share is None else 100 * stats.zero_share
    numbers: dict[str, Figure] = {
        "mean": Number(stats.mean, "mean"),
        "sd": Number(sd, "standard deviation"),
        "minimum": Number(stats.min, "minimum"),
        "maximum": Number(stats.max, "maximum"),
        "zeros": Number(zeros, "share of zeros", "%"),
        "dead": Number(stats.dead, "dead: never changes on this data"),
    }
    if stats.nonfinite:
        numbers["nonfinite"] = Number(stats.nonfinite, "responses that are not finite")
    return numbers
