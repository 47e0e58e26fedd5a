# SPDX-License-Identifier: Apache-2.0
"""On which kind of file system a path lies: SQLite's shared log needs the memory of one machine."""

from __future__ import annotations

import re
from pathlib import Path

from pellucid.errors import StorageError

__all__ = ["refuse_network_folder"]

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "fuse.sshfs", "fuse.glusterfs"}
)
_MOUNTS = Path("/proc/self/mountinfo")


def refuse_network_folder(folder: Path, mounts: Path = _MOUNTS) -> None:
    """Raise where an atlas could be corrupted because writer and readers may sit on different machines.

    Raises
    ------
    StorageError : `folder` lies on a network file system
    """
    found = _file_system(folder, mounts)
    if found in _NETWORK:
        raise StorageError(
            f"{folder} is on a network file system ({found}), where SQLite cannot guard an atlas while it is "
            "written; write it on a local disk and copy the finished file"
        )


def _file_system(folder: Path, mounts: Path) -> str | None:
    """The type of the mount that holds `folder`, or None where the system does not list its mounts."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best: tuple[int, str] | None = None
    for line in lines:
        before, dash, after = line.partition(
            " - "
        )  # man 5 proc: the point is field 5, the type follows the dash
        if not dash:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))
        # A later line hides an earlier one at the same point.
        if folder.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), after.split()[0])
    return None if best is None else best[1]
