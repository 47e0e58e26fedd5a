# SPDX-License-Identifier: Apache-2.0
"""The command `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    AtlasFile,
    Common,
    first_of,
)
from pellucid.errors import StorageError
from pellucid.terminal import print_json, say

__all__ = ["export"]


@command(app, "export")
def export(
    atlas: AtlasFile,
    common: Common,
    out: Annotated[Path, typer.Option("-o", "--out", help="the folder of the site")],
    verify: Annotated[
        bool, typer.Option("--verify", help="hold the site, if it is there already, against the atlas")
    ] = False,
) -> None:
    """Write an atlas as a static site that opens by double-click."""
    from pellucid.views import export as write
    from pellucid.views import verify as problems_of

    if not (verify and out.exists()):
        made = write(atlas, out).to_json()
    else:
        made = {"site": str(out), "index": str(out / "index.html")}
    problems = problems_of(out, atlas) if verify else []
    if common.json:
        print_json({**made, "problems": problems} if verify else made)
    elif not problems:
        say(f"{out / 'index.html'}{f' shows what {atlas} holds' if verify else ''}", common.quiet)
    if problems:
        raise StorageError(f"{out} is not what {atlas} shows{first_of(problems)}; export again")
