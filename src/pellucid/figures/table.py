# SPDX-License-Identifier: Apache-2.0
"""Rows under named columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """Rows of text or numbers under `columns`; every row has one cell per column."""

    type: ClassVar[str] = "table"

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | bool | None, ...], ...]

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Table:
        return cls(tuple(row["columns"]), tuple(tuple(cells) for cells in row["rows"]))
