# SPDX-License-Identifier: Apache-2.0
"""A picture: encoded pixels with their size and a text that says what they show."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.figures.blob import Blob
from pellucid.figures.markup import Link, data_uri, for_notebook, text
from pellucid.figures.stamp import write_png

__all__ = ["Picture"]


@dataclass(frozen=True)
class Picture:
    """Encoded pixels (PNG unless the blob says otherwise) of `width` by `height`.

    `alt` says in words what is shown. `pixelated` asks a page to enlarge it without smoothing.
    """

    type: ClassVar[str] = "picture"

    blob: Blob
    width: int
    height: int
    alt: str = ""
    pixelated: bool = False

    @classmethod
    def of(
        cls,
        pixels: NDArray[np.uint8] | Image.Image,
        provenance: Mapping[str, Any],
        *,
        alt: str = "",
        pixelated: bool = False,
    ) -> Picture:
        """The picture of `pixels` (as `write_png` takes them) with its provenance inside.

        >>> Picture.of(np.zeros((4, 6, 3), np.uint8), {"seed": 0}, alt="black").width
        6
        """
        blob = Blob.of(write_png(pixels, provenance))
        width, height = blob.image().size
        return cls(blob, width, height, alt, pixelated)

    def blobs(self) -> Iterator[Blob]:
        yield self.blob

    def html(self, link: Link) -> str:
        """The picture as an `img`; `link` gives the address of a blob."""
        shape = "picture pixelated" if self.pixelated else "picture"
        return (
            f'<img class="{shape}" src="{text(link(self.blob))}" width="{self.width:d}" '
            f'height="{self.height:d}" alt="{text(self.alt)}" loading="lazy" decoding="async">'
        )

    def png(self) -> bytes:
        """The file itself where it is a PNG, so that its provenance stays in it; otherwise re-encoded."""
        if self.blob.mime == "image/png" and self.blob.data is not None:
            return self.blob.data
        encoded = io.BytesIO()
        self.blob.image().save(encoded, "PNG")
        return encoded.getvalue()

    def _repr_html_(self) -> str | None:
        return None if self.blob.data is None else for_notebook(self.html(data_uri))

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
