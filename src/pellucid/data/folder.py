# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures, with all folders in it, or one picture file, as a source."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from PIL import Image

from pellucid.data.decode import open_image
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


class Folder:
    """The pictures under a folder, in every depth, or one picture file.

    Hidden files and folders are left out, and so are files whose ending says that they are no pictures. Links
    to files are followed inside the folder only, links to folders never: none can lead out of it or in
    circles. Pipes, sockets and devices are left out.

    Attributes
    ----------
    name : the last part of the path
    names : POSIX paths relative to the folder, sorted by UTF-8 bytes
    notes : one line each for links and folders that were left out

    Raises
    ------
    NoItems : no file in it can be a picture
    InputError : a file whose ending says that it is no picture, or a folder that cannot be listed
    """

    credits: tuple[str, ...] = ()

    def __init__(self, path: str | Path) -> None:
        root = Path(path).resolve()
        self.name = root.name
        self.notes: tuple[str, ...] = ()
        if root.is_dir():
            walk = _Walk(os.fsencode(root))
            self.names = Listing(walk.found)
            self.notes = walk.notes()
            if not self.names:
                raise NoItems(f"{path} holds no picture{walk.instead()}; give a folder with {_KINDS} files")
            self._root = os.fsencode(root)
        else:
            if NO_PICTURE.fullmatch(os.fsencode(root.name)):
                raise InputError(
                    f"{path} is neither a folder nor a picture; give a folder or a {_KINDS} file"
                )
            self.names = Listing([os.fsencode(root.name)])
            self._root = os.fsencode(root.parent)

    @property
    def listing_digest(self) -> str:
        return self.names.digest

    def image(self, row: int) -> Image.Image:
        """The item as upright RGB. Raises ItemProblem."""
        return open_image(os.fsdecode(os.path.join(self._root, self.names.raw(row))))


class _Walk:
    """One pass over a folder: the paths found, relative to it, and how many of what was left out."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.found: list[bytes] = []
        self.left_out: Counter[str] = Counter()
        folders = [b""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(os.path.join(root, folder)) as entries:
                    folders += [path for entry in entries if (path := self._folder(folder, entry))]
            except OSError as error:
                if not folder:
                    raise InputError(f"{os.fsdecode(root)} cannot be listed: {error.strerror}") from error
                self.left_out["folders that cannot be listed"] += 1

    def _folder(self, folder: bytes, entry: os.DirEntry[bytes]) -> bytes | None:
        """Keep the entry if it may be a picture; its path if it is a folder to go into."""
        if entry.name.startswith(b"."):
            self.left_out["hidden entries"] += 1
            return None
        # "/" on every system: names are POSIX paths, and Windows opens them too.
        path = folder + b"/" + entry.name if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            return path
        if entry.is_symlink() and not self._may_follow(path):
            return None
        if not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
            self.left_out["pipes, sockets or devices"] += 1
        elif NO_PICTURE.fullmatch(entry.name):
            self.left_out["files of other kinds"] += 1
        else:
            self.found.append(path)
        return None

    def _may_follow(self, path: bytes) -> bool:
        """Whether a link stays inside and is no folder. One that leads nowhere stays: reading it says so."""
        target = os.path.realpath(os.path.join(self.root, path))
        if not os.path.join(target, b"").startswith(os.path.join(self.root, b"")):
            self.left_out["links that lead out of the folder"] += 1
            return False
        if os.path.isdir(target):
            self.left_out["links to folders"] += 1
            return False
        return True

    def notes(self) -> tuple[str, ...]:
        """What a user may miss, one line each."""
        expected = {"hidden entries", "files of other kinds"}
        return tuple(f"left out: {line}" for what, line in self._lines() if what not in expected)

    def instead(self) -> str:
        """What is there instead of pictures, to stand in a message."""
        lines = ", ".join(line for _, line in self._lines())
        return f", only {lines}" if lines else ""

    def _lines(self) -> list[tuple[str, str]]:
        return [(what, f"{count} {what}") for what, count in sorted(self.left_out.items())]
