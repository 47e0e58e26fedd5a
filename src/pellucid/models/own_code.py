# SPDX-License-Identifier: Apache-2.0
"""The network's own code: what it raises while it runs is told as its own, in one line, with the place in the user's file."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pellucid.errors import NetworkFailure, PellucidError
from pellucid.models.shortage import out_of_memory

__all__ = ["own_code"]

LONGEST = 300  # letters of what the code says; torch may append a C++ trace of pages
# Frames from here on inwards are no user's code.
LIBRARIES = tuple(str(folder) for folder in (Path(torch.__file__).parent, Path(__file__).parents[1]))


@contextmanager
def own_code(ours: Collection[BaseException] = ()) -> Iterator[None]:
    """Inside runs code of the network, forward or backward: what it raises is its own failure.

    Errors of Pellucid, a lack of memory, and those among `ours`, raised by what observes the network, pass as they are.

    Raises
    ------
    NetworkFailure : for whatever the network's code raises
    """
    try:
        yield
    except (Exception, SystemExit) as error:  # a model that ends the program must not end this one
        if isinstance(error, PellucidError) or out_of_memory(error) or any(error is one for one in ours):
            raise
        raise NetworkFailure(_told(error)) from error


def _told(error: BaseException) -> str:
    words = " ".join(str(error).split())[:LONGEST] or "no reason given"
    return f"the network's own code fails: {type(error).__name__}: {words}{_place(error)}"


def _place(error: BaseException) -> str:
    """The innermost line that is neither torch's nor Pellucid's; empty where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not frame.filename.startswith((*LIBRARIES, "<"))]
    return f" ({Path(users[-1].filename).name}, line {users[-1].lineno})" if users else ""
