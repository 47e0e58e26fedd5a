# SPDX-License-Identifier: Apache-2.0
"""Examples: real inputs from those that excite a unit most to the most opposite, with statistics over all of the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.data import PREVIEW_MIME, Data, Placement, Shown, open_source
from pellucid.errors import InputError
from pellucid.evidence.exemplars import (
    ClassExamples,
    Example,
    Examples,
    LevelExamples,
    UnitExamples,
    UnitStatistics,
)
from pellucid.evidence.job import Given, Job, Progress, Settings, by_layer
from pellucid.figures import Blob, Figure, Histogram, Item, Items, Levels, Number, Strip, Table
from pellucid.figures.standing import End
from pellucid.figures.strip import strip_sheet
from pellucid.models import Model, Net, opened
from pellucid.records import Kind, Layer, Panel, Provenance, Record, Unit, UnitQuery
from pellucid.scan import ENDS, Entry, LayerScan, Scanned, ScanState, SpotStatistics, Statistics, scan

__all__ = [
    "KIND",
    "NEEDS",
    "READS",
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
            "From most to least",
            "Look for what the crops of a column share and the next column lacks; a box is all that the unit can see. What "
            "goes together in this data, as fur and eyes, no example can tell apart.",
            ("caution", "max", "slightly_positive", "near_zero", "slightly_negative", "min"),
        ),
        Panel(
            "How its responses are spread",
            "One position of each item, drawn by chance; a bar opens to show inputs at its height. Most units answer little to "
            "most inputs, so what the strongest share need not hold a bar lower.",
            ("histogram", "quantiles", "spots", "sparsity"),
        ),
        Panel(
            "How high its peaks reach",
            "Each item counts with its own peak. An optimum far beyond every real input shows what the unit would like, not "
            "what it meets; one below them was not climbed to its end.",
            ("peaks", "troughs"),
        ),
        Panel(
            "Classes",
            "Mean peak of the items of a class. High for one class says that they share what the unit looks for, be it the "
            "background; it does not make the unit that class's detector.",
            ("classes", "selectivity", "best_of_classes"),
        ),
        Panel(
            "Statistics",
            "Over all positions of all items. A unit that is hardly ever above its mean fires for few "
            "things; a mean alone says nothing about what they are.",
            ("mean", "sd", "minimum", "maximum", "zeros", "dead", "nonfinite"),
        ),
    ),
    sortable=("maximum", "mean", "sd", "minimum", "zeros", "sparsity", "selectivity"),
)
NEEDS = "scan"
READS = ()
SETTINGS = frozenset({"batch", "seed", "per_class"})


def examples(
    net: Model,
    data: Data,
    *units: str | Unit | UnitQuery,
    batch: int = 32,
    seed: int = 0,
    per_class: bool = False,
    progress: Progress | None = None,
) -> Examples:
    """Find each unit's whole spectrum of real inputs, from those that excite it most to the most opposite, in one pass.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    data : a folder of images, an archive, an array, a dataset, or `demo`: see the page on data
    units : as `features.7:0-15`; a bare layer means all its units
    batch : items run together; another size changes the last bits of responses
    seed : which position of each item stands for it in the middle bands, the histogram and the levels
    per_class : whether to keep the best item of each class, of data that has classes
    progress : called with (done, total, what) after each batch

    Returns
    -------
    Examples: `[0].bands["max"][0]` is the strongest item of the first unit, `[0].stats` its statistics, `[0].levels` the
        inputs at every height

    Raises
    ------
    UnknownName : no such layer, unit or data
    NoItems : nothing in the data could be read

    References
    ----------
    Zeiler and Fergus 2013, Visualizing and understanding convolutional networks (top nine activations); Olah et al. 2017,
    Feature visualization (the spectrum of activations).

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

    how = settings(seen, {"batch": batch, "seed": seed, "per_class": per_class})
    asked = by_layer(chosen)
    scanned = scan(
        seen, source, layers, batch=batch, seed=seed, per_class=per_class, shown=asked, on_batch=report
    )
    found: dict[Unit, UnitExamples] = {}
    for layer, indices in asked.items():
        for one in _layer_examples(seen, scanned, layer, indices, how):
            found[one.unit] = one
    return Examples([found[unit] for unit in chosen], len(source.names), scanned.skipped, scanned.notes)


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """The batch size, the seed, and whether the best item of each class is kept.

    What is as usual is left out, so that an atlas made before it could be asked goes on.
    """
    more = {"seed": int(asked.get("seed") or 0), "per_class": bool(asked.get("per_class"))}
    return {"batch": int(asked.get("batch") or 32), **{name: value for name, value in more.items() if value}}


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """One job for each layer: the pass over the data is shared, writing a layer's records is the job."""
    return [
        Job(f"examples/{layer}", layer, indices, len(indices)) for layer, indices in by_layer(units).items()
    ]


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """The records of a layer, from the pass over the data."""
    if given.scanned is None:
        raise InputError("examples need a pass over data")
    for one in _layer_examples(net, given.scanned, job.layer, job.indices, settings):
        yield Record("examples", job.layer, one.unit.index, one.figures, one.provenance)


