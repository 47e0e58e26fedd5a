# SPDX-License-Identifier: Apache-2.0
"""The command `examples`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Batch,
    Common,
    Data,
    Model,
    ModelOptions,
    OutDir,
    PerClass,
    Units,
)
from pellucid.errors import FinishedWithProblems
from pellucid.figures.file import folder_path
from pellucid.figures.words import counted
from pellucid.terminal import complain, print_json, progress_bar, say

__all__ = ["examples"]


@command(app, "examples")
def examples(
    model: Model,
    data: Data,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    batch: Batch = None,
    per_class: PerClass = False,
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 when an item was skipped")] = False,
) -> None:
    """Each unit's whole spectrum of real inputs, from strongest to opposite, with statistics."""
    from pellucid.evidence.examples import examples as search

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = search(
            net,
            data,
            *units,
            batch=batch or 32,
            seed=common.seed,
            per_class=per_class,
            progress=progress,
        )
    found.save(out)
    for note in () if common.quiet else found.notes:
        complain(note)
    if common.json:
        print_json(found.to_json())
    else:
        for item, reason in () if common.quiet else found.skipped:
            complain(f"skipped {item}: {reason}")
        say(f"{counted(len(found.units), 'unit')} over {found.over}: {out}", common.quiet)
    if strict and found.skipped:
        raise FinishedWithProblems(
            f"{len(found.skipped)} of {found.items} items were skipped; the rest is complete"
        )
