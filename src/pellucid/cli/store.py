# SPDX-License-Identifier: Apache-2.0
"""The commands `store digest` and `store verify`."""

from __future__ import annotations

from pellucid.cli.command import command, store_app
from pellucid.cli.options import (
    AtlasFile,
    Common,
    first_of,
)
from pellucid.errors import NotAnAtlas, StorageError
from pellucid.terminal import print_json, say

__all__ = ["digest", "verify"]


@command(store_app, "digest")
def digest(atlas: AtlasFile, common: Common) -> None:
    """The hash of an atlas's content, equal for equal content."""
    from pellucid.store import Atlas

    with Atlas.open(atlas) as opened:
        found = opened.digest()
    if common.json:
        print_json({"atlas": str(atlas), "digest": found})
    else:
        print(found)


@command(store_app, "verify")
def verify(atlas: AtlasFile, common: Common) -> None:
    """Check an atlas: every blob against its name, every record, the file itself."""
    from pellucid.store import Atlas
    from pellucid.store.faults import verified

    try:
        with Atlas.open(atlas) as opened:
            problems = opened.verify()
    except NotAnAtlas as error:
        raise NotAnAtlas(verified(str(error))) from error
    if common.json:
        print_json({"atlas": str(atlas), "problems": problems})
    elif not problems:
        say(f"{atlas} is whole", common.quiet)
    if problems:
        raise StorageError(f"{atlas} is damaged{first_of(problems)}")