def _layer_examples(
    net: Net, scanned: Scanned, layer: str, indices: Sequence[int], settings: Settings
) -> Iterator[UnitExamples]:
    """The examples of some units of a layer, one after the other, so that previews need not all be in memory."""
    found = scanned.layers[layer]
    # Of the data only what its content decides: the same photographs in another folder make the same atlas.
    how = {**settings, "items": len(scanned.names), "listing": scanned.listing_digest}
    if scanned.size is not None:
        how |= {"micro_batch": scanned.size, "note": "memory ran out: not bit-reproducible"}
    seed, versions = settings.get("seed", 0), net.card()["versions"]
    for index in indices:
        unit = Unit(found.layer.name, index)
        source = Provenance(net.name, net.weights_digest, "examples", how, seed, versions, str(unit))
        yield _unit_examples(_Look.at(net, scanned, found, unit), source)


# A rectified layer answers 0 to most items: its lowest nine would be the first nine of a tie.
NEGATIVE = ("slightly_negative", "min")


@dataclass(frozen=True)
class _Look:
    """One unit, what the pass found about its layer, and the items that are shown for it: each entry as an example, made once."""

    net: Net
    scanned: Scanned
    found: LayerScan
    unit: Unit
    bands: Mapping[str, tuple[Entry, ...]]
    shown: Mapping[int, Shown]
    previews: Mapping[int, Blob]
    examples: Mapping[Entry, Example]

    @classmethod
    def at(cls, net: Net, scanned: Scanned, found: LayerScan, unit: Unit) -> _Look:
        bands = {
            name: band.entries(unit.index)
            for name, band in found.bands.items()
            if not (name in NEGATIVE and found.layer.rectified)
        }
        entries = [entry for band in bands.values() for entry in band]
        entries += [entry for level in found.spectra.levels(unit.index) for entry in level.entries]
        if found.classes is not None:
            entries += found.classes.best_items(unit.index).values()
        shown = scanned.previews.of({entry.row for entry in entries})
        once = list(dict.fromkeys(entries))
        fields = net.fields(unit.layer).boxes([unit.index] * len(once), [entry.position for entry in once])
        return cls(
            net,
            scanned,
            found,
            unit,
            bands,
            shown,
            {
                row: Blob.of(one.preview, PREVIEW_MIME)
                for row, one in shown.items()
                if one.preview is not None
            },
            {
                entry: Example(
                    scanned.names[entry.row],
                    entry.response,
                    entry.position,
                    _item_box(shown[entry.row].placement, field),
                )
                for entry, field in zip(once, fields.tolist(), strict=True)
            },
        )

    def item(self, entry: Entry) -> Item:
        example, placement = self.examples[entry], self.shown[entry.row].placement
        width, height = (0, 0) if placement is None else placement.item
        preview = self.previews.get(entry.row)
        return Item(example.item, example.response, example.position, example.box, width, height, preview)

    def maps(self) -> list[Strip | None]:
        """For each band the response maps of its items; None where the layer has no positions."""
        made = self.scanned.maps.of(self.unit.layer, self.unit.index)
        if not made:
            return [None] * len(self.bands)
        rows = [[made.get(entry.row) for entry in band] for band in self.bands.values()]
        first = next(iter(made.values()))
        height, width = first.shape
        return list(
            strip_sheet(rows, (height, width), self.scanned.maps.scale(self.unit.layer, self.unit.index))
        )

    def classes(self) -> ClassExamples | None:
        if self.found.classes is None:
            return None
        names, top = self.scanned.class_names, self.found.classes.top(self.unit.index)
        best = self.found.classes.best_items(self.unit.index)
        return ClassExamples(
            tuple((names[each], mean) for each, mean in zip(top.classes, top.means, strict=True)),
            top.selectivity,
            {names[each]: self.examples[entry] for each, entry in best.items()},
        )


