# SPDX-License-Identifier: Apache-2.0
"""What the command line prints: documents on standard output, one-line errors and progress on standard error."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = [
    "complain",
    "document_only",
    "plain",
    "print_json",
    "print_table",
    "print_text",
    "progress_bar",
    "say",
]

SECONDS_APART = 10.0


def plain(text: object) -> str:
    """`text` on one line, with control characters and escapes of the terminal made visible.

    >>> plain("a\\x1b[2J\\nb")
    'a\\\\x1b[2J b'
    """
    joined = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


def complain(message: object) -> None:
    """One line on standard error."""
    print(f"pellucid: {plain(message)}", file=sys.stderr, flush=True)


def say(line: str, quiet: bool = False) -> None:
    """One line for the user on standard output."""
    if not quiet:
        print(plain(line))


@contextmanager
def document_only() -> Iterator[None]:
    """Inside, only `print_json` writes on standard output; what anything else prints goes to standard error."""
    global _document
    _document = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _document = None


_document: TextIO | None = None


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on standard output; numbers that JSON cannot write become null."""
    print(json.dumps(_finite(document), ensure_ascii=False, allow_nan=False), file=_document or sys.stdout)


def print_text(document: str) -> None:
    """A JSON document on standard output that is text already."""
    print(document, file=_document or sys.stdout)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under columns, aligned by spaces, so that `grep` and `awk` can read them too."""
    cells = [[plain("" if cell is None else cell) for cell in row] for row in [columns, *rows]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Any]:
    """A function (done, total, what) that draws a bar on standard error; None when quiet.

    Where standard error is no terminal a line is printed instead, of each kind of work at most every ten seconds.
    """
    if quiet:
        yield None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}
        rates = _Rates()

        def show(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(plain(what).replace("[", r"\["), total=total, rate="")
            bar.update(tasks[what], completed=done, total=total, rate=rates.words(what, done))

        yield show


def _lines() -> Any:
    started = time.monotonic()
    last: dict[str, float] = {}
    rates = _Rates()

    def show(done: int, total: int, what: str) -> None:
        rate = rates.words(what, done)
        if time.monotonic() - last.get(what, started) >= SECONDS_APART:
            last[what] = time.monotonic()
            left = rates.left(what, done, total)
            print(
                f"{plain(what)}: {done} of {total}{rate and f', {rate}'}{left}", file=sys.stderr, flush=True
            )

    return show


class _Rates:
    """How fast each kind of work goes, since it was first heard of or last began anew."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[float, int]] = {}
        self._last: dict[str, int] = {}

    def words(self, what: str, done: int) -> str:
        """As `2.9 a second`; empty until something is done."""
        speed = self._speed(what, done)
        return f"{speed:.3g} a second" if speed else ""

    def left(self, what: str, done: int, total: int) -> str:
        """As `, 40 s left`."""
        speed = self._speed(what, done)
        return f", {(total - done) / speed:.0f} s left" if speed else ""

    def _speed(self, what: str, done: int) -> float:
        if done < self._last.get(what, done):  # the next job's work of the same kind
            del self._first[what]
        self._last[what] = done
        start, before = self._first.setdefault(what, (time.monotonic(), done))
        seconds = time.monotonic() - start
        return (done - before) / seconds if seconds > 0 and done > before else 0.0
