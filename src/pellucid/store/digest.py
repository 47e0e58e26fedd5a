# SPDX-License-Identifier: Apache-2.0
"""Hashes over rows: the seal that guards one row, and the digest that names the content of a whole atlas.

Both hash the same unambiguous encoding: each value with a tag for its type and its length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["Value", "content_digest", "encoded", "seal"]

Value = None | int | float | str | bytes
_SEAL_BYTES = 8


def encoded(table: str, *values: Value) -> bytes:
    """A row as bytes, such that no two different rows give the same.

    >>> encoded("item", 3, "cat.jpg", None)
    b'T4:itemI1:3T7:cat.jpgN0:'
    """
    return b"".join(_tagged(value) for value in (table, *values))


def _tagged(value: Value) -> bytes:
    if isinstance(value, str):
        tag, body = b"T", value.encode("utf-8")
    elif isinstance(value, bytes):
        tag, body = b"B", value
    elif isinstance(value, int):
        tag, body = b"I", b"%d" % value
    elif isinstance(value, float):
        tag, body = b"R", value.hex().encode()
    else:
        tag, body = b"N", b""
    return b"%b%d:%b" % (tag, len(body), body)


def seal(table: str, *values: Value) -> bytes:
    """Eight bytes that show whether a row has changed by accident; it is no defence against intent."""
    return hashlib.sha256(encoded(table, *values)).digest()[:_SEAL_BYTES]


def content_digest(rows: Iterable[tuple[str, *tuple[Value, ...]]]) -> str:
    """The SHA-256, in hexadecimal, over rows that each begin with the name of their table.

    >>> content_digest([("item", 0, "a", None)]) == content_digest([("item", 0, "a", "")])
    False
    """
    digest = hashlib.sha256()
    for row in rows:
        digest.update(b"%d;" % len(row) + encoded(*row))
    return digest.hexdigest()
