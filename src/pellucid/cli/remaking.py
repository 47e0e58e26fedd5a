# SPDX-License-Identifier: Apache-2.0
"""What the commands have in common that remake one image: their pictures written and told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli.options import Common
from pellucid.terminal import complain, print_json, say

if TYPE_CHECKING:
    from pellucid.inversion import RemadePictures
    from pellucid.inversion.remade import Made

__all__ = ["Layers", "written"]

Layers = Annotated[
    list[str] | None, typer.Argument(help="names; some from first to last when left out", show_default=False)
]


def written(found: RemadePictures[Made], out: Path, common: Common) -> None:
    """Write the pictures and their sheet, and say so."""
    paths = found.save(out)
    if common.json:
        rows = [{**one.to_json(), "picture": str(path)} for one, path in zip(found, paths, strict=True)]
        print_json(
            {
                "pictures": rows,
                "image": str(out / "image.png"),
                "sheet": str(out / "sheet.png"),
                "seconds": round(found.seconds, 3),
            }
        )
        return
    for one in found:
        if one.advice:
            complain(f"{one.subject}: {one.advice}")
    if any(one.micro_batch is not None for one in found):
        complain("memory ran out and batches were cut: not bit-reproducible; a smaller --memory would be")
    say(f"{len(found)} pictures in {found.seconds:.1f} s: all together in {out / 'sheet.png'}", common.quiet)
