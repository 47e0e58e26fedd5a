# SPDX-License-Identifier: Apache-2.0
"""The names of a network's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pellucid.errors import InputError, UnknownName

__all__ = ["checked_labels", "read_labels"]


def read_labels(labels: str | Path | Sequence[str]) -> tuple[str, ...]:
    """Labels as given, or from a UTF-8 text file with one a line, in the order of the outputs.

    Raises
    ------
    UnknownName : there is no such file
    InputError : the file cannot be read as text
    """
    if not isinstance(labels, str | Path):
        return tuple(str(label) for label in labels)
    path = Path(labels)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UnknownName(f"no label file {path}; --labels takes a text file with one name a line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read as labels, one name a line: {error}") from error
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)


def checked_labels(labels: tuple[str, ...], units: int, name: str) -> tuple[str, ...]:
    """The labels, if there is one for each output."""
    if len(labels) != units:
        raise InputError(
            f"{len(labels)} labels were given, {name} has {units} outputs; one for each is needed"
        )
    return labels
