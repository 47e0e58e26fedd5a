# SPDX-License-Identifier: Apache-2.0
"""The command `respond`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
    ModelOptions,
    OutPicture,
    place_of,
)
from pellucid.figures.file import picture_path
from pellucid.terminal import print_json, say

__all__ = ["respond"]


@command(app, "respond")
def respond(
    image: Annotated[Path, typer.Argument(help="a picture")],
    common: Common,
    options: ModelOptions,
    kernel: Annotated[
        str | None, typer.Option("--kernel", help='rows as "0 1 0; 1 -4 1; 0 1 0", or a name as laplacian')
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="as for layers; all filters of its first layer")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="one unit of the model's first layer, as features.0:17")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Y,X in the response map; the strongest when left out")
    ] = None,
    pad: Annotated[str | None, typer.Option("--pad", help="reflect or zero, for a kernel")] = None,
    color: Annotated[
        bool, typer.Option("--color", help="the kernel on red, green and blue one by one")
    ] = False,
    out: OutPicture = None,
) -> None:
    """The agreement of a filter with every patch of a picture, taken apart at one of them."""
    from pellucid.respond import respond as answer

    picture = picture_path(out or Path("response.png"), (".png", ".svg"))
    net = None if model is None else options.load(model, common)
    found = answer(image, kernel=kernel, net=net, unit=unit, at=place_of(at), pad=pad, color=color)
    found.save(picture)
    if common.json:
        print_json({**found.to_json(), "picture": str(picture)})
    else:
        low, high = float(found.maps.min()), float(found.maps.max())
        say(f"responses from {low:.4g} to {high:.4g}: {picture}", common.quiet)
