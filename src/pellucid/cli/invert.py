# SPDX-License-Identifier: Apache-2.0
"""The command `invert`."""

from __future__ import annotations

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

__all__ = ["invert"]


@command(app, "invert")
def invert(
    model: Model,
    image: ImageFile,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    remake: RemakeOptions,
    layers: Layers = None,
    memory: Memory = "4GiB",
) -> None:
    """Make a picture from nothing but what a layer answers to an image: what the layer still knows of it."""
    from pellucid.inversion import invert as remade

    folder_path(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = remade(
            net,
            image,
            *(layers or ()),
            progress=progress,
            seed=common.seed,
            memory=bytes_of(memory),
            **remake.settings(),
        )
    written(found, out, common)
