# SPDX-License-Identifier: Apache-2.0
"""The page of many looks: each photograph in little, with what the net says of it, leading to its report."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.views.look_page import page_assets
from pellucid.views.typeset import typeset_alone

__all__ = ["IndexEntry", "look_index"]


@dataclass(frozen=True)
class IndexEntry:
    """One look: the image's name, the way to its report, what the net says, and the photograph as a data link."""

    name: str
    report: str
    says: str
    thumbnail: str


def look_index(
    net: str, entries: tuple[IndexEntry, ...], skipped: tuple[tuple[str, str], ...], version: str
) -> bytes:
    """The page as HTML with everything in it but the reports."""
    return typeset_alone(
        "look_index.html", net=net, entries=entries, skipped=skipped, version=version, assets=page_assets()
    )
