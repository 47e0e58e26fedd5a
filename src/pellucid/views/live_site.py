# SPDX-License-Identifier: Apache-2.0
"""A site that follows its atlas: pages are kept until the file changes, as it does while a survey writes it."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from pellucid.errors import PellucidError
from pellucid.store import Atlas
from pellucid.views.addresses import address_of
from pellucid.views.site import Site

__all__ = ["LiveSite", "is_quick"]

_MOST_KEPT_BYTES = 64 << 20
_QUICK = frozenset({"unit", "blob", "static"})

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass
class _Edition:
    """The site as of one state of the file, and the pages made of it so far."""

    stamp: _Stamp
    site: Site
    kept: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    kept_bytes: int = 0


def is_quick(path: str) -> bool:
    """Whether a file takes about a millisecond to make, or is none; lists of many units take longer."""
    address = address_of(path)
    return address is None or address.form in _QUICK


class LiveSite:
    """The files of an atlas's site as the atlas is now. Threads may share it; it lets go of the atlas at its end."""

    def __init__(self, path: str | Path) -> None:
        self._parts = (Path(path), Path(f"{path}-wal"))
        self._atlas = Atlas.open(path)
        weakref.finalize(self, self._atlas.close)
        self._edition = _Edition(self._stamp(), Site(self._atlas))

    def _stamp(self) -> _Stamp:
        return tuple(_moment(part) for part in self._parts)

    def render(self, path: str) -> tuple[bytes, str] | None:
        """What `Site.render` gives, as of now. A page whose records are damaged is not there."""
        stamp, edition = self._stamp(), self._edition
        try:
            if stamp != edition.stamp:
                edition = self._edition = _Edition(stamp, Site(self._atlas))
            found = edition.kept.get(path) or edition.site.render(path)
        except PellucidError:
            return None
        if found is not None and path not in edition.kept:
            edition.kept_bytes += len(found[0])
            if edition.kept_bytes > _MOST_KEPT_BYTES:
                edition.kept, edition.kept_bytes = {}, len(found[0])
            edition.kept[path] = found
        return found


def _moment(part: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(part)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
