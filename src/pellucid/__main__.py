# SPDX-License-Identifier: Apache-2.0
"""The entry point of the `pellucid` command and of `python -m pellucid`: light, so that Ctrl-C is heard from the first moment."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys

__all__ = ["main"]

# Loading torch makes a million objects that last; looking through them for garbage again and again takes half a second.
NEW_OBJECTS = 20_000


def main() -> None:
    """Run the command line; whoever stops it while it is still being loaded gets one line, too."""
    signal.signal(signal.SIGTERM, lambda *_: _stopped(143))
    gc.set_threshold(NEW_OBJECTS)
    try:
        run = importlib.import_module("pellucid.cli").main
    except KeyboardInterrupt:
        _stopped(130)
    try:
        run()
    finally:
        gc.freeze()  # at the end of everything nobody looks for garbage: that took a second of each command


def _stopped(code: int) -> None:
    print("pellucid: interrupted before anything was begun; run it again", file=sys.stderr, flush=True)
    os._exit(code)  # no exception may run into half-loaded modules


if __name__ == "__main__":
    main()
