# SPDX-License-Identifier: Apache-2.0
"""The command `caricature`."""

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
    bytes_of,
)
from pellucid.cli.remaking import Layers, written
from pellucid.figures.file import folder_path
from pellucid.terminal import progress_bar

__all__ = ["caricature"]


@command(app, "caricature")
def caricature(
    model: Model,
    image: ImageFile,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    remake: RemakeOptions,
    layers: Layers = None,
    power: Annotated[
        float, typer.Option("--power", help="of the cosine: higher keeps the image's proportions")
    ] = 2.0,
    memory: Memory = "4GiB",
) -> None:
    """Make a picture to which a layer answers as to an image, only more so."""
    from pellucid.inversion import caricature as remade

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = remade(
            net,
            image,
            *(layers or ()),
            power=power,
            progress=progress,
            seed=common.seed,
            memory=bytes_of(memory),
            **remake.settings(),
        )
    written(found, out, common)
