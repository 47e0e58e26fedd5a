# SPDX-License-Identifier: Apache-2.0
"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
)
from pellucid.terminal import print_json, progress_bar, say

__all__ = ["demo"]


@command(app, "demo")
def demo(
    common: Common,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="where demo.atlas and site go")] = Path(
        "pellucid-demo"
    ),
    no_open: Annotated[bool, typer.Option("--no-open", help="do not open the site in a browser")] = False,
) -> None:
    """Survey the embedded network over real photographs, and open its atlas."""
    from pellucid.demo import demo as run

    with progress_bar(common.quiet or common.json) as progress:
        made = run(directory, seed=common.seed, device=common.device, progress=progress)
    if common.json:
        print_json(made.to_json())
    else:
        say(f"{made.report.units} units in {made.seconds:.0f} s: {made.report.atlas}", common.quiet)
        say(f"open {made.index}", common.quiet)
    if not (no_open or common.json):
        made.open()
