# SPDX-License-Identifier: Apache-2.0
"""One value with its unit and its name in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Number"]


@dataclass(frozen=True)
class Number:
    """A value: a finite number, a truth value, a word, or None where it does not exist.

    `unit` is empty for a pure number, `%` for a share given in 0..100.
    """

    type: ClassVar[str] = "number"

    value: float | int | bool | str | None
    label: str
    unit: str = ""

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "value": self.value, "label": self.label, "unit": self.unit}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Number:
        return cls(row["value"], row["label"], row["unit"])
