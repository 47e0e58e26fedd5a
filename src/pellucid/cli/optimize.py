# SPDX-License-Identifier: Apache-2.0
"""The command `optimize`."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    AscentOptions,
    Common,
    Memory,
    Model,
    ModelOptions,
    OutDir,
    Units,
    bytes_of,
)
from pellucid.cli.stopping import exit_code
from pellucid.errors import Interrupted
from pellucid.figures.words import counted
from pellucid.terminal import complain, print_json, progress_bar, say

__all__ = ["optimize"]


@command(app, "optimize")
def optimize(
    model: Model,
    units: Units,
    out: OutDir,
    common: Common,
    options: ModelOptions,
    ascent: AscentOptions,
    pictures: Annotated[int, typer.Option("--pictures", help="different pictures of each unit")] = 1,
    diversity: Annotated[
        float | None,
        typer.Option("--diversity", help="how strongly these keep apart; Lucid: 100"),
    ] = None,
    snapshots: Annotated[
        str | None, typer.Option("--snapshots", help="steps kept as an animation, as 0,8,32, or all")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", help="a folder of images, or demo, whose color and spectrum the pictures take"
        ),
    ] = None,
    memory: Memory = "4GiB",
) -> None:
    """Make the inputs that excite units most, and least."""
    from pellucid.evidence.optima import PictureFolder
    from pellucid.evidence.optimum import no_negative
    from pellucid.evidence.optimum import optimize as climb
    from pellucid.measure import measure

    pictures_of = PictureFolder(out)
    net = options.load(model, common)
    with progress_bar(common.quiet or common.json) as progress, _telling_what_is_kept(pictures_of.paths, out):
        optima = climb(
            net,
            *units,
            progress=progress,
            on_made=pictures_of.add,
            statistics=None if like is None else measure(net, like, progress=progress),
            seed=common.seed,
            memory=bytes_of(memory),
            pictures=pictures,
            diversity=diversity,
            snapshots=snapshots,
            **ascent.settings(),
        )
    optima.save_sheets(out)
    notes = [one.format_note for one in optima if one.format_note]
    if ascent.sign in (None, "both"):
        layers = (net.layer(one.unit.layer) for one in optima)
        notes += [no_negative(layer) for layer in layers if layer.rectified]
    for note in () if common.quiet else dict.fromkeys(notes):
        complain(note)
    if common.json:
        rows = [{**one.to_json(), "picture": str(pictures_of.paths[id(one)])} for one in optima]
        print_json({"units": rows, "seconds": round(optima.seconds, 3)})
        return
    for one in optima:
        if one.advice:
            complain(f"{one.unit} ({one.sign}): {one.advice}")
    if any(one.micro_batch is not None for one in optima):
        complain("memory ran out and batches were cut: not bit-reproducible; a smaller --memory would be")
    sheets = list(optima.sheets())
    together = out / f"{sheets[0]}.png" if len(sheets) == 1 else f"{len(sheets)} sheets"
    say(
        f"{counted(len(optima), 'picture')} in {optima.seconds:.1f} s: {out}, all together in {together}",
        common.quiet,
    )


@contextmanager
def _telling_what_is_kept(done: Sized, out: Path) -> Iterator[None]:
    """An interruption inside says how many pictures are there."""
    try:
        yield
    except KeyboardInterrupt as error:
        there = (
            f"{counted(len(done), 'picture')} {'is' if len(done) == 1 else 'are'} in {out}"
            if len(done)
            else "its first batch was not done"
        )
        raise Interrupted(
            f"optimize was interrupted; {there}; run it again for all", exit_code(error)
        ) from error
