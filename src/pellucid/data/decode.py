# SPDX-License-Identifier: Apache-2.0
"""One picture file to upright RGB pixels, or one line that says why not.

Files are hostile until decoded: formats are an allow-list, sizes are limited, and whatever a decoder raises
becomes an ItemProblem, because corrupt pictures raise far more than OSError.
"""

from __future__ import annotations

import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from pellucid.errors import InputError

__all__ = ["FORMATS", "MOST_PIXELS", "ItemProblem", "open_image", "quiet_pillow", "reason_of", "rgb"]

# TIFF stands outside: damaged files of it take seconds. EPS, PDF and SVG run programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# How files of these formats begin; that of BMP is two letters, with which words begin too.
CLAIMS = re.compile(rb"(?s)(?P<JPEG>\xff\xd8\xff)|(?P<PNG>\x89PNG\r\n\x1a\n)|(?P<GIF>GIF8[79]a)")
MOST_PIXELS = 100_000_000
LONGEST_REASON = 200

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ItemProblem(InputError):
    """One item cannot be used; the message says why, in one line of at most 200 characters."""


def open_image(where: str | Path | bytes) -> Image.Image:
    """The picture in a file, or in bytes, as upright RGB.

    Turned as its EXIF orientation says; a tag that cannot be read never loses good pixels. The first frame of
    an animation; transparency over white; 16 bits cut to the upper 8; gray, palette and CMYK converted by
    Pillow. Color profiles are ignored, as the pipelines do that networks are trained with.

    Raises
    ------
    ItemProblem : for every way in which a file can fail

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2), 128).save(file, "PNG")
    >>> picture = open_image(file.getvalue())
    >>> picture.mode, picture.size, picture.getpixel((0, 0))
    ('RGB', (3, 2), (128, 128, 128))
    """
    with quiet_pillow():
        try:
            with _opened(where) as file:
                return _upright(file)
        except ItemProblem:
            raise
        except Exception as error:
            raise ItemProblem(reason_of(error)) from error


def _opened(where: str | Path | bytes) -> BinaryIO:
    """The bytes or the regular file as a binary stream; never waits on a pipe that took a file's place."""
    if isinstance(where, bytes):
        if not where:
            raise ItemProblem("empty")
        return io.BytesIO(where)
    descriptor = os.open(where, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    found = os.fstat(descriptor)
    regular = stat.S_ISREG(found.st_mode)
    if not regular or found.st_size == 0:
        os.close(descriptor)
        raise ItemProblem("empty" if regular else "not a regular file")
    return os.fdopen(descriptor, "rb")


def _upright(file: BinaryIO) -> Image.Image:
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        file.seek(0)
        if claimed := CLAIMS.match(file.read(12)):
            raise ItemProblem(f"a {claimed.lastgroup} picture whose header is damaged") from None
        raise
    if image.width * image.height > MOST_PIXELS:
        raise ItemProblem(f"{image.width} x {image.height} px: more than 100 million pixels are not decoded")
    image.load()
    turn = _TURNS.get(_orientation(image))
    upright = rgb(image) if turn is None else rgb(image).transpose(turn)
    upright.info = {}  # comments and profiles would travel into every copy that is saved
    return upright


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # struct.error, SyntaxError, ValueError, TypeError, ...: broken tags, sound pixels.
        return 1


def rgb(image: Image.Image) -> Image.Image:
    """A decoded picture of any mode as RGB: transparency over white, 16 bits cut to the upper 8."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        upper = np.clip(np.asarray(image).astype(np.int64), 0, 65535) >> 8
        return Image.fromarray(upper.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        page = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(page, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def reason_of(error: Exception) -> str:
    """Why an item failed: one line without addresses and folders, so that it is the same on every machine."""
    if isinstance(error, ItemProblem):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "not a JPEG, PNG, WEBP, GIF or BMP picture"
    if isinstance(error, Image.DecompressionBombError):
        return "more than 100 million pixels are not decoded"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"[:LONGEST_REASON]
    words = re.sub(r"0x[0-9a-fA-F]+", "0x...", " ".join(str(error).split()))
    line = f"cannot be decoded: {words or 'no reason given'} ({type(error).__name__})"
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:LONGEST_REASON]


_PILLOW_IGNORED = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_lock = threading.Lock()
_depth = 0


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Pillow's warnings, about tags and sizes that are judged here, neither print nor become errors.

    `warnings.catch_warnings` is not safe in threads; this counts who is inside and holds one filter.
    """
    global _depth
    with _lock:
        if _depth == 0:
            _filters().insert(0, _PILLOW_IGNORED)
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _PILLOW_IGNORED in _filters():
                _filters().remove(_PILLOW_IGNORED)


def _filters() -> list[object]:
    """The live list; `warnings.filterwarnings` would make every warning ever shown appear once more."""
    return cast("list[object]", warnings.filters)
