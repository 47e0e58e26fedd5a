# SPDX-License-Identifier: Apache-2.0
"""An atlas as a folder that opens by double-click: written whole or not at all, and checkable ever after."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.errors import FULL, InputError, NoSpace, PellucidError, StorageError
from pellucid.store import Atlas
from pellucid.store.lock import WriterLock
from pellucid.views.addresses import HOME, MANIFEST
from pellucid.views.exchange import put_in_place, sync_folder
from pellucid.views.manifest import files_of, manifest, manifest_in
from pellucid.views.site import Site

__all__ = ["ExportReport", "export", "verify"]

# Waiting for the disk is most of the work of many small files, and disks take several at once.
_WRITERS, _MOST_WAITING = 8, 64


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote: the folder, how many files and bytes, and the time it took."""

    site: Path
    files: int
    bytes: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "site": str(self.site),
            "index": str(self.site / HOME),
            "files": self.files,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
        }


def export(atlas: str | Path, out: str | Path) -> ExportReport:
    """Write the atlas at `atlas` as a static site into the folder `out`; `out/index.html` opens in any browser.

    The site is made beside `out` and put in its place at one stroke: whatever happens, `out` is wholly the old site or
    wholly the new one. The same atlas gives the same bytes.

    Raises
    ------
    InputError : `out` is something else than an earlier export, or holds files that no export put there
    UnknownName, NotAnAtlas : there is no atlas, or it is damaged
    AtlasInUse : another process exports to `out`
    NoSpace, StorageError : the disk is full, or failed

    Examples
    --------
    >>> export("resnet18.atlas", "site").files  # doctest: +SKIP
    5316
    """
    started = time.monotonic()
    with Atlas.open(atlas) as opened, _disk_errors(Path(out)):
        target = Path(os.path.realpath(out))
        _refuse_foreign(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(target)
        try:
            fresh = _fresh_folder(target)
            try:
                count, size = _write(Site(opened), fresh)
                put_in_place(fresh, target)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        finally:
            lock.release()
    return ExportReport(Path(out), count, size, time.monotonic() - started)


@contextmanager
def _disk_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except PellucidError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(
                f"no space left for {out}; nothing there was changed: free some and export again"
            ) from error
        raise StorageError(
            f"{error.filename or out}: {error.strerror or error}; nothing at {out} was changed"
        ) from error


def _refuse_foreign(target: Path) -> None:
    """Raise unless there is nothing at `target`, an empty folder, or an export of ours with nothing added."""
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise InputError(
            f"{target} is a file; name a folder for the site, one that does not exist or is an export"
        )
    there = files_of(target)
    if not there:
        return
    ours = manifest_in(target)
    if ours is None:
        raise InputError(
            f"{target} is not empty and is no export of ours; name another folder, or empty it first"
        )
    strangers = sorted(there - set(ours) - {MANIFEST})
    if strangers:
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise InputError(
            f"{target} holds {strangers[0]!r}{more}, which no export put there; move it away or name another folder"
        )


def _fresh_folder(target: Path) -> Path:
    """An empty folder beside `target`, after what an interrupted export may have left is put right."""
    fresh = target.with_name(f".{target.name}.tmp")
    aside = fresh.with_name(f"{fresh.name}.old")
    if aside.exists() and not target.exists():
        aside.rename(target)
    for left in (fresh, aside):
        if left.exists():
            shutil.rmtree(left)
    fresh.mkdir()
    return fresh


def _write(site: Site, folder: Path) -> tuple[int, int]:
    """Write all files and the manifest, down to the disk; their number and size."""
    digests: dict[str, str] = {}
    folders = {folder}
    size = 0
    waiting: deque[Future[tuple[str, str]]] = deque()
    with ThreadPoolExecutor(_WRITERS) as pool:
        for path, data in site.files():
            place = folder / path
            if place.parent not in folders:
                place.parent.mkdir(parents=True, exist_ok=True)
                folders |= {place.parent, place.parent.parent}  # no site is deeper than layer/3
            size += len(data)
            waiting.append(pool.submit(_write_file, folder, path, data))
            if len(waiting) > _MOST_WAITING:
                digests.update([waiting.popleft().result()])
        digests.update(each.result() for each in waiting)
    listing = manifest(digests)
    _write_file(folder, MANIFEST, listing)
    for each in folders:
        sync_folder(each)
    return len(digests) + 1, size + len(listing)


def _write_file(folder: Path, path: str, data: bytes) -> tuple[str, str]:
    with (folder / path).open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path, hashlib.sha256(data).hexdigest()


def verify(site: str | Path, atlas: str | Path | None = None) -> list[str]:
    """What is wrong with an exported site, one line each: files that are missing, changed, or not from the export.

    Parameters
    ----------
    site : a folder that `export` wrote
    atlas : where given, each file is held against what this atlas shows now, so that an older site, or one of another
        atlas, does not pass; without it, against the site's own manifest

    Raises
    ------
    UnknownName, NotAnAtlas : there is no atlas, or it is damaged
    StorageError : a file cannot be read
    """
    folder = Path(site)
    wanted = manifest_in(folder)
    if wanted is None:
        return [f"{folder} is no export: it has no {MANIFEST} of ours"]
    problems = []
    if atlas is not None:
        with Atlas.open(atlas) as opened:
            shown = {path: hashlib.sha256(data).hexdigest() for path, data in Site(opened).files()}
        if shown != wanted:
            problems.append(f"{MANIFEST} lists other files than {atlas} has now")
            wanted = shown
    there = files_of(folder)
    problems += [f"{path} is missing" for path in sorted(set(wanted) - there)]
    problems += [f"{path} is not from the export" for path in sorted(there - set(wanted) - {MANIFEST})]
    with _disk_errors(folder):
        for path in sorted(there & set(wanted)):
            file = folder / path
            if file.is_symlink() or hashlib.sha256(file.read_bytes()).hexdigest() != wanted[path]:
                problems.append(f"{path} has changed")
    return problems
