# SPDX-License-Identifier: Apache-2.0
"""The command `cascade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import Aim, Common, Model, ModelOptions, OutPicture, Over, Settings, settings_of
from pellucid.figures.file import picture_path
from pellucid.terminal import complain, print_json, progress_bar, say

__all__ = ["cascade"]


@command(app, "cascade")
def cascade(
    model: Model,
    image: Annotated[str, typer.Argument(help="a picture")],
    common: Common,
    options: ModelOptions,
    aim: Aim = None,
    methods: Annotated[
        str | None,
        typer.Option("--methods", help="by commas, as for attribute; five of them when left out"),
    ] = None,
    over: Over = None,
    stages: Annotated[int, typer.Option("--stages", help="at most so many groups of layers")] = 16,
    set_: Settings = None,
    out: OutPicture = None,
) -> None:
    """Shuffle a model's weights from the output down, and see which maps change: the others do not show what it has learned."""
    from pellucid.attribution import cascade as shuffle

    picture = picture_path(out or Path("cascade.png"), (".png", ".svg"))
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress:
        found = shuffle(
            net,
            image,
            aim,
            methods=methods,
            over=over,
            stages=stages,
            seed=common.seed,
            progress=progress,
            **settings_of(set_),
        )
    found.save(picture)
    if common.json:
        print_json({**found.to_json(), "picture": str(picture)})
        return
    for name, reason in () if common.quiet else found.skipped:
        complain(f"skipped {name}: {reason}")
    for row in found.rows:
        say(row.verdict)
    say(f"{len(found.stages)} stages in {found.seconds:.0f} s: {picture}", common.quiet)
