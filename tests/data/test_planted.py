# SPDX-License-Identifier: Apache-2.0
"""A planted set: broken files of ten kinds among small sound ones. Exactly those are reported, and nothing else is lost."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from nets import planted_net
from PIL import Image

from pellucid.data import Recipe, Source, batches, open_source
from pellucid.models import ImageInput, load
from pellucid.scan import scan

SIDE = 32
NOT_A_PICTURE = "not a JPEG, PNG, WEBP, GIF or BMP picture"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def sound(row: int) -> tuple[bytes, np.ndarray]:
    """A picture of one of the odd kinds that are no fault, and what is fed for it, (SIDE, SIDE, 3)."""
    color = (row * 37 % 256, row // 256 % 256, row * 11 % 256)
    plain = Image.new("RGB", (SIDE, SIDE), color)
    broken_tag = b"Exif\0\0II*\0" + struct.pack(
        "<LHHHLL", 8, 9, 274, 3, 1, 1
    )  # promises nine entries, holds a half
    rational = b"Exif\0\0II*\0" + struct.pack("<LHHHLL", 8, 1, 282, 5, 1, 26) + bytes(12)  # zero over zero
    match row % 8:
        case 0:
            return encoded(plain), np.asarray(plain)
        case 1:
            return encoded(plain, "JPEG", exif=broken_tag), read_back(plain)
        case 2:
            return encoded(plain, "JPEG", exif=rational), read_back(plain)
        case 3:
            return encoded(plain.convert("CMYK"), "JPEG"), read_back(plain.convert("CMYK"))
        case 4:
            deep = np.full((SIDE, SIDE), color[0] << 8 | 7, np.uint16)
            return encoded(Image.fromarray(deep)), np.full((SIDE, SIDE, 3), color[0], np.uint8)
        case 5:
            clear = plain.convert("RGBA")
            clear.putalpha(0)
            return encoded(clear), np.full((SIDE, SIDE, 3), 255, np.uint8)
        case 6:
            film = encoded(plain, "PNG", save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE))])
            return film, np.asarray(plain)
        case _:
            return encoded(Image.new("RGB", (1, 1), color)), np.asarray(plain)


def read_back(image: Image.Image) -> np.ndarray:
    """What a JPEG of it holds."""
    return np.asarray(Image.open(io.BytesIO(encoded(image, "JPEG"))).convert("RGB"))


def bomb() -> bytes:
    head = b"IHDR" + struct.pack(">LLBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    parts = (head, b"IDAT" + zlib.compress(bytes(100)), b"IEND")
    chunks = (struct.pack(">L", len(part) - 4) + part + struct.pack(">L", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


WHOLE = encoded(Image.effect_noise((60, 60), 50).convert("RGB"), "JPEG")
PNG = encoded(Image.new("RGB", (9, 9)))
# What is broken, and a part of its reason. Those without bytes are no files.
BROKEN: dict[str, tuple[bytes | None, str]] = {
    "cut short": (WHOLE[: len(WHOLE) // 2], "runcated"),
    "empty": (b"", "empty"),
    "web page": (b"<!DOCTYPE html><title>404</title>", NOT_A_PICTURE),
    "zeros": (bytes(3000), NOT_A_PICTURE),
    "tiff": (encoded(Image.new("RGB", (9, 9)), "TIFF"), NOT_A_PICTURE),
    "bad checksum": (PNG[:20] + b"\xff\xff" + PNG[22:], "a PNG picture whose header is damaged"),
    "bomb": (bomb(), "more than 100 million pixels are not decoded"),
    "needle": (encoded(Image.new("L", (1, 100_000))), "1 x 100000 px is too narrow"),
    "link": (None, "a link"),
    "pipe": (None, "a pipe, socket or device"),
}


class PlantedSet:
    """So many items, every twentieth broken, in turn of each kind."""

    def __init__(self, total: int) -> None:
        kinds = list(BROKEN)
        self.total = total
        self.broken = {row: kinds[row // 20 % len(kinds)] for row in range(7, total, 20)}

    def name(self, row: int) -> str:
        return f"{row % 3}/{row:06d}.png"

    def data(self, row: int) -> bytes | None:
        return BROKEN[self.broken[row]][0] if row in self.broken else sound(row)[0]

    def as_folder(self, root: Path) -> Path:
        for folder in range(3):
            (root / "set" / str(folder)).mkdir(parents=True)
        (root / "outside.png").write_bytes(PNG)
        for row in range(self.total):
            path, data = root / "set" / self.name(row), self.data(row)
            if data is not None:
                path.write_bytes(data)
            elif self.broken[row] == "link":
                path.symlink_to(root / "outside.png")
            else:
                os.mkfifo(path)
        return root / "set"

    def as_zip(self, root: Path) -> Path:
        with zipfile.ZipFile(root / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for row in range(self.total):
                info, data = zipfile.ZipInfo(self.name(row)), self.data(row)
                if data is None:
                    kind = stat.S_IFLNK if self.broken[row] == "link" else stat.S_IFIFO
                    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
                archive.writestr(info, data or b"")
        return root / "set.zip"

    def as_tar(self, root: Path, packing: str = "") -> Path:
        path = root / f"set.tar{packing and '.'}{packing}"
        with tarfile.open(path, f"w:{packing}") as archive:
            for row in reversed(range(self.total)):
                info, data = tarfile.TarInfo(self.name(row)), self.data(row)
                if data is None:
                    info.type = tarfile.SYMTYPE if self.broken[row] == "link" else tarfile.FIFOTYPE
                info.size = len(data or b"")
                archive.addfile(info, io.BytesIO(data or b""))
        return path

    def as_tar_gz(self, root: Path) -> Path:
        return self.as_tar(root, "gz")


def assert_exact(planted: PlantedSet, source: Source) -> None:
    rows = {planted.name(row): row for row in range(planted.total)}
    assert sorted(rows) == list(source.names)
    reported: dict[int, str] = {}
    for batch in batches(source, Recipe((SIDE, SIDE)), size=64):
        reported |= {rows[source.names[place]]: reason for place, reason in batch.problems}
        for slot in np.flatnonzero(batch.valid):
            row = rows[source.names[batch.rows[slot]]]
            assert np.array_equal(batch.pixels[slot], sound(row)[1]), planted.name(row)
    assert sorted(reported) == sorted(planted.broken)
    for row, kind in planted.broken.items():
        assert BROKEN[kind][1] in reported[row], (kind, reported[row])
    assert source.class_names == ("0", "1", "2")


SHAPES = {
    "folder": PlantedSet.as_folder,
    "zip": PlantedSet.as_zip,
    "tar": PlantedSet.as_tar,
    "tar.gz": PlantedSet.as_tar_gz,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_fifty_broken_files_among_a_thousand(shape: str, tmp_path: Path) -> None:
    planted = PlantedSet(1000)
    assert len(planted.broken) == 50
    assert_exact(planted, open_source(SHAPES[shape](planted, tmp_path)))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_five_hundred_broken_files_among_ten_thousand(shape: str, tmp_path: Path) -> None:
    planted = PlantedSet(10_000)
    source = open_source(SHAPES[shape](planted, tmp_path))
    assert_exact(planted, source)
    scanned = scan(load(planted_net(), input=ImageInput(SIDE)), source, ["logits"])
    assert {name for name, _ in scanned.skipped} == {planted.name(row) for row in planted.broken}
    assert len(scanned.skipped) == 500
    assert scanned.layers["logits"].statistics[0].count == 9_500
