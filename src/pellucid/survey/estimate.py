# SPDX-License-Identifier: Apache-2.0
"""What a survey will cost, measured on a little of it before any of it is done."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from pellucid.data import Source, head
from pellucid.evidence import Given, evidence
from pellucid.models import Net
from pellucid.scan import scan
from pellucid.stimuli import Frame, batteries, tabled
from pellucid.survey.plan import Pass, Plan

__all__ = ["Estimate", "estimate"]

# Stored bytes by unit: two optima as PNG, previews shared among units, numbers. Measured on the embedded network.
BYTES_BY_UNIT = {
    "filters": 1_500,
    "optimum": 60_000,
    "examples": 12_000,
    "consistency": 220_000,
    "tuning": 60_000,
    "parts": 60_000,
    "feeds": 6_000,
    "ablation": 6_000,
}
PROBE_ITEMS = 64
PROBE_STEPS = 2
PROBE_UNITS, PROBE_SAMPLE = 4, 4


@dataclass(frozen=True)
class Estimate:
    """Expected work: units and jobs by kind, seconds on this machine, bytes on disk. Good to a factor of two."""

    units: int
    jobs: int
    seconds: float
    disk_bytes: int

    def to_json(self) -> dict[str, Any]:
        return {
            "units": self.units,
            "jobs": self.jobs,
            "seconds": round(self.seconds, 1),
            "disk_bytes": self.disk_bytes,
        }

    def in_words(self) -> str:
        """One line for a person.

        >>> Estimate(64, 4, 90, 4_000_000).in_words()
        '64 units in 4 jobs: about 1.5 minutes and 4 MB here'
        """
        if self.seconds < 60:
            long = f"{self.seconds:.0f} seconds"
        elif self.seconds < 7200:
            long = f"{self.seconds / 60:.1f} minutes"
        else:
            long = f"{self.seconds / 3600:.1f} hours"
        return f"{self.units} units in {self.jobs} jobs: about {long} and {self.disk_bytes / 1e6:.0f} MB here"


def estimate(net: Net, source: Source | None, plan: Plan) -> Estimate:
    """Time a short climb in the first job of each layer's kind and a scan of the first items, and multiply."""
    seconds = sum(_pass_seconds(net, source, each) for each in plan.passes)
    disk = sum(BYTES_BY_UNIT.get(each.kind, 10_000) * len(each.units()) for each in plan.passes)
    return Estimate(len(plan.units()), len(plan.jobs()), seconds, disk)


def _pass_seconds(net: Net, source: Source | None, each: Pass) -> float:
    needs = evidence(each.kind).NEEDS
    if needs == "scan" and source is not None:
        return _scan_seconds(net, source, each)
    if needs == "stimuli":
        return sum(_battery_seconds(net, each, layer) for layer in each.layers())
    if needs == "data" and source is not None and "sample" in each.settings:
        return sum(_sample_seconds(net, source, each, layer) for layer in each.layers())
    if needs != "ascent":
        return 0.0
    short = {**each.settings, "steps": PROBE_STEPS}
    total = 0.0
    for layer in each.layers():
        own = [job for job in each.jobs if job.layer == layer]
        started = time.monotonic()
        deque(evidence(each.kind).run(net, own[0], short, Given()), maxlen=0)
        total += (time.monotonic() - started) * len(own) * each.settings["steps"] / PROBE_STEPS
    return total


def _battery_seconds(net: Net, each: Pass, layer: str) -> float:
    """One batch of stimuli, times as many as there are; the unit's own pictures moved come on top."""
    settings = each.settings
    job = next(job for job in each.jobs if job.layer == layer)
    started = time.monotonic()
    deque(evidence(each.kind).run(net, job, {**settings, "families": ["gray"]}, Given()), maxlen=0)
    seconds = time.monotonic() - started
    frame = Frame.of_box((0, 0, net.input.size[1], net.input.size[0]), net.input.size, net.input.channels)
    counts = {name: settings[name] for name in ("orientations", "phases", "hues")}
    stimuli = sum(map(len, batteries(tabled(tuple(settings["families"]), **counts), frame)))
    batch: int = settings["tuning_batch"]
    return seconds * -(-stimuli // batch)


def _sample_seconds(net: Net, source: Source, each: Pass, layer: str) -> float:
    """Of a kind that looks at a sample of the data: its first units on a few items, times the units and the items."""
    own = [job for job in each.jobs if job.layer == layer]
    few = own[0].indices[:PROBE_UNITS]
    items = min(each.settings["sample"], PROBE_SAMPLE)
    short = {**each.settings, "sample": items}
    started = time.monotonic()
    deque(
        evidence(each.kind).run(
            net, replace(own[0], indices=few, full=len(few)), short, Given(source=source)
        ),
        maxlen=0,
    )
    units = sum(len(job.indices) for job in own)
    sample = min(each.settings["sample"], len(source.names))
    return (time.monotonic() - started) * units / len(few) * float(sample / items)


def _scan_seconds(net: Net, source: Source, each: Pass) -> float:
    started = time.monotonic()
    little = head(source, PROBE_ITEMS)
    scan(net, little, each.layers(), batch=each.settings["batch"])
    return (time.monotonic() - started) * len(source.names) / len(little.names)
