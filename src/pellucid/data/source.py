# SPDX-License-Identifier: Apache-2.0
"""Where items come from: anything with names in a fixed order and a picture for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from pellucid.data.folder import Folder
from pellucid.data.tiles import Tiles
from pellucid.errors import InputError, UnknownName

__all__ = ["Source", "head", "open_source"]


@runtime_checkable
class Source(Protocol):
    """A listing of items, and their pictures. A row is an item's place in the listing, and its id.

    `names` are POSIX paths relative to the data's root, sorted by UTF-8 bytes; `listing_digest` is a hash of
    them; `credits` are the lines that the items' licences ask for.
    """

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def listing_digest(self) -> str: ...

    @property
    def credits(self) -> tuple[str, ...]: ...

    def image(self, row: int) -> Image.Image:
        """The item as upright RGB; called from several threads at once. Raises ItemProblem."""
        ...


def open_source(where: str | Path | Source) -> Source:
    """The source that a user named: a folder of pictures, one picture, the word `demo`, or a Source as it is.

    Raises
    ------
    UnknownName : nothing of that name is there
    NoItems : the folder holds no picture
    MissingExtra : `demo` without the libraries that carry its photographs
    InputError : a file that is no picture
    """
    if not isinstance(where, (str, Path)):
        return where
    if where == "demo":
        return Tiles()
    path = Path(where).expanduser()
    if not path.exists():
        raise UnknownName(
            f"there is no {str(where)!r}; give a folder of pictures, a picture file, or the word demo"
        )
    if not (path.is_dir() or path.is_file()):
        raise InputError(f"{where} is neither a folder nor a file; give a folder of pictures, or one picture")
    return Folder(path)


@dataclass(frozen=True)
class _Head:
    """The first items of another source."""

    whole: Source
    names: Sequence[str]

    @property
    def name(self) -> str:
        return f"the first {len(self.names)} of {self.whole.name}"

    @property
    def listing_digest(self) -> str:
        return f"{self.whole.listing_digest}[:{len(self.names)}]"

    @property
    def credits(self) -> tuple[str, ...]:
        return self.whole.credits

    def image(self, row: int) -> Image.Image:
        return self.whole.image(row)


def head(source: Source, count: int) -> Source:
    """The first `count` items of a source, to try something on; all of them where there are fewer."""
    return _Head(source, source.names[:count])
