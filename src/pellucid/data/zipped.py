# SPDX-License-Identifier: Apache-2.0
"""The members of a zip archive, told by its central directory, without an object in memory for each of them."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pellucid.data.archive import Archive, Handle, Member
from pellucid.data.decode import ItemProblem
from pellucid.errors import InputError

__all__ = ["data_offset", "open_zip", "zip_members"]

# Layouts of PKWARE's APPNOTE 6.3: 4.3.7 local header, 4.3.12 directory entry, 4.3.14 to 4.3.16 the ends.
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
ENTRY = struct.Struct("<4s4B4HL2L5H2L")
END = struct.Struct("<4s4H2LH")
END_64_LOCATOR = struct.Struct("<4sLQL")
END_64 = struct.Struct("<4sQ2H2L4Q")
LONGEST_COMMENT = 0xFFFF
IN_EXTRA = 0xFFFFFFFF  # the field stands in the extra field of zip64 instead
EXTRA_64 = 1
ENCRYPTED = 0x1 | 0x40 | 0x2000
UTF8 = 0x800
UNIX = 3


def open_zip(path: Path) -> Archive:
    """The pictures in a zip archive.

    Raises
    ------
    NoItems : it holds none
    InputError : it is no zip archive, is damaged, or is a bomb
    """
    with path.open("rb") as file:
        return Archive(path.name, zip_members(path, file), Handle(file), place=data_offset)


def data_offset(handle: Handle, offset: int) -> int:
    """Where a member's data begins whose local header begins at `offset`.

    Raises
    ------
    ItemProblem : there is no header
    """
    header = handle.read(offset, LOCAL_HEADER.size)
    if len(header) < LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise ItemProblem("damaged in the archive: nothing where the index says that it is")
    *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
    return offset + LOCAL_HEADER.size + int(name_length) + int(extra_length)


def zip_members(path: Path, file: BinaryIO) -> Iterator[Member]:
    """All members but folders, in the order of the central directory; offsets are those of local headers.

    Raises
    ------
    InputError : there is no whole central directory, or members lie over one another
    """
    length = file.seek(0, 2)
    count, size, offset, end = _directory(path, file, length)
    before = end - size - offset  # what was put before the archive, as programs that unpack themselves
    if before < 0 or size < 0:
        raise _damaged(path)
    file.seek(before + offset)
    packed_bytes = 0
    for _ in range(count):
        member = _entry(path, file, before)
        packed_bytes += max(member.packed, 0)
        if packed_bytes > length:
            # Only bombs do this: one stretch of data behind many names.
            raise InputError(
                f"the members of {path} lie over one another; unpack it with a tool that you trust"
            )
        if not member.name.endswith(b"/"):
            yield member


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{path} is no whole zip archive: its directory is damaged or cut off; download or make it again"
    )


def _directory(path: Path, file: BinaryIO, length: int) -> tuple[int, int, int, int]:
    """(members, bytes, offset, end) of the central directory; all but the last as they are declared."""
    tail_length = min(length, LONGEST_COMMENT + END.size)
    file.seek(length - tail_length)
    tail = file.read(tail_length)
    found = tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) - found < END.size:
        raise _damaged(path)
    _, _, _, _, count, size, offset, _ = END.unpack_from(tail, found)
    end = length - tail_length + found
    return _directory_64(path, file, end) or (count, size, offset, end)


def _directory_64(path: Path, file: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """The same from the ends of zip64, which lie before the old one; None where there are none."""
    file.seek(max(end - END_64_LOCATOR.size, 0))
    locator = file.read(END_64_LOCATOR.size)
    if not locator.startswith(b"PK\6\7") or len(locator) < END_64_LOCATOR.size:
        return None
    end_64 = end - END_64_LOCATOR.size - END_64.size
    file.seek(max(end_64, 0))
    record = file.read(END_64.size)
    if end_64 < 0 or not record.startswith(b"PK\6\6"):
        raise _damaged(path)
    *_, count, size, offset = END_64.unpack(record)
    return int(count), int(size), int(offset), end_64


def _entry(path: Path, file: BinaryIO, before: int) -> Member:
    fixed = file.read(ENTRY.size)
    if len(fixed) < ENTRY.size or not fixed.startswith(b"PK\1\2"):
        raise _damaged(path)
    fields = ENTRY.unpack(fixed)
    system, flags, packing, checksum = fields[2], fields[5], fields[6], fields[9]
    packed, size, name_length, extra_length, comment_length = fields[10:15]
    attributes, offset = fields[17:19]
    rest = file.read(name_length + extra_length + comment_length)
    if len(rest) < name_length + extra_length + comment_length:
        raise _damaged(path)
    extra = rest[name_length : name_length + extra_length]
    size, packed, offset = _large(extra, size, packed, offset)
    return Member(
        _name(rest[:name_length], flags),
        before + offset,
        packed,
        size,
        packing,
        checksum,
        _reason(flags, attributes >> 16 if system == UNIX else 0),
    )


def _large(extra: bytes, *fields: int) -> list[int]:
    """Size, packed size and offset, each from the extra field of zip64 where it does not fit 32 bits."""
    large: list[int] = []
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == EXTRA_64:
            large = [value for (value,) in struct.iter_unpack("<Q", extra[4 : 4 + length // 8 * 8])]
            break
        extra = extra[4 + length :]
    numbers = iter(large)
    # -1, which nothing has, where the field is promised and missing.
    return [next(numbers, -1) if field == IN_EXTRA else field for field in fields]


def _name(raw: bytes, flags: int) -> bytes:
    """The name in UTF-8; old programs write UTF-8 without saying so, older ones code page 437."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw if flags & UTF8 else raw.decode("cp437").encode()
    return raw


def _reason(flags: int, mode: int) -> str:
    if flags & ENCRYPTED:
        return "encrypted"
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return "a link"
    return "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "a pipe, socket or device, no file"
