# SPDX-License-Identifier: Apache-2.0
"""The members of a tar archive, found in one pass over its headers; a compressed one is unpacked first, as a whole."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from pellucid.data.archive import Archive, Handle, Member
from pellucid.errors import InputError, NoSpace

__all__ = ["UNPACKERS", "open_tar", "spooled"]

# Of a compressed stream nothing can be read out of order, so it is unpacked once. Pictures hardly shrink: what grows a
# hundredfold and by more than a gigabyte is a bomb, or is better unpacked where its owner wants it.
MOST_GROWTH = 100
ALWAYS_ALLOWED = 1 << 30
LEFT_FREE = 1 << 30  # bytes of the disk for temporary files that stay free
LONGEST_HEADER = 1 << 20  # bytes of a name or of other facts about one member
CHUNK = 1 << 20

UNPACKERS: dict[bytes, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes: ...


def open_tar(path: Path, *, most_bytes: int | None = None) -> Archive:
    """The pictures in a tar archive, plain or compressed by gzip, bzip2 or xz.

    Parameters
    ----------
    most_bytes : that a compressed one may unpack to, in a file without a name among the temporary files; None for a hundred
        times its own size or a gigabyte, whichever is more

    Raises
    ------
    NoItems : it holds no picture
    InputError : it is no tar archive, is damaged, or unpacks to more
    NoSpace : the disk of temporary files has no room for it
    """
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        unpack = next((unpack for mark, unpack in UNPACKERS.items() if head.startswith(mark)), None)
        if unpack is None:
            return Archive(path.name, _members(path, file), Handle(file))
        most = most_bytes or max(MOST_GROWTH * path.stat().st_size, ALWAYS_ALLOWED)
        with unpack(file) as stream, spooled(path, stream, most) as plain:
            return Archive(path.name, _members(path, plain), Handle(plain))


def spooled(path: Path, stream: Readable, most_bytes: int) -> BinaryIO:
    """What a stream unpacks to, in a temporary file that has no name and is gone with its last handle.

    Raises
    ------
    InputError : it is damaged, or more than `most_bytes`
    NoSpace : there is no room for it
    """
    free = shutil.disk_usage(tempfile.gettempdir()).free
    room = min(most_bytes, free - LEFT_FREE)
    plain = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        while chunk := stream.read(CHUNK):
            if plain.tell() + len(chunk) > room:
                raise _too_large(path, most_bytes, room)
            plain.write(chunk)
        plain.flush()
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        plain.close()
        raise InputError(f"{path} is damaged or cut off ({error}); download or make it again") from error
    except BaseException:
        plain.close()
        raise
    plain.seek(0)
    return cast(BinaryIO, plain)


def _too_large(path: Path, most_bytes: int, room: int) -> InputError | NoSpace:
    if room < most_bytes:
        return NoSpace(
            f"{path} unpacks to more than the {max(room, 0) >> 20} MiB that {tempfile.gettempdir()} has room for; unpack it "
            "and give the folder, or set TMPDIR to a larger disk"
        )
    return InputError(
        f"{path} unpacks to more than {most_bytes >> 20} MiB, as bombs do; if you trust it, unpack it and give the folder"
    )


class _Headers(io.BufferedIOBase):
    """A file of which headers alone are read: a member that declares a name of gigabytes is refused."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _members(path: Path, file: BinaryIO) -> Iterator[Member]:
    file.seek(0, 2)
    end = file.tell()
    file.seek(0)
    count = 0
    try:
        headers = _Headers(file)
        with tarfile.open(fileobj=cast(IO[bytes], headers), mode="r:", errorlevel=0) as archive:
            for found in _forward(archive, headers):
                count += 1
                if not found.isdir():
                    name = found.name.encode("utf-8", "surrogateescape")
                    yield Member(name, found.offset_data, found.size, found.size, reason=_reason(found, end))
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        if not count:
            raise InputError(f"{path} is no tar archive ({error})") from error
        raise InputError(
            f"{path} is damaged behind member {count} ({error}); unpack what can be read and give the folder"
        ) from error


def _forward(archive: tarfile.TarFile, headers: _Headers) -> Iterator[tarfile.TarInfo]:
    """The members, up to the end that the archive marks; it forgets them at once."""
    reached = -1
    while (found := archive.next()) is not None:
        if found.offset <= reached:
            raise tarfile.ReadError("a header that points backwards")
        reached = found.offset
        vars(archive)["members"].clear()  # it would hold them all
        yield found
    # The library takes a damaged header for the end, and the end of the file too, and would lose what follows in silence.
    headers.seek(archive.offset)
    end = headers.read(tarfile.BLOCKSIZE)
    if end.strip(b"\0"):
        raise tarfile.ReadError("a damaged header")
    if len(end) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it breaks off without the mark of its end")


def _reason(member: tarfile.TarInfo, end: int) -> str:
    if member.issym() or member.islnk():
        return "a link"
    if not member.isreg():
        return "a pipe, socket or device, no file"
    if member.issparse():
        return "a sparse file of tar"
    return "the archive ends within it" if member.offset_data + member.size > end else ""
