# SPDX-License-Identifier: Apache-2.0
"""Values as people read them: the one way numbers are written on pages, sheets and axes."""

from __future__ import annotations

__all__ = ["MINUS", "Cell", "counted", "value_words"]

Cell = float | int | bool | str | None

THIN_SPACE, MINUS, DASH = "\u202f", "\u2212", "\u2013"


def value_words(value: Cell, unit: str = "") -> str:
    """A number with four digits that count, a truth value as yes or no, a text as it is, a dash for nothing.

    >>> value_words(0.123456), value_words(True), value_words(None), value_words("blob")
    ('0.1235', 'yes', '–', 'blob')
    >>> value_words(12.5, "%").split()
    ['12.5', '%']
    """
    if value is None:
        return DASH
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = _whole(value) if isinstance(value, int) else _decimal(value)
    return f"{words.replace('-', MINUS)}{THIN_SPACE}{unit}" if unit else words.replace("-", MINUS)


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "picture"), counted(3, "picture")
    ('1 picture', '3 pictures')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _whole(value: int) -> str:
    grouped = f"{value:,}".replace(",", THIN_SPACE)
    return grouped if abs(value) >= 10_000 else str(value)


def _decimal(value: float) -> str:
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e5:
        digits, _, power = f"{value:.3e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}" if power else digits
    short = f"{value:.4g}"
    return f"{value:.0f}" if "e" in short else short
