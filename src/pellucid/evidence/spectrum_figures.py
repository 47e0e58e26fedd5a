# SPDX-License-Identifier: Apache-2.0
"""A unit's spectrum of real inputs as figures, by the names that a page shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pellucid.evidence.exemplars import ClassExamples
from pellucid.evidence.unit_look import NEGATIVE, UnitLook
from pellucid.figures import Figure, Histogram, Items, Levels, Number, Table
from pellucid.figures.standing import End
from pellucid.records import Layer
from pellucid.scan import SpotStatistics, Statistics

__all__ = ["spectrum_figures"]


def spectrum_figures(
    look: UnitLook,
    stats: Statistics,
    spots: SpotStatistics,
    classes: ClassExamples | None,
    ends: Sequence[str],
) -> dict[str, Figure]:
    """All figures of one unit; `ends` are those of its histograms of extremes that tell something."""
    return {
        **_band_figures(look),
        **_spread_figures(look, spots),
        **{end: _peak_figure(look, end) for end in ends},
        **_class_figures(look, classes),
        **_numbers(stats),
        **({"caution": Number("; ".join(look.scanned.notes), "caution")} if look.scanned.notes else {}),
    }


def _band_figures(look: UnitLook) -> dict[str, Figure]:
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


def _spread_figures(look: UnitLook, spots: SpotStatistics) -> dict[str, Figure]:
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


def _peak_figure(look: UnitLook, end: str) -> Figure:
    word: End = "highest" if end == "peaks" else "lowest"
    band = "max" if end == "peaks" else "min"
    bars, side = look.found.peaks.bars(end, look.unit.index), "positive" if end == "peaks" else "negative"
    best = ((f"the {word} real one", look.bands[band][0].response),) if look.bands[band] else ()
    optimum = (("optimum", "optimum", f"extreme_{side}"),)
    return Histogram(bars.edges, bars.counts, f"{word} response of each item", best, optimum, end=word)


def _class_figures(look: UnitLook, classes: ClassExamples | None) -> dict[str, Figure]:
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
