# SPDX-License-Identifier: Apache-2.0
"""The command `filters`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
    Model,
    ModelOptions,
    OutPicture,
)
from pellucid.figures.file import picture_path
from pellucid.terminal import print_json, say

__all__ = ["filters"]


@command(app, "filters")
def filters(
    model: Model,
    common: Common,
    options: ModelOptions,
    layer: Annotated[str | None, typer.Option("--layer", help="the first layer when left out")] = None,
    order: Annotated[
        str, typer.Option("--order", help="family, orientation, frequency, norm, cluster or index")
    ] = "family",
    scale: Annotated[str, typer.Option("--scale", help="own or shared")] = "own",
    bands: Annotated[
        str | None, typer.Option("--bands", help="the channels to draw as red, green and blue, as 3,2,1")
    ] = None,
    out: OutPicture = None,
) -> None:
    """The first layer's filters as pictures, and what each looks for."""
    from pellucid.evidence.filters import filters as read
    from pellucid.kernels import SheetStyle, band_colors

    picture = picture_path(out or Path("filters.png"), (".png", ".svg"))
    found = read(options.load_or_bare(model, common), layer)
    colors = None if bands is None else band_colors(found.bank, bands)
    found.save(picture, SheetStyle(order=order, scale=scale, bands=colors))
    if common.json:
        print_json({**found.to_json(), "picture": str(picture)})
    else:
        say(found.reading.verdict)
        say(f"{picture}", common.quiet)
