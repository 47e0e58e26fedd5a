# SPDX-License-Identifier: Apache-2.0
"""Ablation: what the network loses without a unit: which outputs fall, how many items are named otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pellucid.data import sampled
from pellucid.errors import InputError
from pellucid.evidence.job import Given, Job, Settings, by_layer, shared_out
from pellucid.evidence.removal import ablations
from pellucid.models import Net
from pellucid.records import Kind, Panel, Record, Unit

__all__ = ["KIND", "NEEDS", "READS", "SETTINGS", "plan", "run", "settings", "units"]

KIND = Kind(
    name="ablation",
    title="Without it",
    scope="unit",
    panels=(
        Panel(
            "Without it",
            "The same items with this unit held at zero (or at the value set). One unit of many seldom matters, for others "
            "do the same; and a unit whose removal changes nothing here may matter for items that the sample does not have.",
            ("lowered", "raised", "accuracy", "accuracy_without", "flipped", "nonfinite"),
        ),
        Panel(
            "Items that lose most",
            "The number is the change of the output that came first for that item. What these items share is what the unit was "
            "needed for, if the changes are large beside the output itself.",
            ("items",),
        ),
        Panel(
            "Units above, without it",
            "The change of the mean response of the units that it feeds. It holds what weights alone cannot tell: how often the "
            "unit fires, and what is left of it behind the next ReLU.",
            ("above_lowered", "above_raised"),
        ),
    ),
    sortable=("flipped",),
)
NEEDS = "data"
READS = ()
USUAL: dict[str, Any] = {"value": 0.0, "sample": 16, "seed": 0, "batch": 16}
SETTINGS = frozenset(USUAL)
MOST_UNITS = 16  # of a job: they run together


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """`value` a number or `mean`; `sample` items drawn by `seed`, `batch` at once.

    Raises
    ------
    InputError : a number that makes no sense
    """
    complete = {**USUAL, **{name: value for name, value in asked.items() if value is not None}}
    for name in ("sample", "batch"):
        if not isinstance(complete[name], int) or complete[name] < 1:
            raise InputError(f"{name} {complete[name]!r}: a whole number from 1 on was wanted")
    return complete


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """Units of one layer together: what lies before their layer is computed once for all of them."""
    jobs: list[Job] = []
    for layer, indices in by_layer(units).items():
        jobs += shared_out("ablation", layer, indices, MOST_UNITS)
    return jobs


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each unit; the last job is filled up, so that all batches have one size."""
    if given.source is None:
        raise InputError("ablation needs data")
    source = sampled(given.source, settings["sample"], settings["seed"])
    filled = [*job.indices, *[job.indices[-1]] * (job.full - len(job.indices))]
    sets = [[Unit(job.layer, index)] for index in filled]
    how = {**settings, "listing": source.listing_digest}
    made, _ = ablations(
        net,
        source,
        sets,
        settings["value"],
        how,
        seed=settings["seed"],
        batch=settings["batch"],
        progress=given.progress,
    )
    for index, one in zip(job.indices, made, strict=False):
        stamp = replace(one.provenance, unit=f"{job.layer}:{index}")
        yield Record(KIND.name, job.layer, index, one.figures(), stamp)
