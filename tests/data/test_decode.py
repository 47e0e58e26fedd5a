# SPDX-License-Identifier: Apache-2.0
"""Every kind of picture file becomes upright RGB, or one clear line."""

from __future__ import annotations

import errno
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pellucid.data import ItemProblem, open_image
from pellucid.data.decode import LONGEST_REASON, quiet_pillow, reason_of


def pixels(width: int = 24, height: int = 16, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


RGB = Image.fromarray(pixels())
JPEG, PNG = encoded(RGB, "JPEG"), encoded(RGB)


def assert_same(image: Image.Image, truth: np.ndarray) -> None:
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), truth)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_lossless_formats_give_their_pixels(kind: str) -> None:
    assert_same(open_image(encoded(RGB, kind, lossless=True)), pixels())


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_lossy_formats_give_what_pillow_gives(kind: str) -> None:
    data = encoded(RGB, kind)
    assert_same(open_image(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_gray_becomes_three_equal_channels() -> None:
    gray = pixels(channels=1)[..., 0]
    assert_same(open_image(encoded(Image.fromarray(gray))), gray[..., None].repeat(3, 2))


def test_sixteen_bits_keep_the_upper_eight() -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7)).astype(np.uint16)
    upper = (deep >> 8).astype(np.uint8)
    assert_same(open_image(encoded(Image.fromarray(deep))), upper[..., None].repeat(3, 2))


def test_cmyk_is_converted() -> None:
    data = encoded(RGB.convert("CMYK"), "JPEG")
    assert_same(open_image(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_transparency_lies_over_white() -> None:
    rgba = pixels(channels=4)
    rgba[0, 0] = (10, 20, 30, 0)
    rgba[0, 1] = (10, 20, 30, 255)
    rgba[0, 2] = (0, 0, 0, 51)
    shown = np.asarray(open_image(encoded(Image.fromarray(rgba))))
    assert shown[0, 0].tolist() == [255, 255, 255]
    assert shown[0, 1].tolist() == [10, 20, 30]
    assert shown[0, 2].tolist() == [204, 204, 204]


def test_a_transparent_color_of_a_palette_or_of_gray_is_white() -> None:
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([200, 0, 0, 0, 0, 200])
    assert np.asarray(open_image(encoded(palette, transparency=1))).tolist() == [[[200, 0, 0], [255] * 3]]
    gray = Image.fromarray(np.array([[7, 9]], np.uint8))
    assert np.asarray(open_image(encoded(gray, transparency=9))).tolist() == [[[7] * 3, [255] * 3]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(kind: str) -> None:
    red, blue = Image.new("RGB", (6, 4), "red"), Image.new("RGB", (6, 4), "blue")
    options = {} if kind == "GIF" else {"lossless": True}
    data = encoded(red, kind, save_all=True, append_images=[blue], **options)
    assert open_image(data).getpixel((2, 2)) == (255, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_is_that_of_pillow(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(RGB, kind, exif=exif)
    assert_same(open_image(data), np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))


def exif_bytes(*entries: bytes, count: int | None = None) -> bytes:
    head = struct.pack("<LH", 8, len(entries) if count is None else count)
    return b"Exif\0\0II*\0" + head + b"".join(entries) + b"\0" * 4


BAD_TAGS = {
    "cut short": b"Exif\0\0II*\0",
    "no tiff": b"Exif\0\0XX*\0abcd",
    "beyond the end": b"Exif\0\0II*\0" + struct.pack("<LHHHLL", 8, 9, 274, 3, 1, 1),
    "unknown type": exif_bytes(struct.pack("<HHL4s", 274, 99, 1, b"\6\0\0\0")),
    "a word": exif_bytes(struct.pack("<HHL4s", 274, 2, 4, b"six\0")),
    "bad UTF-8": exif_bytes(struct.pack("<HHL4s", 270, 2, 4, b"\xff\xfe\xff\xff")),
    "zero over zero": exif_bytes(struct.pack("<HHLL", 282, 5, 1, 26)) + b"\0" * 8,
    "turned ninety-nine": exif_bytes(struct.pack("<HHLL", 274, 3, 1, 99)),
}


@pytest.mark.parametrize("name", BAD_TAGS)
def test_a_bad_tag_never_loses_good_pixels(name: str) -> None:
    assert_same(open_image(encoded(RGB, "JPEG", exif=BAD_TAGS[name])), np.asarray(open_image(JPEG)))


def test_a_good_orientation_among_bad_tags_counts() -> None:
    good = struct.pack("<HHLL", 274, 3, 1, 6)
    exif = b"Exif\0\0II*\0" + struct.pack("<LH", 8, 2) + good  # promises two entries, holds one
    assert open_image(encoded(RGB, "JPEG", exif=exif)).size == (16, 24)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 40))
def test_no_exif_whatsoever_loses_pixels(garbage: bytes, cut: int) -> None:
    exif = (exif_bytes(struct.pack("<HHLL", 274, 3, 1, 3)) + b"\0" * 9)[:cut] + garbage
    read = np.asarray(open_image(encoded(RGB, "JPEG", exif=b"Exif\0\0" + exif)))
    sound = np.asarray(open_image(JPEG))
    turns = [np.rot90(side, turn) for side in (sound, sound[:, ::-1]) for turn in range(4)]
    assert any(np.array_equal(read, turned) for turned in turns)


def png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">LLBBBBB", width, height, 1, 0, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(part) - 4) + part + struct.pack(">L", zlib.crc32(part))
        for part in (head, body, b"IEND")
    )


