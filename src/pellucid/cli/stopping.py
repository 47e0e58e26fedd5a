# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM, and the exit code of each."""

from __future__ import annotations

from types import FrameType

__all__ = ["Terminated", "exit_code", "terminated"]


class Terminated(KeyboardInterrupt):
    """SIGTERM: stops the work as Ctrl-C does, with its own exit code."""


def exit_code(stop: KeyboardInterrupt) -> int:
    return 143 if isinstance(stop, Terminated) else 130


def terminated(signum: int, frame: FrameType | None) -> None:
    raise Terminated
