# SPDX-License-Identifier: Apache-2.0
"""A sample of data: some of its items, drawn by seed."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.pixels import Pixels
from pellucid.data.source import Source
from pellucid.errors import InputError

__all__ = ["Sample", "sampled"]


@dataclass(frozen=True, eq=False)
class Sample:
    """The items of `source` in `rows`, as a source of their own."""

    source: Source
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.source.name

    @functools.cached_property
    def names(self) -> Sequence[str]:
        return [self.source.names[row] for row in self.rows]

    @property
    def listing_digest(self) -> str:
        return hashlib.sha256(
            "\n".join([self.source.listing_digest, *map(str, self.rows)]).encode()
        ).hexdigest()

    @property
    def credits(self) -> tuple[str, ...]:
        return self.source.credits

    @property
    def classes(self) -> NDArray[np.int32] | None:
        found = self.source.classes
        return None if found is None else found[list(self.rows)]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.source.class_names

    def image(self, row: int) -> Image.Image | Pixels:
        return self.source.image(self.rows[row])


def sampled(source: Source, count: int | None, seed: int = 0) -> Source:
    """At most `count` items, those of the smallest hash of seed and row, in the order of the source; all for None.

    A larger sample holds the smaller ones of the same seed.

    Raises
    ------
    InputError : a count below 1

    Examples
    --------
    >>> from pellucid.data import open_source
    >>> images = open_source(np.zeros((9, 4, 4), np.uint8))
    >>> small, large = sampled(images, 3), sampled(images, 5)
    >>> len(small.names), set(small.names) < set(large.names)
    (3, True)
    """
    if count is None or count >= len(source.names):
        return source
    if count < 1:
        raise InputError(f"a sample of {count} items was asked; it needs at least 1")
    drawn = sorted(range(len(source.names)), key=lambda row: _lot(seed, row))[:count]
    return Sample(source, tuple(sorted(drawn)))


def _lot(seed: int, row: int) -> bytes:
    return hashlib.blake2b(f"sample {seed} {row}".encode(), digest_size=8).digest()
