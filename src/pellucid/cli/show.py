# SPDX-License-Identifier: Apache-2.0
"""The command `show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
)
from pellucid.errors import InputError
from pellucid.terminal import print_json, say

__all__ = ["show"]


@command(app, "show")
def show(picture: Annotated[Path, typer.Argument(help="a PNG that Pellucid wrote")], common: Common) -> None:
    """The provenance inside a picture."""
    from pellucid.figures.stamp import is_png, read_stamp

    stamp = read_stamp(picture)
    if stamp is None:
        what = "carries no provenance of Pellucid's" if is_png(picture) else "is no PNG"
        raise InputError(f"{picture} {what}; the pictures that `pellucid` saves carry theirs")
    if common.json:
        print_json(stamp)
    else:
        for key, value in stamp.items():
            say(f"{key}: {value}")
