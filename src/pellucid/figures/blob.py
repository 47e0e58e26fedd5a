# SPDX-License-Identifier: Apache-2.0
"""Bytes named by their content: what a figure shows but a table should not hold."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass, field

from PIL import Image

from pellucid.errors import InputError

__all__ = ["Blob"]

# What Pellucid writes itself; an atlas from elsewhere must not reach Pillow's other decoders.
FORMATS = ("PNG", "WEBP", "JPEG")
MOST_PIXELS = 100_000_000


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

    def image(self) -> Image.Image:
        """The picture in the blob, decoded.

        Raises
        ------
        InputError : the blob was read by name only, or holds no PNG, WebP or JPEG picture
        """
        if self.data is None:
            raise InputError(f"the bytes of blob {self.hash[:12]} stayed in the atlas; Atlas.blob reads them")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(io.BytesIO(self.data), formats=FORMATS)
                if image.width * image.height > MOST_PIXELS:
                    raise InputError(
                        f"blob {self.hash[:12]} is a picture of {image.width}x{image.height}, too large"
                    )
                image.load()
        except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError) as problem:
            if isinstance(problem, InputError):
                raise
            raise InputError(
                f"blob {self.hash[:12]} ({self.mime}) holds no readable picture: {problem}"
            ) from problem
        return image
