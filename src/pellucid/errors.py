# SPDX-License-Identifier: Apache-2.0
"""Every error of Pellucid and the exit code the command line gives it.

    PellucidError                         exit code
    ├── InputError (ValueError)           2   wrong input or usage
    │   ├── UnknownName (LookupError)     2   a model, layer, unit, label or item that is not there
    │   ├── MisfitWeights                 2   weights that do not fit the model
    │   ├── NetworkFailure                2   the network's own code fails while it runs
    │   ├── NoItems                       2   data without one readable item
    │   ├── MissingExtra (ImportError)    2   an optional dependency is not installed
    │   └── NotAnAtlas                    2   not an atlas, damaged, or of a newer version
    ├── RefusedFile (PermissionError)     3   loading it could run code
    ├── FinishedWithProblems              4   done, but not whole, under --strict
    ├── AtlasInUse (OSError)              73  another process writes this atlas
    ├── StorageError (OSError)            74  the disk answered with an error
    │   └── NoSpace                       75  the disk is full
    └── Interrupted                       130 Ctrl-C (143: SIGTERM); what is done is kept

A message says in one line what was asked, what is there, and what would work.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

__all__ = [
    "FULL",
    "AtlasInUse",
    "FinishedWithProblems",
    "InputError",
    "Interrupted",
    "MisfitWeights",
    "MissingExtra",
    "NetworkFailure",
    "NoItems",
    "NoSpace",
    "NotAnAtlas",
    "PellucidError",
    "RefusedFile",
    "StorageError",
    "UnknownName",
    "did_you_mean",
]

# What the system says when there is no room for more bytes: a full disk, a quota, a limit on the size of a file.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PellucidError(Exception):
    """The parent of every error that Pellucid raises on purpose."""

    exit_code = 1

    def __str__(self) -> str:
        return " ".join(str(part) for part in self.args)


class InputError(PellucidError, ValueError):
    """What was asked cannot be done with what was given."""

    exit_code = 2


class UnknownName(InputError, LookupError):
    """A model, layer, unit, label or item of that name does not exist."""


class MisfitWeights(InputError):
    """The weights do not fit the model."""


class NetworkFailure(InputError):
    """The network's own code raised an error while it ran; the cause is kept."""


class NoItems(InputError):
    """The data holds no readable item."""


class MissingExtra(InputError, ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""


class NotAnAtlas(InputError):
    """The file is no atlas, is damaged, or was written by a newer version."""


class RefusedFile(PellucidError, PermissionError):
    """Loading this file could run code hidden in it."""

    exit_code = 3


class FinishedWithProblems(PellucidError):
    """The work is finished, but some of it was skipped, and --strict asked for all."""

    exit_code = 4


class AtlasInUse(PellucidError, OSError):
    """Another process writes this atlas."""

    exit_code = 73


class StorageError(PellucidError, OSError):
    """The disk answered with an error."""

    exit_code = 74


class NoSpace(StorageError):
    """The disk is full."""

    exit_code = 75


class Interrupted(PellucidError):
    """The user or the system stopped the work; what is done is kept."""

    exit_code = 130

    def __init__(self, message: str, exit_code: int = 130) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def did_you_mean(asked: str, names: Iterable[str], most: int = 3) -> str:
    """A closing phrase that names the nearest of `names`, or the first few when none is near.

    >>> did_you_mean("featurs.0", ["features.0", "classifier"])
    'did you mean features.0?'
    """
    known = list(dict.fromkeys(names))
    # What goes on as the name asked begins is nearer than what is spelled alike.
    longer = sorted((name for name in known if len(asked) > 2 and name.startswith(asked)), key=len)
    close = list(dict.fromkeys([*longer, *difflib.get_close_matches(asked, known, most, 0.6)]))[:most]
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(known[:most]) + (", ..." if len(known) > most else "")
    return f"there is {shown}" if known else "there is none"
