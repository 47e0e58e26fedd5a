# SPDX-License-Identifier: Apache-2.0
"""Item names in a fixed order, a million of them in a few bytes more than their letters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

__all__ = ["Listing", "Numbered"]


class Listing(Sequence[str]):
    """Names sorted by their bytes; a row is a name's place.

    A list of Python strings takes three times as much memory. File names are bytes: one that is not UTF-8
    shows its odd bytes as `\\xff`, and `raw` keeps them so that the file can be opened.

    Examples
    --------
    >>> listing = Listing([b"b.png", b"a/z.png"])
    >>> list(listing), listing.raw(0)
    (['a/z.png', 'b.png'], b'a/z.png')
    """

    def __init__(self, names: Iterable[bytes]) -> None:
        ordered = sorted(names)
        self._letters = b"".join(ordered)
        lengths = np.fromiter(map(len, ordered), np.int64, len(ordered))
        self._ends = np.concatenate([[0], np.cumsum(lengths)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        return self.raw(row).decode("utf-8", "backslashreplace")

    def raw(self, row: int) -> bytes:
        """The name's own bytes."""
        place = range(len(self))[row]  # negative rows, and IndexError, as for any sequence
        return self._letters[self._ends[place] : self._ends[place + 1]]

    @property
    def digest(self) -> str:
        """SHA-256 of the names' bytes and of where each ends."""
        return hashlib.sha256(self._ends.astype("<i8").tobytes() + self._letters).hexdigest()


class Numbered(Sequence[str]):
    """Names of items that have none: their rows, with as many digits as keep them in order, six at least.

    Examples
    --------
    >>> list(Numbered(3))
    ['000000', '000001', '000002']
    """

    def __init__(self, count: int) -> None:
        self._rows = range(count)
        self._digits = max(6, len(str(count - 1)))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[each] for each in self._rows[row]]
        return f"{self._rows[row]:0{self._digits}d}"
