# SPDX-License-Identifier: Apache-2.0
"""The provenance in a picture: found by others, found by us, and harmless in files from strangers."""

import io
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pellucid.errors import InputError, UnknownName
from pellucid.figures.stamp import read_stamp, write_png

PROVENANCE = {
    "unit": "features.7:42",
    "seed": 0,
    "settings": {"steps": 128, "rate": 0.05},
    "note": "Grüße \udc80",
}
PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">2I5B", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def test_written_stamp_is_read_back(tmp_path):
    png = write_png(PIXELS, PROVENANCE)
    (tmp_path / "a.png").write_bytes(png)
    assert read_stamp(png) == PROVENANCE
    assert read_stamp(tmp_path / "a.png") == PROVENANCE
    assert read_stamp(str(tmp_path / "a.png")) == PROVENANCE


def test_pillow_reads_the_same_pixels_and_text():
    image = Image.open(io.BytesIO(write_png(PIXELS, PROVENANCE)))
    assert np.array_equal(np.asarray(image), PIXELS)
    assert json.loads(image.text["pellucid"]) == PROVENANCE


@pytest.mark.parametrize(
    ("pixels", "mode"),
    [(PIXELS[:, :, :1], "L"), (PIXELS[:, :, 0], "L"), (PIXELS, "RGB"), (PIXELS[:, ::-1], "RGB")],
)
def test_shapes(pixels, mode):
    image = Image.open(io.BytesIO(write_png(pixels, {})))
    assert image.mode == mode
    assert np.array_equal(np.asarray(image), pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels)


def test_same_arguments_give_the_same_bytes_whatever_the_order_of_keys():
    assert write_png(PIXELS, {"a": 1, "b": 2}) == write_png(PIXELS.copy(), {"b": 2, "a": 1})


def test_what_a_pillow_image_carries_beside_its_pixels_stays_behind():
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "home/secretuser"
    Image.fromarray(PIXELS).save(buffer, "PNG", exif=exif, icc_profile=b"secretuser" * 20)
    image = Image.open(io.BytesIO(buffer.getvalue()))
    image.load()
    assert {"icc_profile", "exif"} <= set(image.info)
    assert set(Image.open(io.BytesIO(write_png(image, {}))).info) == {"pellucid"}


@pytest.mark.parametrize(
    "pixels",
    [
        PIXELS.astype(np.float32),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((3, 2, 2, 3), np.uint8),
        np.zeros((0, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(InputError, match="shape"):
        write_png(pixels, {})


@pytest.mark.parametrize("provenance", [{"a": float("nan")}, {"a": object()}, {"a": "x" * (1 << 20)}])
def test_what_json_cannot_hold_is_refused(provenance):
    with pytest.raises(InputError, match="provenance"):
        write_png(PIXELS, provenance)


def test_files_that_are_not_there_or_not_files(tmp_path):
    with pytest.raises(UnknownName, match=r"nothing\.png"):
        read_stamp(tmp_path / "nothing.png")
    with pytest.raises(InputError, match="is a folder; name one picture in it"):
        read_stamp(tmp_path)


def test_packed_text_is_read_and_a_bomb_is_not_unpacked():
    good = b"pellucid\0\1\0\0\0" + zlib.compress(b'{"seed":3}')
    assert read_stamp(png_with(chunk(b"iTXt", good))) == {"seed": 3}
    bomb = png_with(
        chunk(b"iTXt", b"pellucid\0\1\0\0\0" + zlib.compress(b'{"a":"' + b"x" * 60_000_000 + b'"}'))
    )
    tracemalloc.start()
    assert read_stamp(bomb) is None
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        png_with(),
        png_with(chunk(b"tEXt", b'pellucid\0{"seed":1}')),
        png_with(chunk(b"iTXt", b"pellucid\0\0\0\0\0[1]")),
        png_with(chunk(b"iTXt", b"pellucid\0\0\0\0\0{" + b'"a":[' * 200_000)),
        png_with(chunk(b"iTXt", b'pellucid\0\0\0\0\0{"a":NaN}')),
        png_with(chunk(b"iTXt", b"pellucid\0\0\0\0\0\xff")),
        png_with(chunk(b"iTXt", b"pellucid\0\0")),
        png_with(chunk(b"iTXt", b"pellucid\0\1\0\0\0no zlib")),
        png_with(chunk(b"iTXt", b"pellucidity\0\0\0\0\0{}")),
        png_with(chunk(b"iTXt", b"pellucid\0\0\0\0\0{}")[:-1] + b"!"),
        b"\x89PNG\r\n\x1a\n" + b"\x7f\xff\xff\xffiTXt" + b"pellucid",
        b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffIDAT" * 50,
    ],
)
def test_files_without_a_sound_stamp_give_none(file):
    assert read_stamp(file) is None


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_the_truth_or_nothing(data):
    png = bytearray(write_png(PIXELS, PROVENANCE))
    for _ in range(data.draw(st.integers(1, 4))):
        png[data.draw(st.integers(0, len(png) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(png)))
    assert read_stamp(bytes(png[:cut])) in (None, PROVENANCE)
