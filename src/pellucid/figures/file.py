# SPDX-License-Identifier: Apache-2.0
"""Files of results: names checked before the work, written whole or not at all, failures told with the file's name."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid.errors import FULL, InputError, NoSpace, PellucidError, StorageError

__all__ = ["disk_errors", "folder", "folder_path", "picture_path", "write"]


def picture_path(path: str | Path, endings: tuple[str, ...] = (".png",)) -> Path:
    """Where a picture goes: `path`, with the first of `endings` where it has none.

    Raises
    ------
    InputError : another ending, or a folder stands there

    Examples
    --------
    >>> picture_path("fur").name
    'fur.png'
    """
    asked = Path(path)
    if asked.is_dir():
        raise InputError(f"{asked} is a folder; name a file for the picture, as {asked / f'a{endings[0]}'}")
    target = asked if asked.suffix else asked.with_name(f"{asked.name}{endings[0]}")
    if target.suffix.lower() not in endings:
        raise InputError(f"a figure named {asked.name!r} was asked; {' and '.join(endings)} can be written")
    return target


def folder_path(path: str | Path) -> Path:
    """Where several files go: `path`, which need not exist yet; nothing is made, only what would fail later is told now.

    Raises
    ------
    InputError : a file stands there, or above it
    StorageError : it cannot be made or written
    """
    home = Path(path)
    there = next(each for each in (home, *home.absolute().parents) if each.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file; name a folder, one that does not exist will be made")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StorageError(f"{home} cannot be written: no permission to write in {there}")
    return home


def folder(path: str | Path) -> Path:
    """As `folder_path`, and made where it is not there yet."""
    home = folder_path(path)
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    return home


def write(path: Path, data: bytes) -> Path:
    """Write a file at one stroke: what stood there stays until all bytes of the new one are down.

    Raises
    ------
    NoSpace, StorageError : the disk is full, or failed; the message names the file
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if (
            path.exists() and not path.is_file()
        ):  # a terminal, a pipe: bytes go through it, nothing may replace it
            path.write_bytes(data)
            return path
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).chmod(0o666 & ~_mask())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    return path


def _mask() -> int:
    """The permissions that new files of this process lack; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system says when `path` is written into Pellucid's errors, each naming what was to be written."""
    try:
        yield
    except PellucidError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(f"no space left to write {path}; free some and run it again") from error
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
