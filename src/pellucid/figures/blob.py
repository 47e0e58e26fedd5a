# SPDX-License-Identifier: Apache-2.0
"""Bytes named by their content: what a figure shows but a table should not hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

__all__ = ["Blob"]


@dataclass(frozen=True)
class Blob:
    """An encoded picture or other bytes, equal when their SHA-256 is equal.

    `data` is None for a blob that was read from an atlas by name only.
    """

    hash: str
    mime: str
    data: bytes | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, data: bytes, mime: str = "image/png") -> Blob:
        """The blob that holds `data`."""
        return cls(hashlib.sha256(data).hexdigest(), mime, data)