def _item_box(placement: Placement | None, field: Sequence[int]) -> tuple[int, int, int, int] | None:
    """A receptive field [x0, y0, x1, y1] in the pixels of its item, where that was found again."""
    return None if placement is None else placement.to_item_box(*field)


def _unit_examples(look: _Look, source: Provenance) -> UnitExamples:
    found, index = look.found, look.unit.index
    levels = found.spectra.levels(index)
    ends = [end for end in ENDS if not (end == "troughs" and found.layer.rectified)]
    stats, spots, classes = found.statistics[index], found.spectra.statistics(index), look.classes()
    return UnitExamples(
        unit=look.unit,
        bands={name: tuple(map(look.examples.__getitem__, band)) for name, band in look.bands.items()},
        stats=UnitStatistics.of(stats, spots),
        histogram=found.spectra.bars(index),
        levels=tuple(
            LevelExamples(
                level.low, level.high, level.count, tuple(map(look.examples.__getitem__, level.entries))
            )
            for level in levels
        ),
        peaks={end: found.peaks.bars(end, index) for end in ends},
        classes=classes,
        figures={
            **_band_figures(look),
            **_spread_figures(look, spots),
            **{end: _peak_figure(look, end) for end in ends},
            **_class_figures(look, classes),
            **_numbers(stats),
            **({"caution": Number("; ".join(look.scanned.notes), "caution")} if look.scanned.notes else {}),
        },
        provenance=source,
    )


def _band_figures(look: _Look) -> dict[str, Figure]:
    figures: dict[str, Figure] = {
        name: Items(tuple(map(look.item, band)), strip)
        for (name, band), strip in zip(look.bands.items(), look.maps(), strict=True)
    }
    if look.found.layer.rectified:
        figures |= {f"{name}_note": Number(_no_negative(look.found.layer), name) for name in NEGATIVE}
    return figures


def _no_negative(layer: Layer) -> str:
    """Why a rectified layer has no negative bands, and who has."""
    fed_by = f"; look at the layers that feed it: {', '.join(layer.fed_by)}" if layer.fed_by else ""
    return f"{layer.name} ends in its own ReLU and is never below 0{fed_by}"


def _spread_figures(look: _Look, spots: SpotStatistics) -> dict[str, Figure]:
    bars = look.found.spectra.bars(look.unit.index)
    filled = iter(look.found.spectra.levels(look.unit.index))
    items = tuple(tuple(map(look.item, next(filled).entries)) if count else () for count in bars.counts)
    return {
        "histogram": Levels.of(
            bars.edges, bars.counts, items, x_label="response at one position of each item"
        ),
        "quantiles": _quantiles(spots),
        "spots": Number(spots.spots, "positions drawn"),
        "sparsity": Number(spots.sparsity, "lifetime sparsity"),
    }


def _quantiles(spots: SpotStatistics) -> Table:
    """The quantiles of all responses as far as the positions drawn tell; a dash where they are too few for that."""
    percents = tuple(f"{name[1:]} %" for name in spots.quantiles)
    ends = list(spots.intervals.values())
    sure = [None if None in end else value for value, end in zip(spots.quantiles.values(), ends, strict=True)]
    return Table(
        ("share of responses below", *percents),
        (
            (f"of the positions drawn, to {100 * spots.quantile_error:.0f} % of itself", *sure),
            ("of all, 19 times in 20 at least", *(low for low, _ in ends)),
            ("of all, 19 times in 20 at most", *(high for _, high in ends)),
        ),
    )


def _peak_figure(look: _Look, end: str) -> Figure:
    word: End = "highest" if end == "peaks" else "lowest"
    band = "max" if end == "peaks" else "min"
    bars, side = look.found.peaks.bars(end, look.unit.index), "positive" if end == "peaks" else "negative"
    best = ((f"the {word} real one", look.bands[band][0].response),) if look.bands[band] else ()
    optimum = (("optimum", "optimum", f"extreme_{side}"),)
    return Histogram(bars.edges, bars.counts, f"{word} response of each item", best, optimum, end=word)


def _class_figures(look: _Look, classes: ClassExamples | None) -> dict[str, Figure]:
    if classes is None or look.found.classes is None:
        return {}
    figures: dict[str, Figure] = {
        "classes": Table(("class", "mean peak"), classes.top),
        "selectivity": Number(classes.selectivity, "selectivity for its best class"),
    }
    best = look.found.classes.best_items(look.unit.index)
    if best:
        strongest = sorted(best.values(), key=lambda entry: -entry.response)
        figures["best_of_classes"] = Items(tuple(map(look.item, strongest)))
    return figures


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