BROKEN = {
    "cut short": (JPEG[: len(JPEG) // 2], "runcated"),
    "one byte short": (PNG[:40], ""),
    "empty": (b"", "empty"),
    "web page": (b"<!DOCTYPE html><title>404</title>" * 9, "not a JPEG, PNG, WEBP, GIF or BMP picture"),
    "zeros": (b"\0" * 5000, "not a JPEG"),
    "tiff": (encoded(RGB, "TIFF"), "not a JPEG"),
    "bad checksum": (PNG[:20] + b"\xff\xff" + PNG[22:], "a PNG picture whose header is damaged"),
    "a JPEG's beginning alone": (b"\xff\xd8\xff\xe0", "a JPEG picture whose header is damaged"),
    "a WEBP's": (b"RIFF\n\0\0\0WEBPVP8 ", "cannot be decoded"),
    "a GIF's": (b"GIF89a", "a GIF picture whose header is damaged"),
    "a bomb": (png_header(12000, 12000), "12000 x 12000 px: more than 100 million pixels are not decoded"),
    "a large bomb": (png_header(60000, 60000), "more than 100 million pixels are not decoded"),
    "no pixels": (png_header(0, 5), ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_says_why_in_one_line(name: str, tmp_path: Path) -> None:
    data, reason = BROKEN[name]
    (tmp_path / "x.jpg").write_bytes(data)
    for where in (data, tmp_path / "x.jpg"):
        with pytest.raises(ItemProblem) as caught:
            open_image(where)
        assert reason in str(caught.value)
        assert_one_line(str(caught.value))
        assert str(tmp_path) not in str(caught.value)


def assert_one_line(reason: str) -> None:
    assert 0 < len(reason) <= LONGEST_REASON
    assert reason.isprintable()


@settings(max_examples=200, deadline=None)  # a mutated size may be large
@given(
    st.sampled_from([JPEG, PNG, encoded(RGB, "WEBP"), encoded(RGB, "GIF"), encoded(RGB, "BMP")]),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_mutated_files_give_pixels_or_a_reason(data: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    try:
        image = open_image(bytes(mutated))
    except ItemProblem as problem:
        assert_one_line(str(problem))
    else:
        assert image.mode == "RGB"
        assert image.width * image.height <= 100_000_000


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    for name, reason in [
        ("pipe.jpg", "not a regular file"),
        ("", "not a regular file"),
        ("gone.jpg", "cannot be read: No such file or directory"),
        ("loop.jpg", "cannot be read: Too many levels of symbolic links"),
    ]:
        with pytest.raises(ItemProblem) as caught:
            open_image(tmp_path / name)
        assert str(caught.value) == reason


def test_reasons_are_the_same_on_every_machine() -> None:
    moved = OSError(errno.EIO, "Input/output error", "/home/someone/x.jpg")
    assert reason_of(moved) == "cannot be read: Input/output error"
    odd = ValueError("bad <Object at 0x7f00aa>\nsecond\tline \x1b[31m")
    assert reason_of(odd) == "cannot be decoded: bad <Object at 0x...> second line ?[31m (ValueError)"
    assert reason_of(MemoryError()) == "cannot be decoded: no reason given (MemoryError)"
    assert len(reason_of(ValueError("x" * 500))) == LONGEST_REASON


def test_pillows_warnings_are_kept_off_and_others_are_not() -> None:
    before = list(warnings.filters)
    with quiet_pillow(), quiet_pillow():
        warnings.warn_explicit("Corrupt EXIF data", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        with pytest.warns(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)
    assert list(warnings.filters) == before


def test_comments_and_profiles_do_not_travel() -> None:
    assert open_image(encoded(RGB, "JPEG", comment=b"secret", icc_profile=b"x" * 200)).info == {}
