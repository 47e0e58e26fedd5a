# SPDX-License-Identifier: Apache-2.0
"""Examples: real inputs from those that excite a unit most to the most opposite, with statistics over all of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pellucid.data import Data, open_source
from pellucid.errors import InputError
from pellucid.evidence.exemplars import Example, Examples, LevelExamples, UnitExamples, UnitStatistics
from pellucid.evidence.job import Given, Job, Progress, Settings, by_layer
from pellucid.evidence.spectrum_figures import spectrum_figures
from pellucid.evidence.unit_look import UnitLook
from pellucid.models import Model, Net, opened
from pellucid.records import Kind, Panel, Provenance, Record, Unit, UnitQuery
from pellucid.scan import ENDS, Scanned, ScanState, scan

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
        yield _unit_examples(UnitLook.at(net, scanned, found, unit), source)


def _unit_examples(look: UnitLook, source: Provenance) -> UnitExamples:
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
        figures=spectrum_figures(look, stats, spots, classes, ends),
        provenance=source,
    )
