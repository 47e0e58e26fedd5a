# SPDX-License-Identifier: Apache-2.0
"""One value with its unit and its name in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob
from pellucid.figures.markup import Link, for_notebook, text
from pellucid.figures.words import value_words

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

    @property
    def words(self) -> str:
        """The value as people read it: `12.5 %`, `yes`, a text as it is, a dash for nothing."""
        return value_words(self.value, self.unit)

    def html(self, link: Link) -> str:
        """Label and value as one paragraph."""
        label = f'<span class="label">{text(self.label)}</span> ' if self.label else ""
        sort = "value" if isinstance(self.value, str) else "value together"
        return f'<p class="number">{label}<span class="{sort}">{text(self.words)}</span></p>'

    def _repr_html_(self) -> str:
        return for_notebook(self.html(str))

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "value": self.value, "label": self.label, "unit": self.unit}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Number:
        return cls(row["value"], row["label"], row["unit"])
