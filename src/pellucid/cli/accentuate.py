# SPDX-License-Identifier: Apache-2.0
"""The command `accentuate`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
    ImageFile,
    Memory,
    Model,
    ModelOptions,
    OutDir,
    RemakeOptions,
    Units,
    bytes_of,
)
from pellucid.cli.remaking import written
from pellucid.figures.file import folder_path
from pellucid.terminal import progress_bar

__all__ = ["accentuate"]


@command(app, "accentuate")
def accentuate(
    model: Model,
    image: ImageFile,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    remake: RemakeOptions,
    strength: Annotated[
        float, typer.Option("--strength", help="how strongly the image is kept, 0 for not at all")
    ] = 1.0,
    keep: Annotated[
        str | None, typer.Option("--keep", help="the layer that may see hardly a difference")
    ] = None,
    sign: Annotated[str, typer.Option("--sign", help="+ to raise the units, - to lower them")] = "+",
    memory: Memory = "4GiB",
) -> None:
    """Change an image so that a unit answers it more, and little else of it changes."""
    from pellucid.inversion import accentuate as remade

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = remade(
            net,
            image,
            *units,
            strength=strength,
            keep=keep,
            sign=sign,
            progress=progress,
            seed=common.seed,
            memory=bytes_of(memory),
            **remake.settings(),
        )
    written(found, out, common)
