# SPDX-License-Identifier: Apache-2.0
"""A command run to its exit code: every failure is one line on standard error."""

from __future__ import annotations

import os
import signal
import sys

from typer.exceptions import TyperException

import pellucid
from pellucid.cli.command import app
from pellucid.cli.stopping import exit_code, terminated
from pellucid.errors import FULL, NoSpace, PellucidError, StorageError
from pellucid.terminal import complain

__all__ = ["main", "run"]

ANYWHERE_FLAGS = ("--json", "--quiet", "-q")
ANYWHERE_VALUES = ("--seed", "--device")


def _arranged(arguments: list[str]) -> list[str]:
    """The arguments with the options that every command has moved behind the command, so that they may stand before it too."""
    ahead: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        if rest[0] in ANYWHERE_FLAGS or (rest[0].split("=")[0] in ANYWHERE_VALUES and "=" in rest[0]):
            ahead.append(rest.pop(0))
        elif rest[0] in ANYWHERE_VALUES and len(rest) > 1:
            ahead += [rest.pop(0), rest.pop(0)]
        else:
            break
    if not ahead:
        return rest
    place = 2 if rest[:1] == ["store"] else 1
    return [*rest[:place], *ahead, *rest[place:]]


def run(arguments: list[str]) -> int:
    """Run a command; every failure is one line on standard error and an exit code of the contract."""
    if not arguments:
        arguments = ["--help"]
    try:
        return int(app(args=_arranged(arguments), prog_name="pellucid", standalone_mode=False) or 0)
    except PellucidError as error:
        complain(error)
        return error.exit_code
    except TyperException as error:
        if said := error.format_message():  # silent where a group without a command has shown its help
            complain(f"{said} (pellucid --help lists what there is)")
        return 2
    except SystemExit as stop:
        if stop.code == 130:  # the parser's own silent way out, before a command has begun
            complain("interrupted before anything was begun; run it again")
        return int(stop.code or 0)
    except KeyboardInterrupt as error:
        complain("interrupted")
        return exit_code(error)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError:
        complain("out of memory; a smaller --memory, a smaller --size or fewer units at once would work")
        return 2
    except OSError as error:
        kind = NoSpace if error.errno in FULL else StorageError
        complain(f"{error.strerror or error}: {error.filename or 'a file'}")
        return kind.exit_code
    except Exception as error:
        if os.environ.get("PELLUCID_TRACEBACK"):
            raise
        complain(
            f"a bug in Pellucid: {type(error).__name__}: {error}; set PELLUCID_TRACEBACK=1 to see where, and please report it"
        )
        return 1


def main() -> None:
    """The entry point of the `pellucid` command."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print(f"pellucid {pellucid.__version__}")
        raise SystemExit(0)
    signal.signal(signal.SIGTERM, terminated)
    raise SystemExit(run(arguments))
