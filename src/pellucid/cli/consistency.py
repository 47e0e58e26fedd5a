# SPDX-License-Identifier: Apache-2.0
"""The command `consistency`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    AscentOptions,
    Common,
    Model,
    ModelOptions,
    OutDir,
    Units,
    bytes_of,
)
from pellucid.figures.file import folder_path
from pellucid.terminal import print_json, print_table, progress_bar, say

__all__ = ["consistency"]


@command(app, "consistency")
def consistency(
    model: Model,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    ascent: AscentOptions,
    starts: Annotated[int, typer.Option("--starts", help="random starts of each unit")] = 9,
    memory: Annotated[
        str, typer.Option("--memory", help="how much memory a batch may take, as 4GiB")
    ] = "4GiB",
) -> None:
    """Climb each unit from several random starts: is it the same maximum, and the same picture?"""
    from pellucid.evidence.consistency import consistency as measure

    folder_path(out)
    net = options.load(model, common)
    asked = {**ascent.settings(), "seed": common.seed, "memory": bytes_of(memory)}
    with progress_bar(common.quiet or common.json) as progress:
        found = measure(net, *units, starts=starts, progress=progress, **asked)
    paths = found.save(out)
    if common.json:
        rows = [
            {**one.to_json(), "pictures": [str(path) for path in own]}
            for one, own in zip(found, paths, strict=True)
        ]
        print_json({"units": rows, "seconds": round(found.seconds, 3)})
        return
    table = found.table()
    print_table(table.columns, table.rows)
    say(f"{len(found)} units from {starts} starts each in {found.seconds:.1f} s: {out}", common.quiet)
