# SPDX-License-Identifier: Apache-2.0
"""The provenance inside a picture file: a PNG text chunk `pellucid` that holds JSON.

Anyone who has the file can read how it was made; reading is safe on files from strangers.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pellucid.errors import InputError, StorageError, UnknownName

__all__ = ["is_png", "read_stamp", "stamp_chunk", "write_png"]

KEYWORD = "pellucid"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A stamp is some hundred bytes; the limits keep a hostile file from costing memory or time.
MOST_STAMP_BYTES = 1 << 20
MOST_CHUNKS = 100_000
# Of 9: figures take two and a half times as long at 6, for a twentieth less.
COMPRESSION = 3


def write_png(picture: NDArray[np.uint8] | Image.Image, provenance: Mapping[str, Any]) -> bytes:
    """A PNG of `picture` that carries `provenance` as JSON in an iTXt chunk; same arguments, same bytes.

    Parameters
    ----------
    picture : uint8 (H, W), (H, W, 1) or (H, W, 3), sRGB in 0..255, or an image of Pillow
    provenance : JSON values only, at most 1 MiB as JSON

    Raises
    ------
    InputError : another shape or type, or provenance that JSON cannot hold (NaN is refused)

    Examples
    --------
    >>> png = write_png(np.zeros((4, 6, 3), np.uint8), {"unit": "features.7:42", "seed": 0})
    >>> read_stamp(png)
    {'seed': 0, 'unit': 'features.7:42'}
    """
    text, encoded = stamp_chunk(provenance), io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else _image(picture)
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    bare = Image.frombytes(image.mode, image.size, image.tobytes())  # leaves ICC, EXIF and texts behind
    bare.save(encoded, "PNG", pnginfo=text, compress_level=COMPRESSION)
    return encoded.getvalue()


def stamp_chunk(provenance: Mapping[str, Any]) -> PngInfo:
    """The chunk that carries the provenance inside a PNG."""
    try:
        stamp = json.dumps(provenance, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as problem:
        raise InputError(f"this provenance is not made of JSON values: {problem}") from problem
    if len(stamp) > MOST_STAMP_BYTES:
        raise InputError(
            f"this provenance takes {len(stamp)} bytes; a picture carries at most {MOST_STAMP_BYTES}"
        )
    text = PngInfo()
    text.add_itxt(KEYWORD, stamp)
    return text


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    if (
        pixels.dtype != np.uint8
        or pixels.ndim not in (2, 3)
        or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3))
    ):
        raise InputError(
            f"an array of shape {pixels.shape} and type {pixels.dtype} is no picture; "
            "(H, W), (H, W, 1) or (H, W, 3) of uint8 is one"
        )
    if 0 in pixels.shape:
        raise InputError(f"an array of shape {pixels.shape} has no pixel; a picture needs at least one")
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels)


def read_stamp(png: str | Path | bytes) -> dict[str, Any] | None:
    """The provenance that `write_png` put into a file; None where there is none or the file is no sound PNG.

    The picture is not decoded; at most 1 MiB of text is read, whatever the file claims.

    Raises
    ------
    UnknownName : no such file
    InputError : it is a folder
    StorageError : the file cannot be read
    """
    if isinstance(png, bytes):
        return _stamp(io.BytesIO(png))
    if Path(png).is_dir():
        raise InputError(f"{str(png)!r} is a folder; name one picture in it")
    try:
        with Path(png).open("rb") as file:
            return _stamp(file)
    except FileNotFoundError as problem:
        raise UnknownName(f"there is no file {str(png)!r}") from problem
    except OSError as problem:
        raise StorageError(f"{str(png)!r} cannot be read: {problem.strerror}") from problem


def is_png(path: str | Path) -> bool:
    """Whether a file begins as a PNG does."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


def _stamp(file: BinaryIO) -> dict[str, Any] | None:
    for kind, body in _chunks(file):
        if kind == b"iTXt" and body.startswith(KEYWORD.encode() + b"\0"):
            return _parsed(body)
    return None


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The international text chunks of a PNG, the others skipped unread; ends at the first wrong thing."""
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        size, kind = int.from_bytes(head[:4]), head[4:]
        if len(head) < 8 or kind == b"IEND" or size >= 1 << 31:
            return
        if kind != b"iTXt" or size > MOST_STAMP_BYTES:
            file.seek(size + 4, io.SEEK_CUR)
            continue
        body, checksum = file.read(size), file.read(4)
        if len(body) < size or zlib.crc32(kind + body).to_bytes(4) != checksum:
            return
        yield kind, body


def _parsed(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a chunk: keyword, 0, packed?, method, language, 0, translated keyword, 0, text."""
    packed, rest = body[len(KEYWORD) + 1 : len(KEYWORD) + 2], body[len(KEYWORD) + 3 :]
    fields = rest.split(b"\0", 2)
    if len(fields) < 3:
        return None
    try:
        text = zlib.decompressobj().decompress(fields[2], MOST_STAMP_BYTES) if packed == b"\1" else fields[2]
        stamp = json.loads(text.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError, zlib.error):
        return None
    return stamp if isinstance(stamp, dict) else None


def _refuse(token: str) -> NoReturn:
    raise ValueError(f"{token} is no JSON")
