# SPDX-License-Identifier: Apache-2.0
"""The command `circuit`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import Common, Model, ModelOptions, OutDir, Units
from pellucid.figures.file import folder_path
from pellucid.figures.words import counted
from pellucid.terminal import print_json, progress_bar, say

__all__ = ["circuit"]


@command(app, "circuit")
def circuit(
    model: Model,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    data: Annotated[
        str | None, typer.Option("--data", help="a folder of images, or demo, for what units give on it")
    ] = None,
    atlas: Annotated[
        Path | None, typer.Option("--atlas", help="an atlas whose pictures stand for the units")
    ] = None,
    below: Annotated[
        str | None, typer.Option("--from", help="the layers below, by commas; the nearest when left out")
    ] = None,
    top: Annotated[int, typer.Option("--top", help="units of each sign")] = 8,
    pictures: Annotated[
        int, typer.Option("--pictures", help="partners of each unit whose picture is climbed; 0 for none")
    ] = 64,
    steps: Annotated[int, typer.Option("--steps", help="of such a climb; 0 for no pictures")] = 32,
    sample: Annotated[int, typer.Option("--sample", help="items of the data, drawn by seed")] = 64,
) -> None:
    """What units are made of and what they feed: the strongest units below and above, with kernels."""
    from pellucid.evidence.circuit import circuit as trace
    from pellucid.store import Atlas

    folder_path(out)
    sources = None if below is None else [name.strip() for name in below.split(",")]
    with nullcontext() if atlas is None else Atlas.open(atlas) as held:
        net = options.load(model, common)
        with progress_bar(common.quiet or common.json) as progress:
            found = trace(
                net,
                *units,
                data=data,
                atlas=held,
                sources=sources,
                top=top,
                pictures=pictures,
                steps=steps,
                sample=sample,
                seed=common.seed,
                progress=progress,
            )
    paths = found.save(out)
    if common.json:
        rows = [
            {**row, "picture": str(path)} for row, path in zip(found.to_json()["units"], paths, strict=True)
        ]
        print_json({"units": rows, "seconds": round(found.seconds, 3)})
        return
    for one in found:
        if one.below.refused is not None:
            say(f"{one.unit}: {one.below.refused}", common.quiet)
            continue
        strongest = [*one.below.weights.positive[:3], *one.below.weights.negative[:3]]
        parts = ", ".join(f"{each.unit} ({each.value:+.3g})" for each in strongest)
        say(f"{one.unit} is made of {parts or 'the input itself'}", common.quiet)
    say(f"{counted(len(found), 'unit')} in {found.seconds:.1f} s: {out}", common.quiet)
