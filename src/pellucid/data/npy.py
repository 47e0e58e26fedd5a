# SPDX-License-Identifier: Apache-2.0
"""NumPy's files as sources: .npy mapped into memory, .npz the one array of pictures in it. Nothing in them is unpickled."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.data.archive import Handle
from pellucid.data.arrays import Arrays, misshapen
from pellucid.data.classes import Classes, classes_of_labels
from pellucid.data.tarred import spooled
from pellucid.data.zipped import data_offset
from pellucid.errors import InputError, RefusedFile, UnknownName, did_you_mean

__all__ = ["NPY_MARK", "open_npy", "open_npz"]

NPY_MARK = b"\x93NUMPY"
ENDING = ".npy"
# Arrays shrink more than pictures do: zeros by a thousand.
MOST_GROWTH = 1000
ALWAYS_ALLOWED = 1 << 30
MOST_LABEL_BYTES = 1 << 30
LABELS = ("labels", "label", "y", "targets", "target")
CLASS_NAMES = ("class_names", "label_names", "classes")


@dataclass(frozen=True)
class _Header:
    """What a .npy file says about its array; `length` is where the numbers begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    length: int

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} {self.dtype}"

    @property
    def n_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def open_npy(path: Path) -> Arrays:
    """The pictures in a .npy file.

    Raises
    ------
    RefusedFile : it holds Python objects
    InputError : it is no .npy file, is damaged, or its array is none of pictures
    """
    with path.open("rb") as file:
        header = _header(file, str(path))
        _refuse_objects(header, str(path))
        if problem := misshapen(header.shape, header.dtype):
            raise InputError(f"{path} {problem}")
        return Arrays(_mapped(file, header, header.length, path), name=path.name)


