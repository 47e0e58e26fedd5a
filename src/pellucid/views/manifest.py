# SPDX-License-Identifier: Apache-2.0
"""The list of a site's files with the SHA-256 of each, by which an export is known and checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pellucid.records import canonical_json
from pellucid.views.addresses import MANIFEST, address_of

__all__ = ["files_of", "manifest", "manifest_in"]

_MADE_BY, _FORMAT = "pellucid export", 1
_DIGEST = re.compile(r"[0-9a-f]{64}")
# What file managers leave in every folder they show.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def manifest(digests: Mapping[str, str]) -> bytes:
    """The list as a file, from the SHA-256 of every other file by its path."""
    return (canonical_json({"made_by": _MADE_BY, "format": _FORMAT, "files": dict(digests)}) + "\n").encode()


def manifest_in(folder: Path) -> dict[str, str] | None:
    """The SHA-256 by path that a folder's list names, or None where there is no such list of ours."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
        ours = found["made_by"] == _MADE_BY and found["format"] == _FORMAT
        files = {str(path): str(digest) for path, digest in found["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    sound = all(address_of(path) and _DIGEST.fullmatch(digest) for path, digest in files.items())
    return files if ours and sound else None


def files_of(folder: Path) -> set[str]:
    """The paths of all files in a folder, with slashes, but for what file managers leave there."""
    found = set()
    for where, _, names in os.walk(folder):
        inside = Path(where).relative_to(folder)
        found |= {(inside / name).as_posix() for name in names if name not in _LITTER}
    return found
