# SPDX-License-Identifier: Apache-2.0
"""Putting a finished folder in the place of another at one stroke, so that nobody ever sees half of it."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

__all__ = ["put_in_place", "sync_folder"]

_AT_FDCWD = -100 if sys.platform == "linux" else -2
_SWAP = 2  # RENAME_EXCHANGE of Linux's renameat2, and RENAME_SWAP of macOS's renameatx_np
# What a system or a file system answers that knows no exchange.
_UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def put_in_place(new: Path, target: Path) -> None:
    """Make `new` the folder at `target`; a folder that was there ends up at the path of `new`.

    Both lie in one folder. Where the system can exchange two names at one stroke there is always a whole folder at
    `target`; elsewhere the old one is renamed away first, and a crash just then leaves both beside the empty place.
    """
    if not target.exists():
        new.rename(target)
    elif not _exchanged(new, target):
        aside = new.with_name(f"{new.name}.old")
        target.rename(aside)
        new.rename(target)
        aside.rename(new)
    sync_folder(target.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the system exchanged the names; False where it cannot."""
    libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    call = getattr(libc, "renameat2" if sys.platform == "linux" else "renameatx_np", None)
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_SWAP)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(other))


def sync_folder(folder: Path) -> None:
    """Let the names in a folder reach the disk, where the system can be asked to."""
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
