# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures, with all folders in it, or one picture file, as a source."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from pellucid.data.classes import Classed, Classes, classes_by_folder
from pellucid.data.decode import ItemProblem, open_image
from pellucid.data.listing import Listing
from pellucid.errors import InputError, NoItems

__all__ = ["Folder"]

# What stands beside pictures in real folders. Every other file is an item: should it not be a picture, it is
# skipped with a reason, so that nothing is lost in silence.
NO_PICTURE = re.compile(
    rb"""(?xis) .* \. (?:
        txt | md | rst | csv | tsv | jsonl? | ya?ml | xml | toml | ini | cfg | conf | html? | css | js | log |
        lock | pdf | docx? | url | py | pyc | ipynb | sh | bat | r | m | h | c | cpp | zip | tar | t?gz |
        bz2 | xz | 7z | rar | db | sqlite3? | atlas | mat | np[yz] | h5 | hdf5 | parquet | arrow | tfrecord |
        pth? | ckpt | safetensors | onnx | pkl | mp[34] | wav | flac | mov | avi | mkv | webm | sha256 | md5
    ) | readme | licen[sc]e | copying | authors | notice | changelog | makefile"""
)
_KINDS = "JPEG, PNG, WEBP, GIF or BMP"


class Folder(Classed):
    """The pictures under a folder, in every depth, or one picture file.

    Hidden files and folders are left out, and so are files whose ending says that they are no pictures. Links
    to files are followed inside the folder only, links to folders never: none can lead out of it or in
    circles. What stands where a picture or a folder of pictures could be and may not be read (such a link, a
    pipe, a folder without permission) is an item, too: it is skipped with its reason, never in silence.

    Attributes
    ----------
    name : the last part of the path
    names : POSIX paths relative to the folder, sorted by UTF-8 bytes

    Raises
    ------
    NoItems : no file in it can be a picture
    InputError : a file whose ending says that it is no picture, or a folder that cannot be listed
    """

    credits: tuple[str, ...] = ()

    def __init__(self, path: str | Path) -> None:
        root = Path(path).resolve()
        self.name = root.name
        self._refused: dict[bytes, str] = {}
        self._size_bytes: bytes | None = None
        if root.is_dir():
            walk = _Walk(os.fsencode(root))
            self._refused = walk.refused
            if not walk.found:
                raise NoItems(f"{path} holds no picture{walk.instead()}; give a folder with {_KINDS} files")
            self.names = Listing([*walk.found, *walk.refused])
            self._root = os.fsencode(root)
        else:
            if NO_PICTURE.fullmatch(os.fsencode(root.name)):
                raise InputError(
                    f"{path} is neither a folder nor a picture; give a folder, a {_KINDS} file, an archive, or .npy arrays"
                )
            self.names = Listing([os.fsencode(root.name)])
            self._root = os.fsencode(root.parent)

    @property
    def listing_digest(self) -> str:
        """Of the names and of the files' sizes: other pictures under the same names are other data."""
        return hashlib.sha256(self.names.digest.encode() + self._sizes()).hexdigest()

    def _sizes(self) -> bytes:
        if self._size_bytes is None:
            sizes = np.zeros(len(self.names), "<i8")
            for row in range(len(self.names)):
                with contextlib.suppress(OSError):
                    sizes[row] = os.stat(os.path.join(self._root, self.names.raw(row))).st_size
            self._size_bytes = sizes.tobytes()
        return self._size_bytes

    def _find_classes(self) -> Classes:
        apart = (
            [row for row in range(len(self.names)) if self.names.raw(row) in self._refused]
            if self._refused
            else ()
        )
        return classes_by_folder(self.names, apart=frozenset(apart))

    def image(self, row: int) -> Image.Image:
        """The item as upright RGB. Raises ItemProblem."""
        name = self.names.raw(row)
        if name in self._refused:
            raise ItemProblem(self._refused[name])
        return open_image(os.fsdecode(os.path.join(self._root, name)))


class _Walk:
    """One pass over a folder: the paths found and those refused, relative to it, and how many of other kinds."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.found: list[bytes] = []
        self.refused: dict[bytes, str] = {}
        self.others: Counter[str] = Counter()
        folders = [b""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(os.path.join(root, folder)) as entries:
                    folders += [path for entry in entries if (path := self._folder(folder, entry))]
            except OSError as error:
                if not folder:
                    raise InputError(f"{os.fsdecode(root)} cannot be listed: {error.strerror}") from error
                self.refused[folder] = f"a folder that cannot be listed: {error.strerror}"

    def _folder(self, folder: bytes, entry: os.DirEntry[bytes]) -> bytes | None:
        """Keep the entry if it may be a picture; its path if it is a folder to go into."""
        if entry.name.startswith(b"."):
            self.others["hidden entries"] += 1
            return None
        # "/" on every system: names are POSIX paths, and Windows opens them too.
        path = folder + b"/" + entry.name if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            return path
        if NO_PICTURE.fullmatch(entry.name):
            self.others["files of other kinds"] += 1
        elif (reason := self._hindrance(path, entry)) is None:
            self.found.append(path)
        else:
            self.refused[path] = reason
        return None

    def _hindrance(self, path: bytes, entry: os.DirEntry[bytes]) -> str | None:
        """Why the entry may not be read, if so."""
        if not entry.is_symlink():
            return None if entry.is_file(follow_symlinks=False) else "a pipe, socket or device, no file"
        target = os.path.realpath(os.path.join(self.root, path))
        if not os.path.join(target, b"").startswith(os.path.join(self.root, b"")):
            return "a link that leads out of the folder"
        if os.path.isdir(target):
            return "a link to a folder"
        return None if os.path.isfile(target) else "a link that leads nowhere"

    def instead(self) -> str:
        """What is there instead of pictures, to stand in a message."""
        there = [f"{count} {what}" for what, count in sorted(self.others.items())]
        if self.refused:
            name, reason = min(self.refused.items())
            more = f" and {len(self.refused) - 1} more" if len(self.refused) > 1 else ""
            there.append(f"{os.fsdecode(name)}{more} ({reason})")
        return f", only {', '.join(there)}" if there else ""
