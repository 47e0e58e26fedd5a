# SPDX-License-Identifier: Apache-2.0
"""The pictures in an archive as a source: read one by one where they lie, never unpacked into files.

Archives are hostile: of each member the index is judged before a byte of it is read, and what is read is bounded by the
size that the index declares.
"""

from __future__ import annotations

import bz2
import functools
import hashlib
import os
import threading
import weakref
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

import numpy as np
from PIL import Image

from pellucid.data.classes import Classed, Classes, classes_by_folder
from pellucid.data.decode import ItemProblem, open_image
from pellucid.data.folder import NO_PICTURE
from pellucid.data.listing import Listing
from pellucid.errors import NoItems

__all__ = ["MOST_MEMBER_BYTES", "PACKINGS", "Archive", "Handle", "Member", "unpacked"]

MOST_MEMBER_BYTES = 256 << 20  # a picture of 64 megapixels without any compression
STORED, DEFLATED, BZIP2 = 0, 8, 12  # the numbers that zip gives them
PACKINGS = (STORED, DEFLATED, BZIP2)
NO_CHECKSUM = -1
SIZES = 2  # the place of a member's size among its numbers


@dataclass(frozen=True)
class Member:
    """One file in an archive, as the archive's index tells it.

    Parameters
    ----------
    name : as it stands in the index
    offset : of its data, in bytes from the start of the file
    packed, size : bytes that it takes in the archive and unpacked
    packing : one of PACKINGS
    checksum : CRC-32 of the unpacked bytes, NO_CHECKSUM where there is none
    reason : why it may not be read, if so
    """

    name: bytes
    offset: int
    packed: int
    size: int
    packing: int = STORED
    checksum: int = NO_CHECKSUM
    reason: str = ""


class Handle:
    """Reads anywhere in one open file, from any thread; the file may lose its name meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        self.descriptor = os.dup(file.fileno())
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self.descriptor)

    def read(self, offset: int, size: int) -> bytes:
        """As many of these bytes as there are."""
        parts = []
        while size > 0 and (part := self._part(offset, size)):
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return b"".join(parts)

    def _part(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.descriptor, size, offset)
        with self._lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, size)


class Archive(Classed):
    """The pictures among the members of an archive.

    Which names are items is as in a folder: no hidden ones, none whose ending says that they are no pictures. Links,
    devices, encrypted members, names that lead out of the archive and what is larger than 256 MiB are items that are
    skipped with their reason. Where a name stands twice, the later member counts, as unpacking would leave it.

    Parameters
    ----------
    name : of the archive's file
    members : in the order of the index
    handle : where their data lies
    place : what a member's offset in the index means for where its data begins; by default just that

    Attributes
    ----------
    names : POSIX paths in the archive, sorted by UTF-8 bytes
    listing_digest : a hash of names and sizes, that of the folder which the archive unpacks to

    Raises
    ------
    NoItems : no member can be a picture
    """

    credits: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        members: Iterable[Member],
        handle: Handle,
        *,
        place: Callable[[Handle, int], int] | None = None,
    ) -> None:
        self.name = name
        self._handle = handle
        self._place = place
        others: Counter[str] = Counter()
        table = _Table()
        for member in members:
            if other := _no_item(member):
                others[other] += 1
            else:
                table.add(member)
        order = table.order()
        self._columns = [array("q", (column[place] for place in order)) for column in table.columns]
        self._refused = {
            row: table.reasons[place] for row, place in enumerate(order) if place in table.reasons
        }
        self.names = Listing(table.names[place] for place in order)
        if len(self._refused) == len(order):
            raise NoItems(
                f"{name} holds no picture{self._instead(others)}; give one with JPEG, PNG, WEBP, GIF or BMP files"
            )

    def _instead(self, others: Counter[str]) -> str:
        there = [f"{count} {what}" for what, count in sorted(others.items())]
        if self._refused:
            row, reason = min(self._refused.items())
            more = f" and {len(self._refused) - 1} more" if len(self._refused) > 1 else ""
            there.append(f"{self.names[row]}{more} ({reason})")
        return f", only {', '.join(there)}" if there else ""

    @functools.cached_property
    def listing_digest(self) -> str:
        sizes = np.array(self._columns[SIZES], "<i8").tobytes()
        return hashlib.sha256(self.names.digest.encode() + sizes).hexdigest()

    def _find_classes(self) -> Classes:
        return classes_by_folder(self.names, apart=self._refused)

    def image(self, row: int) -> Image.Image:
        """The item as upright RGB. Raises ItemProblem."""
        place = range(len(self.names))[row]
        if place in self._refused:
            raise ItemProblem(self._refused[place])
        offset, packed, size, packing, checksum = (column[place] for column in self._columns)
        if self._place is not None:
            offset = self._place(self._handle, offset)
        return open_image(unpacked(self._handle, Member(b"", offset, packed, size, packing, checksum)))


class _Table:
    """Members in columns of numbers: a million of them in a few bytes more than their names."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.columns = [array("q") for _ in range(5)]
        self.reasons: dict[int, str] = {}

    def add(self, member: Member) -> None:
        numbers = (member.offset, member.packed, member.size, member.packing, member.checksum)
        reason = member.reason or _hindrance(member)
        if reason:
            self.reasons[len(self.names)] = reason
            numbers = (0, 0, min(max(member.size, 0), 1 << 62), STORED, NO_CHECKSUM)
        self.names.append(_plain(member.name))
        for column, number in zip(self.columns, numbers, strict=True):
            column.append(number)

    def order(self) -> list[int]:
        """Places by name; of several with one name the last."""
        places = sorted(range(len(self.names)), key=self.names.__getitem__)  # keeps the order of equals
        last = [one for one, after in pairwise(places) if self.names[one] != self.names[after]]
        return last + places[-1:]


