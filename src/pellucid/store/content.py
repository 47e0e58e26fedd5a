# SPDX-License-Identifier: Apache-2.0
"""The rows of an atlas as they are read: each held against its types and its seal before anyone uses it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.errors import NotAnAtlas
from pellucid.store.digest import seal

__all__ = ["TABLES", "Sealed"]


@dataclass(frozen=True)
class Sealed:
    """A table whose rows carry a seal. `query` selects the sealed values and then the seal."""

    name: str
    query: str
    types: tuple[type | tuple[type, ...], ...]

    def opened(self, row: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
        """The values of a row that `query` selected, without the seal.

        Raises
        ------
        NotAnAtlas : a value has a wrong type, or the row has changed since it was written
        """
        values, found = row[:-1], row[-1]
        typed = all(isinstance(value, kind) for value, kind in zip(values, self.types, strict=True))
        if not typed or seal(self.name, *values) != found:
            words = ":".join(str(value)[:80] for value in values[:3] if isinstance(value, (str, int)))
            raise NotAnAtlas(f"{path} is damaged: {self.name} {words!r} is not as it was written")
        return values


TABLES = {
    table.name: table
    for table in (
        Sealed("about", "SELECT name, json, seal FROM about", (str, str)),
        Sealed("layer", "SELECT ordinal, name, json, seal FROM layer", (int, str, str)),
        Sealed("kind", "SELECT ordinal, name, json, seal FROM kind", (int, str, str)),
        Sealed("item", "SELECT id, name, reason, seal FROM item", (int, str, (str, type(None)))),
        Sealed(
            "record",
            "SELECT layer.name, record.unit, kind.name, record.json, record.seal FROM record "
            "JOIN layer ON layer.id = record.layer JOIN kind ON kind.id = record.kind",
            (str, int, str, str),
        ),
        Sealed("blob", "SELECT hash, mime, seal FROM blob", (str, str)),
        Sealed("state", "SELECT key, data, seal FROM state", (str, bytes)),
    )
}