def open_npz(path: Path, key: str | None = None) -> Arrays:
    """The array of pictures in a .npz file; integers of its length under `labels` or `y` become classes.

    Parameters
    ----------
    key : which array, where there are several of pictures; its labels are then `train_labels` beside `train_images`, or
        `y_train` beside `x_train`

    Raises
    ------
    UnknownName : there is no array of that key
    RefusedFile : the array holds Python objects
    InputError : it is no .npz file, is damaged, holds no array of pictures, or several
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            headers = _headers(archive, path)
            chosen = _chosen(path, headers, key)
            classes = _classes(archive, path, headers, chosen)
            pictures = _pictures(archive, path, chosen, headers[chosen])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path} is no whole .npz file ({error}); save it again") from error
    name = path.name if key is None else f"{path.name}:{key}"
    return Arrays(pictures, name=name, classes=classes)


def _header(stream: IO[bytes], where: str) -> _Header:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(stream)
        shape, fortran, dtype = readers[version](stream)
    except Exception as error:
        # A header is a Python literal: what is wrong with it may raise whatever a parser raises.
        raise InputError(f"{where} is no array as NumPy saves them, or is damaged; save it again") from error
    return _Header(shape, fortran, dtype, stream.tell())


def _refuse_objects(header: _Header, where: str) -> None:
    if header.dtype.hasobject:
        raise RefusedFile(
            f"{where} holds Python objects, and loading them could run code; save its pictures as uint8, or as floats in 0..1"
        )


def _mapped(file: IO[bytes], header: _Header, offset: int, path: Path) -> NDArray[Any]:
    """The array at `offset` of an open file, mapped into memory."""
    if not header.n_bytes:
        return np.empty(header.shape, header.dtype)
    if file.seek(0, 2) < offset + header.n_bytes or min(header.shape) < 0:
        raise InputError(f"{path} is cut off: it promises an array of {header}; save or download it again")
    order = "F" if header.fortran else "C"
    return np.memmap(cast(Any, file), header.dtype, "r", offset, header.shape, cast(Any, order))


def _headers(archive: zipfile.ZipFile, path: Path) -> dict[str, _Header]:
    found = {}
    for info in archive.infolist():
        if info.filename.endswith(ENDING):
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InputError(f"{path} is packed in a way that NumPy does not write; save it again")
            with archive.open(info) as stream:
                found[info.filename.removesuffix(ENDING)] = _header(stream, f"{path}: {info.filename}")
    return found


def _chosen(path: Path, headers: Mapping[str, _Header], key: str | None) -> str:
    """The name of the array of pictures."""
    if key is not None:
        if key not in headers:
            raise UnknownName(f"{path} holds no array {key!r}; {did_you_mean(key, headers)}")
        _refuse_objects(headers[key], f"{path}: {key}")
        if problem := misshapen(headers[key].shape, headers[key].dtype):
            raise InputError(f"{path}: {key} {problem}")
        return key
    pictures = [name for name, each in headers.items() if not misshapen(each.shape, each.dtype)]
    if len(pictures) == 1:
        return pictures[0]
    there = ", ".join(f"{name} ({headers[name]})" for name in pictures or headers) or "nothing"
    if pictures:
        raise InputError(
            f"{path} holds {len(pictures)} arrays of pictures: {there}; name one, as {path}:{pictures[0]}"
        )
    for name, header in headers.items():
        _refuse_objects(header, f"{path}: {name}")
    raise InputError(
        f"{path} holds no array of pictures, only {there}; they are (N, h, w), (N, h, w, C) or"
        " (N, C, h, w), uint8 or floats in 0..1"
    )


def _pictures(archive: zipfile.ZipFile, path: Path, name: str, header: _Header) -> NDArray[Any]:
    """The array, mapped where it lies; one that is packed is unpacked into a temporary file first."""
    info = archive.getinfo(name + ENDING)
    if info.compress_type == zipfile.ZIP_STORED:
        file = cast(IO[bytes], archive.fp)
        offset = data_offset(Handle(cast(Any, file)), info.header_offset)
        return _mapped(file, header, offset + header.length, path)
    most = max(MOST_GROWTH * path.stat().st_size, ALWAYS_ALLOWED)
    with archive.open(info) as stream, spooled(path, stream, most) as plain:
        return _mapped(plain, header, header.length, path)


def _classes(archive: zipfile.ZipFile, path: Path, headers: Mapping[str, _Header], pictures: str) -> Classes:
    """What the whole numbers beside the pictures say, one for each of them."""
    count = headers[pictures].shape[0]
    for name in _label_names(pictures):
        header = headers.get(name)
        if header is None or header.dtype.kind not in "iu" or header.shape not in ((count,), (count, 1)):
            continue
        labels = _small(archive, path, name, header).reshape(-1)
        return classes_of_labels(labels, _class_names(archive, path, headers))
    return Classes()


def _label_names(pictures: str) -> Iterator[str]:
    """Where the labels of an array may stand: first by its own name, as `y_train` beside `x_train`."""
    swapped = re.sub("image|img|data|pictures?|samples?", lambda _: "label", pictures, count=1)
    for name in (swapped, f"{swapped}s", re.sub("^x", "y", pictures), re.sub("^X", "y", pictures)):
        if name != pictures:
            yield name
    yield from LABELS


def _class_names(archive: zipfile.ZipFile, path: Path, headers: Mapping[str, _Header]) -> list[str] | None:
    for name in CLASS_NAMES:
        header = headers.get(name)
        if header is not None and header.dtype.kind == "U" and len(header.shape) == 1:
            return [str(each) for each in _small(archive, path, name, header)]
    return None


def _small(archive: zipfile.ZipFile, path: Path, name: str, header: _Header) -> NDArray[Any]:
    """An array of numbers or words, read into memory."""
    if header.n_bytes > MOST_LABEL_BYTES:
        raise InputError(f"{path}: {name} is {header}, too large for labels; leave it out")
    with archive.open(name + ENDING) as stream:
        try:
            return np.lib.format.read_array(stream, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise InputError(f"{path}: {name} is damaged ({error}); save it again") from error