def _plain(name: bytes) -> bytes:
    """The name without what says nothing: `./a//b.png` is `a/b.png`."""
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))


def _no_item(member: Member) -> str:
    """What the member is, in words for many of its kind, where it is no item."""
    parts = _plain(member.name).split(b"/")
    if any(part.startswith(b".") and part != b".." for part in parts):
        return "hidden entries"
    return "files of other kinds" if not parts[-1] or NO_PICTURE.fullmatch(parts[-1]) else ""


def _hindrance(member: Member) -> str:
    """Why a member may not be read, if so."""
    if member.name.startswith(b"/") or b".." in member.name.split(b"/") or b"\0" in member.name:
        return "a name that leads out of the archive"
    if member.packing not in PACKINGS:
        return f"packed by method {member.packing} of zip; stored, deflated and bzip2 members can be read"
    if not 0 <= max(member.size, member.packed) <= MOST_MEMBER_BYTES or min(member.size, member.packed) < 0:
        return f"{member.size} bytes: more than {MOST_MEMBER_BYTES >> 20} MiB are not read"
    if min(member.offset, member.packed) < 0:
        return "lies outside the archive"
    return ""


def unpacked(handle: Handle, member: Member) -> bytes:
    """The bytes of a member, never more than it declares.

    Raises
    ------
    ItemProblem : they are cut short, more than declared, or not those of the checksum
    """
    packed = handle.read(member.offset, member.packed)
    if len(packed) < member.packed:
        raise ItemProblem("the archive ends within it")
    try:
        data = _inflated(packed, member.packing, member.size + 1)
    except (zlib.error, OSError, EOFError, ValueError) as error:
        raise ItemProblem("damaged in the archive: cannot be unpacked") from error
    if len(data) != member.size:
        raise ItemProblem(f"damaged in the archive: not the {member.size} bytes that it declares")
    if member.checksum != NO_CHECKSUM and zlib.crc32(data) != member.checksum:
        raise ItemProblem("damaged in the archive: another checksum than it declares")
    return data


def _inflated(packed: bytes, packing: int, most: int) -> bytes:
    if packing == DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    if packing == BZIP2:
        return bz2.BZ2Decompressor().decompress(packed, most)
    return packed
