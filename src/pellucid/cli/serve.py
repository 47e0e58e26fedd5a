# SPDX-License-Identifier: Apache-2.0
"""The command `serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    AtlasFile,
    Common,
)
from pellucid.terminal import say

__all__ = ["serve"]


@command(app, "serve")
def serve(
    atlas: AtlasFile,
    common: Common,
    host: Annotated[str, typer.Option("--host", help="the address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="the port to listen on")] = 8420,
) -> None:
    """Serve an atlas on this machine."""
    from pellucid.views import serve as listen

    listen(atlas, host=host, port=port, announce=lambda line: say(line, common.quiet))
