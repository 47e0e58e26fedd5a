# SPDX-License-Identifier: Apache-2.0
"""A picture: encoded pixels with their size and a text that says what they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pellucid.figures.blob import Blob

__all__ = ["Picture"]


@dataclass(frozen=True)
class Picture:
    """Encoded pixels (PNG unless the blob says otherwise) of `width` by `height`.

    `alt` says in words what is shown. `pixelated` asks a page to enlarge it without smoothing, as for a 9x9 filter.
    """

    type: ClassVar[str] = "picture"

    blob: Blob
    width: int
    height: int
    alt: str = ""
    pixelated: bool = False

    def blobs(self) -> Iterator[Blob]:
        yield self.blob

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "blob": self.blob.hash,
            "mime": self.blob.mime,
            "width": self.width,
            "height": self.height,
            "alt": self.alt,
            "pixelated": self.pixelated,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Picture:
        blob = Blob(row["blob"], row["mime"])
        return cls(blob, row["width"], row["height"], row["alt"], row["pixelated"])
