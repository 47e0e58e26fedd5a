# SPDX-License-Identifier: Apache-2.0
"""The command `tuning`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import Common, Model, ModelOptions, OutDir, Units
from pellucid.figures.file import folder_path
from pellucid.figures.words import counted
from pellucid.terminal import print_json, print_table, progress_bar, say

__all__ = ["tuning"]


@command(app, "tuning")
def tuning(
    model: Model,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    families: Annotated[
        str | None,
        typer.Option("--families", help="by commas, as grating,edge,curve,color; all when left out"),
    ] = None,
    orientations: Annotated[int | None, typer.Option("--orientations", help="of gratings and bars")] = None,
    phases: Annotated[int | None, typer.Option("--phases", help="of gratings")] = None,
    hues: Annotated[int | None, typer.Option("--hues", help="of flat colors")] = None,
    invariance: Annotated[
        bool, typer.Option("--invariance", help="also make each unit's optimum, and turn, shift and scale it")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="a folder of images, or demo: also turn, shift and scale the best example"
        ),
    ] = None,
) -> None:
    """What units answer to gratings, edges, bars, corners, curves, disks and colors."""
    from pellucid.evidence.examples import examples as search
    from pellucid.evidence.optimum import optimize
    from pellucid.evidence.tuning import tuning as ask

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        best = () if data is None else search(net, data, *units, seed=common.seed, progress=progress)
        own = optimize(net, *units, sign="+", seed=common.seed, progress=progress) if invariance else ()
        found = ask(
            net,
            *units,
            optima=own,
            examples=best,
            families=families,
            orientations=orientations,
            phases=phases,
            hues=hues,
            progress=progress,
        )
    paths = found.save(out)
    if common.json:
        document = found.to_json()
        for row, path in zip(document["units"], paths, strict=True):
            row["picture"] = str(path)
        print_json(document)
        return
    table = found.table()
    print_table(table.columns, table.rows)
    say(
        f"{counted(len(found), 'unit')}, {found.stimuli} stimuli, in {found.seconds:.1f} s: {out}",
        common.quiet,
    )
