# SPDX-License-Identifier: Apache-2.0
"""Where items come from: anything with names in a fixed order and a picture for each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pellucid.data.arrays import Arrays
from pellucid.data.dataset import Dataset, Rows
from pellucid.data.folder import Folder
from pellucid.data.npy import NPY_MARK, open_npy, open_npz
from pellucid.data.pixels import Pixels
from pellucid.data.tarred import UNPACKERS, open_tar
from pellucid.data.tiles import Tiles
from pellucid.data.zipped import open_zip
from pellucid.errors import InputError, UnknownName

__all__ = ["Data", "Source", "head", "open_source"]


@runtime_checkable
class Source(Protocol):
    """A listing of items, and their pictures. A row is an item's place in the listing, and its id.

    `names` are POSIX paths relative to the data's root, sorted by UTF-8 bytes; `listing_digest` is a hash of
    them; `credits` are the lines that the items' licences ask for. `classes` (N,) int32 gives each row's place in
    `class_names`, -1 for an item without one; it is None for data without classes.
    """

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def listing_digest(self) -> str: ...

    @property
    def credits(self) -> tuple[str, ...]: ...

    @property
    def classes(self) -> NDArray[np.int32] | None: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def image(self, row: int) -> Image.Image | Pixels:
        """The item as upright RGB, or (h, w, C) numbers, uint8 or float32 in 0..1; called from several threads at once.

        Raises ItemProblem.
        """
        ...


# What users may name: a path, a source, an array or tensor, a dataset or list.
Data = str | Path | Source | Rows | NDArray[Any] | Tensor

WANTED = "a folder of pictures, a picture, a zip or tar archive, a .npy or .npz file, or the word demo"


def open_source(where: Data) -> Source:
    """The source that a user named; a Source as it is.

    Parameters
    ----------
    where : a folder of pictures, one picture, a zip or tar archive of pictures, a .npy or .npz file (`FILE.npz:KEY` where it
        holds several arrays), the word `demo`; from Python also an array (N, h, w), (N, h, w, C) or (N, C, h, w), a tensor
        (N, C, h, w), a dataset or a list

    Raises
    ------
    UnknownName : nothing of that name is there
    NoItems : it holds no picture
    MissingExtra : `demo` without the libraries that carry its photographs
    RefusedFile : an array file of Python objects
    InputError : a file that is none of these, or is damaged
    """
    if isinstance(where, (str, Path)):
        return _named(str(where))
    if _is_source(where):
        return where
    if isinstance(where, (np.ndarray, Tensor)):
        return Arrays(where.detach().cpu().numpy() if isinstance(where, Tensor) else where)
    if isinstance(where, Rows) and not isinstance(where, (bytes, dict)):
        return Dataset(where)
    raise InputError(
        f"data was a {type(where).__name__}; give {WANTED}; or a dataset or list whose items come by number"
        + ("" if not hasattr(where, "dataset") else ", as the loader's own .dataset")
    )


def _is_source(where: object) -> TypeGuard[Source]:
    # `isinstance` of a protocol reads every property, digests too; this asks for what only sources have.
    return hasattr(where, "names") and callable(getattr(where, "image", None))


def _named(where: str) -> Source:
    if where == "demo":
        return Tiles()
    path = Path(where).expanduser()
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        opened = _opener(path)
        return Folder(path) if opened is None else opened(path)
    keyed = re.fullmatch(r"(.+\.npz):([^:]+)", where)
    if keyed and Path(keyed[1]).expanduser().is_file():
        return open_npz(Path(keyed[1]).expanduser(), keyed[2])
    if path.exists():
        raise InputError(f"{where} is neither a folder nor a file; give {WANTED}")
    raise UnknownName(f"there is no {where!r}; give {WANTED}")


def _opener(path: Path) -> Callable[[Path], Source] | None:
    """What opens a file, by its first bytes, where its name does not promise something else; None for a picture."""
    name = path.name.lower()
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if name.endswith(".npz"):
        return open_npz
    if name.endswith(".npy") or head.startswith(NPY_MARK):
        return open_npy
    if name.endswith(".zip") or head.startswith((b"PK\3\4", b"PK\5\6")):
        return open_zip
    if TAR.search(name) or head[257:262] == b"ustar" or head.startswith(tuple(UNPACKERS)):
        return open_tar
    for mark, kind in UNREAD.items():
        if head.startswith(mark):
            raise InputError(
                f"{path} is packed as {kind}, which is not read; unpack it and give the folder, or a zip"
            )
    return None


TAR = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.\w+)$")
UNREAD = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "zstd"}


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

    @property
    def classes(self) -> NDArray[np.int32] | None:
        found = self.whole.classes
        return None if found is None else found[: len(self.names)]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.whole.class_names

    def image(self, row: int) -> Image.Image | Pixels:
        return self.whole.image(row)


def head(source: Source, count: int) -> Source:
    """The first `count` items of a source, to try something on; all of them where there are fewer."""
    return _Head(source, source.names[:count])
