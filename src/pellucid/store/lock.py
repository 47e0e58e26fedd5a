# SPDX-License-Identifier: Apache-2.0
"""The lock that makes one process the writer of an atlas: flock on a hidden file beside it, never deleted.

The system frees it when its holder dies. What the file says of the holder is a hint for people, not the lock.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import time
import weakref
from pathlib import Path

from pellucid.errors import AtlasInUse, StorageError
from pellucid.store.faults import one_line

__all__ = ["WriterLock"]

_CLOSED = -1
_PATIENCE_S = 0.5  # for a holder that has not yet written its name, or is just dying


class WriterLock:
    """The right to write `atlas`, from its making until `release`.

    Raises
    ------
    AtlasInUse : another process holds it; the message names its id and host
    StorageError : the lock file cannot be made, or is a link or a folder
    """

    def __init__(self, atlas: Path) -> None:
        self.path = atlas.with_name(f".{atlas.name}.lock")
        self._fd = _opened(self.path)
        try:
            self._take(atlas)
            self._sign()
        except BaseException:
            self.forget()
            raise
        _HELD.add(self)

    def _take(self, atlas: Path) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not self._got():
            holder = self._holder()
            if holder is not None or time.monotonic() > deadline:
                who = holder or "another process"
                raise AtlasInUse(f"{atlas} is being written by {who}; wait for it or stop it, then try again")
            time.sleep(0.02)

    def _got(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str | None:
        """The holder in words, or None while the file names nobody or a process of this host that is gone."""
        try:
            row = json.loads(os.pread(self._fd, 4096, 0))
            pid, host = int(row["pid"]), one_line(str(row["host"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        if host == socket.gethostname() and not _alive(pid):
            return None
        return f"process {pid} on {host}"

    def _sign(self) -> None:
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)

    def release(self) -> None:
        """Give the right back. Calling it again does nothing."""
        if self._fd != _CLOSED:
            try:
                os.ftruncate(self._fd, 0)
            finally:
                self.forget()

    def forget(self) -> None:
        """Close the file without a word: what a forked child does, whose parent goes on holding the lock."""
        if self._fd != _CLOSED:
            os.close(self._fd)
            self._fd = _CLOSED


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        fd = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            raise _no_lock_file(path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _no_lock_file(path)
    return fd


def _no_lock_file(path: Path) -> StorageError:
    return StorageError(f"{path} should be a plain lock file and is a link, a folder or a device; remove it")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # not ours to signal, so it exists
    return True


_HELD: weakref.WeakSet[WriterLock] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in tuple(_HELD):
        lock.forget()


# A forked child shares the parent's lock, and would keep it after the parent's death.
os.register_at_fork(after_in_child=_forget_all)
