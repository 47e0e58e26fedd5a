# SPDX-License-Identifier: Apache-2.0
"""Archives give the pictures that unpacking would give, and nothing that is hidden in them does harm."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import tempfile
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pellucid.data import Folder, ItemProblem, Source, open_source
from pellucid.data.archive import MOST_MEMBER_BYTES, Archive
from pellucid.data.tarred import open_tar
from pellucid.data.zipped import ENTRY, zip_members
from pellucid.errors import InputError, NoItems, NoSpace


def png(shade: int = 0, side: int = 6) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(shade).integers(0, 256, (side, side, 3), np.uint8)).save(
        file, "PNG"
    )
    return file.getvalue()


PICTURES = {
    name: png(row) for row, name in enumerate(["b/2.png", "a/1.png", "a-b.png", "é/日本.png", "Z.png"])
}
OTHERS = {"notes.txt": b"x", ".hidden.png": png(), "__MACOSX/._1.png": b"x", "deep.csv/ok.png": png(9)}


def zipped(path: Path, members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.mkdir("empty")
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        folder = tarfile.TarInfo("empty")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "x.zip": zipped,
    "stored.zip": lambda path, members: zipped(path, members, zipfile.ZIP_STORED),
    "bzip2.zip": lambda path, members: zipped(path, members, zipfile.ZIP_BZIP2),
    "x.tar": tarred,
    "gnu.tar": tarred,
    "x.tar.gz": lambda path, members: tarred(path, members, "w:gz"),
    "x.tgz": lambda path, members: tarred(path, members, "w:gz"),
    "x.tar.bz2": lambda path, members: tarred(path, members, "w:bz2"),
    "x.tar.xz": lambda path, members: tarred(path, members, "w:xz"),
    "ending-says-nothing": zipped,
}


def outcome(source: Source) -> dict[str, object]:
    """By name the pixels, or the reason."""
    found: dict[str, object] = {}
    for row, name in enumerate(source.names):
        try:
            found[name] = np.asarray(source.image(row)).tolist()
        except ItemProblem as problem:
            found[name] = str(problem)
    assert len(found) == len(source.names)
    return found


@pytest.mark.parametrize("kind", MAKERS)
def test_an_archive_is_the_folder_that_it_unpacks_to(kind: str, tmp_path: Path) -> None:
    members = PICTURES | OTHERS | {"broken.png": b"<html>", "empty.png": b""}
    packed = open_source(MAKERS[kind](tmp_path / kind, members))
    for name, data in members.items():
        path = tmp_path / "plain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    plain = Folder(tmp_path / "plain")
    assert isinstance(packed, Archive)
    assert packed.name == kind
    assert list(packed.names) == list(plain.names)
    assert outcome(packed) == outcome(plain)
    assert packed.listing_digest == plain.listing_digest
    assert outcome(packed)["broken.png"] == "not a JPEG, PNG, WEBP, GIF or BMP picture"


@pytest.mark.parametrize("kind", MAKERS)
def test_the_digest_follows_names_and_content_and_not_the_order_of_packing(kind: str, tmp_path: Path) -> None:
    digests = set()
    for place, members in enumerate(
        [PICTURES, dict(reversed(PICTURES.items())), PICTURES | {"Z.png": png(77, 9)}]
    ):
        (tmp_path / str(place)).mkdir()
        digests.add(open_source(MAKERS[kind](tmp_path / str(place) / kind, members)).listing_digest)
    assert len(digests) == 2


def test_the_later_of_two_members_of_one_name_counts_as_in_unpacking(tmp_path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for shade in (1, 2):
            archive.writestr("a.png", png(shade))
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for shade in (1, 2):
            info = tarfile.TarInfo("./a.png")
            info.size = len(png(shade))
            archive.addfile(info, io.BytesIO(png(shade)))
    for name in ("x.zip", "x.tar"):
        source = open_source(tmp_path / name)
        assert list(source.names) == ["a.png"]
        assert np.array_equal(np.asarray(source.image(0)), np.asarray(Image.open(io.BytesIO(png(2)))))


# What is hidden in members


def test_members_that_may_not_be_read_are_items_with_a_reason(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("good.png", png())
        for name in ("/etc/root.png", "../up.png", "a/../../b.png"):
            archive.writestr(name, png())
        for name, kind in (
            ("link.png", stat.S_IFLNK),
            ("pipe.png", stat.S_IFIFO),
            ("file.png", stat.S_IFREG),
        ):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (kind | 0o644) << 16
            archive.writestr(info, b"good.png" if kind == stat.S_IFLNK else png())
    found = outcome(open_source(tmp_path / "x.zip"))
    reasons = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    assert reasons == {
        "etc/root.png": "a name that leads out of the archive",
        "../up.png": "a name that leads out of the archive",
        "a/../../b.png": "a name that leads out of the archive",
        "link.png": "a link",
        "pipe.png": "a pipe, socket or device, no file",
    }
    assert set(found) - set(reasons) == {"good.png", "file.png"}


def test_members_of_a_tar_that_may_not_be_read_are_items_with_a_reason(tmp_path: Path) -> None:
    kinds = {
        "sym.png": tarfile.SYMTYPE,
        "hard.png": tarfile.LNKTYPE,
        "pipe.png": tarfile.FIFOTYPE,
        "device.png": tarfile.CHRTYPE,
    }
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name in ("good.png", "../up.png", "/root.png"):
            info = tarfile.TarInfo(name)
            info.size = len(png())
            archive.addfile(info, io.BytesIO(png()))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "good.png"
            archive.addfile(info)
    found = outcome(open_source(tmp_path / "x.tar"))
    assert {name: reason for name, reason in found.items() if isinstance(reason, str)} == {
        "../up.png": "a name that leads out of the archive",
        "root.png": "a name that leads out of the archive",
        "sym.png": "a link",
        "hard.png": "a link",
        "pipe.png": "a pipe, socket or device, no file",
        "device.png": "a pipe, socket or device, no file",
    }


def patched(path: Path, *changes: tuple[bytes, int, bytes]) -> Path:
    """The file with bytes put in, each so many bytes behind the last place of a mark."""
    data = bytearray(path.read_bytes())
    for mark, behind, put in changes:
        place = data.rindex(mark) + behind
        data[place : place + len(put)] = put
    path.write_bytes(data)
    return path


# Places in a central directory's entry: flags 8, packing 10, checksum 16, packed 20, size 24, offset 42.
BAD_ENTRIES = {
    "encrypted": (8, struct.pack("<H", 1), "encrypted"),
    "lzma": (10, struct.pack("<H", 14), "packed by method 14 of zip"),
    "checksum": (16, b"\1\2\3\4", "another checksum than it declares"),
    "declares less": (24, struct.pack("<L", 10), "not the 10 bytes that it declares"),
    "declares more": (24, struct.pack("<L", 10_000), "not the 10000 bytes that it declares"),
    "declares gigabytes": (24, struct.pack("<L", 3_000_000_000), "3000000000 bytes: more than 256 MiB"),
    "lies elsewhere": (42, struct.pack("<L", 5), "nothing where the index says"),
    "zip64 missing": (24, b"\xff" * 4, "-1 bytes"),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_a_lying_index_loses_its_member_alone(name: str, tmp_path: Path) -> None:
    behind, put, reason = BAD_ENTRIES[name]
    members = {"a.png": png(1), "b.png": png(2)}
    source = open_source(patched(zipped(tmp_path / "x.zip", members), (b"PK\1\2", behind, put)))
    found = outcome(source)
    assert isinstance(found["a.png"], list)
    assert reason in str(found["b.png"])


def test_damaged_data_loses_its_member_alone(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.png": png(1), "b.png": png(2)})
    data = bytearray(path.read_bytes())
    place = data.index(b"b.png") + 12
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    found = outcome(open_source(path))
    assert isinstance(found["a.png"], list)
    assert "damaged in the archive" in str(found["b.png"])


def test_a_bomb_of_a_member_is_never_unpacked_beyond_its_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.png", png())
        with archive.open("large.png", "w", force_zip64=True) as member:
            for _ in range(MOST_MEMBER_BYTES // 2**20 + 1):
                member.write(b"\0" * 2**20)
        archive.writestr("small.png", b"\0" * 2**22)
    # The third says that it has a hundred bytes, and unpacks to four million.
    source = open_source(patched(tmp_path / "x.zip", (b"PK\1\2", 24, struct.pack("<L", 100))))
    tracemalloc.start()
    found = outcome(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert isinstance(found["good.png"], list)
    assert found["large.png"] == f"{MOST_MEMBER_BYTES + 2**20} bytes: more than 256 MiB are not read"
    assert found["small.png"] == "damaged in the archive: not the 100 bytes that it declares"


def test_members_over_one_another_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.png": png(side=40)}, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("a.png")
        start = archive.start_dir
    data = path.read_bytes()
    entry = data[data.rindex(b"PK\1\2") :][: ENTRY.size + len(info.filename)]
    entries = b"".join(entry.replace(b"a.png", b"%05d" % number) for number in range(100))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 100, 100, len(entries), start, 0)
    path.write_bytes(data[:start] + entries + end)
    with pytest.raises(InputError, match="lie over one another"):
        open_source(path)


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz"])
def test_a_compressed_tar_that_unpacks_to_too_much_is_refused(packing: str, tmp_path: Path) -> None:
    path = tarred(tmp_path / f"x.tar.{packing}", {"a.png": b"\0" * 3_000_000}, f"w:{packing}")
    with pytest.raises(InputError, match="unpacks to more than 1 MiB, as bombs do"):
        open_tar(path, most_bytes=2**20)
    assert list(open_tar(path).names) == ["a.png"]


def test_a_full_disk_of_temporary_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tarred(tmp_path / "x.tar.gz", PICTURES, "w:gz")
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: os.terminal_size((0, 0)) and type("", (), {"free": 2**30 + 99})
    )
    with pytest.raises(
        NoSpace, match=f"more than the 0 MiB that {tempfile.gettempdir()} has room for; unpack it"
    ):
        open_source(path)


def test_nothing_is_left_among_the_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "own"))
    source = open_source(tarred(tmp_path / "x.tar.gz", PICTURES, "w:gz"))
    assert source.image(0).size == (6, 6)
    assert list((tmp_path / "own").iterdir()) == []


def test_a_tar_whose_header_promises_a_name_of_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**25
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT))
    os.truncate(tmp_path / "x.tar", 2**26)
    tracemalloc.start()
    with pytest.raises(InputError, match="no tar archive"):
        open_source(tmp_path / "x.tar")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("kind", ["x.zip", "x.tar"])
def test_an_archive_that_shrinks_while_it_is_read_loses_what_is_gone(kind: str, tmp_path: Path) -> None:
    path = MAKERS[kind](tmp_path / kind, {"a.png": png(1), "b.png": png(2, 90)})
    source = open_source(path)
    os.truncate(path, len(png(1)) + 4000)
    found = outcome(source)
    assert isinstance(found["a.png"], list)
    assert found["b.png"] == "the archive ends within it"


# What is no archive


def test_what_is_no_archive_or_a_damaged_one_is_told_in_one_line(tmp_path: Path) -> None:
    def refused(name: str, data: bytes, line: str, error: type[InputError] = InputError) -> None:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(error, match=line) as caught:
            open_source(tmp_path / name)
        assert "\n" not in str(caught.value)

    whole_zip = zipped(tmp_path / "whole.zip", PICTURES).read_bytes()
    whole_tar = tarred(tmp_path / "whole.tar", PICTURES).read_bytes()
    refused("html.zip", b"<html>" * 100, "no whole zip archive")
    refused("cut.zip", whole_zip[:-40], "no whole zip archive")
    refused("cut2.zip", whole_zip[: len(whole_zip) // 2], "no whole zip archive")
    refused("html.tar", b"<html>" * 100, "no tar archive")
    refused("nothing.tar", b"", "no tar archive")
    refused("labels.txt.gz", gzip.compress(b"cat\n" * 1000), "no tar archive")
    refused("cut.tar", whole_tar[:2600], "damaged behind member 3")
    refused("cut2.tar", whole_tar[:1300], "damaged behind member")
    refused("bad.tar", whole_tar[:2560] + b"\1" * 100 + whole_tar[2660:], "damaged behind member 3")
    refused("cut.tar.gz", gzip.compress(whole_tar)[:-200], "damaged or cut off")
    refused("cut.tar.bz2", bz2.compress(whole_tar)[:-200], "damaged or cut off")
    refused("cut.tar.xz", lzma.compress(whole_tar)[:-200], "damaged or cut off")
    refused("x.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99), "packed as 7z, which is not read; unpack it")
    refused("x.rar", b"Rar!\x1a\7" + bytes(99), "packed as rar")
    refused("x.zst", b"\x28\xb5\x2f\xfd" + bytes(99), "packed as zstd")
    refused("empty.zip", b"PK\5\6" + bytes(18), "empty.zip holds no picture; give one", NoItems)
    refused("empty.tar", bytes(10240), "empty.tar holds no picture; give one", NoItems)


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar", PICTURES)
    with tarfile.open(path) as archive:
        starts = [member.offset for member in archive.getmembers()][2:]
    whole = path.read_bytes()
    for start in starts:
        path.write_bytes(whole[:start])
        with pytest.raises(InputError, match=r"damaged behind member \d+ \(it breaks off without the mark"):
            open_source(path)
    # What follows the mark is filling, and may be missing.
    path.write_bytes(whole.rstrip(b"\0") + bytes(-len(whole.rstrip(b"\0")) % 512 + 512))
    assert len(open_source(path).names) == len(PICTURES)


def test_an_archive_without_pictures_says_what_it_holds_instead(tmp_path: Path) -> None:
    others = {"a.txt": b"", "b.csv": b"", ".c": b"", "../d.png": b""}
    with pytest.raises(
        NoItems,
        match=r"x.zip holds no picture, only 2 files of other kinds, 1 hidden entries, "
        r"\.\./d.png \(a name that leads out of the archive\)",
    ):
        open_source(zipped(tmp_path / "x.zip", dict(sorted(others.items()))))
    locked = patched(zipped(tmp_path / "y.zip", {"a.png": png()}), (b"PK\1\2", 8, b"\1\0"))
    with pytest.raises(NoItems, match=r"only a.png \(encrypted\)"):
        open_source(locked)


# The central directory, held against the standard library's reading of it


def test_members_are_those_of_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 300)  # so that small archives take the large form
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    path = zipped(tmp_path / "x.zip", PICTURES | {"large.png": png(3, 60)}, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"a comment with PK\1\2 in it"
    path.write_bytes(b"#!/bin/sh\n" * 7 + path.read_bytes())  # as programs that unpack themselves
    with path.open("rb") as file:
        own = list(zip_members(path, file))
    with zipfile.ZipFile(path) as archive:
        theirs = [info for info in archive.infolist() if not info.is_dir()]
    assert [
        (each.name.decode(), each.offset, each.packed, each.size, each.packing, each.checksum) for each in own
    ] == [
        (each.filename, each.header_offset, each.compress_size, each.file_size, each.compress_type, each.CRC)
        for each in theirs
    ]
    assert len(outcome(open_source(path))) == 6


def test_names_of_old_programs_are_read(tmp_path: Path) -> None:
    zipped(tmp_path / "x.zip", {"xx.png": png(), "yyyy.png": png(1)})
    data = (tmp_path / "x.zip").read_bytes()
    # UTF-8 without the flag that says so, and code page 437
    data = data.replace(b"xx.png", "é.png".encode()).replace(b"yyyy.png", b"\x8aven.png")
    (tmp_path / "x.zip").write_bytes(data)
    assert list(open_source(tmp_path / "x.zip").names) == ["èven.png", "é.png"]


SOUND = {"x.zip": zipped, "x.tar": tarred}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(SOUND)),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_mutated_archives_give_pictures_reasons_or_one_line(
    kind: str, changes: list[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = SOUND[kind](Path(folder) / kind, PICTURES)
        data = bytearray(path.read_bytes())
        for place, value in changes:
            # Headers and the index are where it hurts.
            data[-1 - place % 400 if kind == "x.zip" and place % 2 else place % len(data)] = value
        path.write_bytes(data)
        try:
            source = open_source(path)
            found = list(outcome(source).values())
        except InputError as error:
            found = [str(error)]
        for each in found:
            assert isinstance(each, list) or (0 < len(str(each)) <= 300 and "\n" not in str(each))


def test_many_threads_read_one_archive(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    members = {f"{row:03d}.png": png(row, 20) for row in range(200)}
    source = open_source(zipped(tmp_path / "x.zip", members))
    (tmp_path / "x.zip").unlink()  # it is open, and stays so
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: np.asarray(source.image(row)), range(200)))
    for row, data in enumerate(members.values()):
        assert np.array_equal(found[row], np.asarray(Image.open(io.BytesIO(data))))


def test_the_crc_of_the_library_is_the_one_of_zip() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of the standard
