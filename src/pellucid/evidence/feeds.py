# SPDX-License-Identifier: Apache-2.0
"""Feeds: the units above that a unit raises or lowers most, by weight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pellucid.errors import InputError
from pellucid.evidence.connections import Above, above
from pellucid.evidence.job import Given, Job, Settings, by_layer
from pellucid.figures import Figure, Number, Partners
from pellucid.models import Net
from pellucid.records import Kind, Panel, Provenance, Record, Unit

__all__ = ["KIND", "NEEDS", "READS", "SETTINGS", "plan", "run", "settings", "units"]

KIND = Kind(
    name="feeds",
    title="Feeds",
    scope="unit",
    panels=(
        Panel(
            "Feeds",
            "The units of the next layers that this one has the largest weights to, with the kernel by which they read it. A "
            "unit above has many parts: that it is fed by this one does not mean that it answers to the same thing.",
            ("excites", "excites_note", "inhibits", "left_out"),
        ),
    ),
)
NEEDS = "weights"
READS = ()
USUAL: dict[str, int] = {"top": 8}
SETTINGS = frozenset(USUAL)


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """`top` partners of each sign.

    Raises
    ------
    InputError : a number below 1
    """
    complete = {**USUAL, **{name: value for name, value in asked.items() if value is not None}}
    if not isinstance(complete["top"], int) or complete["top"] < 1:
        raise InputError(f"top {complete['top']!r}: a whole number from 1 on was wanted")
    return complete


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """One job for each layer: what the layers above read is computed for all its units at once."""
    return [Job(f"feeds/{layer}", layer, indices, len(indices)) for layer, indices in by_layer(units).items()]


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each unit."""
    for one in above(net, job.layer, job.indices, settings["top"]):
        source = Provenance(
            net.name,
            net.weights_digest,
            "feeds",
            dict(settings),
            None,
            net.card()["versions"],
            f"{job.layer}:{one.index}",
        )
        yield Record(KIND.name, job.layer, one.index, _figures(one), source)


def _figures(one: Above) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    if one.left_out:
        figures["left_out"] = Number(one.left_out_words, "left out, for no sum describes it")
    if one.why_not is not None:
        return {**figures, "excites_note": Number(one.why_not, "feeds")}
    summed = [name for name in one.targets if name not in dict(one.left_out)]
    label = f"to {', '.join(summed)}: length of the kernel, with the sign of its sum"
    return {
        **figures,
        "excites": Partners(one.fed.positive, label),
        "inhibits": Partners(one.fed.negative, label),
    }
