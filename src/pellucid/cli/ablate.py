# SPDX-License-Identifier: Apache-2.0
"""The command `ablate`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import Common, Data, Model, ModelOptions, OutDir, Units
from pellucid.figures.file import folder_path
from pellucid.figures.words import counted
from pellucid.terminal import complain, print_json, print_table, progress_bar, say

__all__ = ["ablate"]


@command(app, "ablate")
def ablate(
    model: Model,
    data: Data,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    value: Annotated[
        str, typer.Option("--value", help="what the units are held at: a number, or mean, each at its own")
    ] = "0",
    each: Annotated[bool, typer.Option("--each", help="one unit after the other, not all at once")] = False,
    sample: Annotated[
        int | None, typer.Option("--sample", help="items of the data, drawn by seed; all when left out")
    ] = None,
) -> None:
    """Remove units, or hold them at a value, and see what changes: outputs, accuracy, the units above."""
    from pellucid.evidence.removal import ablate as remove

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = remove(
            net,
            data,
            *units,
            value=value,
            together=not each,
            sample=sample,
            seed=common.seed,
            progress=progress,
        )
    paths = found.save(out)
    for one in () if common.quiet else found:
        if one.overflow is not None:
            complain(f"{one.name}: {one.overflow}")
    if common.json:
        document = found.to_json()
        rows = [{**row, "picture": str(path)} for row, path in zip(document["ablations"], paths, strict=True)]
        print_json({**document, "ablations": rows})
        return
    for item, reason in () if common.quiet else found.skipped:
        complain(f"skipped {item}: {reason}")
    table = found.table()
    print_table(table.columns, table.rows)
    made, items = counted(len(found), "ablation"), counted(found.items, "item")
    say(f"{made} over {items} in {found.seconds:.1f} s: {out}", common.quiet)
