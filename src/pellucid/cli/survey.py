# SPDX-License-Identifier: Apache-2.0
"""The command `survey`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    AscentOptions,
    Batch,
    Common,
    Data,
    Memory,
    Model,
    ModelOptions,
    PerClass,
    bytes_of,
)
from pellucid.errors import FinishedWithProblems, InputError
from pellucid.terminal import complain, print_json, progress_bar, say

__all__ = ["survey"]


@command(app, "survey")
def survey(
    model: Model,
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="the atlas file to write or to go on with")],
    common: Common,
    options: ModelOptions,
    ascent: AscentOptions,
    units: Annotated[list[str] | None, typer.Argument(help="as for optimize; all when left out")] = None,
    evidence: Annotated[
        str | None,
        typer.Option("--evidence", help="kinds by commas; filters,optimum,examples when left out"),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", help="items that parts and ablation look at, 16 when left out"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="print units, time and disk, and stop")] = False,
    memory: Memory = "4GiB",
    batch: Batch = None,
    per_class: PerClass = False,
    engine: Annotated[str, typer.Option("--engine", help="local")] = "local",
    strict: Annotated[
        bool, typer.Option("--strict", help="exit 4 when an item was skipped, or weights hold NaN")
    ] = False,
) -> None:
    """Make an atlas: every kind of evidence for every unit, resumable."""
    from pellucid.survey import survey as make

    if engine != "local":
        raise InputError(f"the engine {engine!r} is not in this version; local is")
    net = options.load(model, common)
    settings = {**ascent.settings(), "seed": common.seed, "memory": bytes_of(memory)}
    settings |= {} if batch is None else {"batch": batch}
    settings |= {"per_class": True} if per_class else {}
    settings |= {} if sample is None else {"sample": sample}
    with progress_bar(common.quiet or common.json) as progress:
        report = make(
            net,
            data,
            out,
            *(units or ()),
            kinds=None if evidence is None else [name.strip() for name in evidence.split(",")],
            settings=settings,
            plan_only=plan,
            progress=progress,
        )
    for note in () if common.quiet else report.notes:
        if note != net.damage:  # told when the net was loaded
            complain(note)
    if common.json:
        print_json(report.to_json())
    elif report.estimate is not None:
        say(report.estimate.in_words())
    else:
        for item, reason in () if common.quiet else report.skipped:
            complain(f"skipped {item}: {reason}")
        say(
            f"{report.units} units, {report.jobs_done} jobs run, {report.jobs_resumed} found done, "
            f"{report.seconds:.0f} s: {out}",
            common.quiet,
        )
        say(f"digest {report.digest}", common.quiet)
        say(f"next: pellucid export {out} -o SITE, or pellucid serve {out}", common.quiet)
    if strict and report.problems:
        raise FinishedWithProblems(f"{'; '.join(report.problems)}; the atlas is complete but for that")
