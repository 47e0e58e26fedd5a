# SPDX-License-Identifier: Apache-2.0
"""Rows under named columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.markup import Link, for_notebook, text
from pellucid.figures.words import Cell, value_words

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """Rows of text or numbers under `columns`; every row has one cell per column."""

    type: ClassVar[str] = "table"

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def blobs(self) -> Iterator[Blob]:
        yield from ()

    def html(self, link: Link) -> str:
        """A table that scrolls sideways by itself where it is too wide."""
        head = "".join(f'<th scope="col">{text(column)}</th>' for column in self.columns)
        rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f'<div class="table" tabindex="0"><table><tr>{head}</tr>{rows}</table></div>'

    def _repr_html_(self) -> str:
        return for_notebook(self.html(str))

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Table:
        return cls(tuple(row["columns"]), tuple(tuple(cells) for cells in row["rows"]))


def _cell(value: Cell) -> str:
    number = value is None or (isinstance(value, float | int) and not isinstance(value, bool))
    shape = ' class="numeric"' if number else ""
    return f"<td{shape}>{text(value_words(value))}</td>"
