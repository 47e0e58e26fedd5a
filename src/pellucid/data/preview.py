# SPDX-License-Identifier: Apache-2.0
"""Small pictures of whole items, made after a pass for the few items that are shown."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from pellucid.data.batches import thread_count
from pellucid.data.decode import ItemProblem, quiet_pillow, reason_of
from pellucid.data.pixels import picture_of
from pellucid.data.recipe import Placement, Recipe
from pellucid.data.source import Source
from pellucid.errors import PellucidError

__all__ = ["PREVIEW_MIME", "PREVIEW_PX", "Previews", "Shown", "preview"]

PREVIEW_PX = 256
PREVIEW_MIME = "image/jpeg"
# JPEG, not WEBP: three times as fast to write for a fourth more bytes, and every Pillow has it. Color at full
# resolution: a preview is looked at enlarged, through a crop of a few pixels.
_JPEG = {"quality": 88, "subsampling": 0, "optimize": True}


def preview(image: Image.Image) -> bytes:
    """The whole upright item as a JPEG, its longest side at most PREVIEW_PX; the same bytes every time.

    >>> len(preview(Image.new("RGB", (600, 300)))) < 3000
    True
    """
    longest = max(image.size)
    small = image.convert("RGB")
    if longest > PREVIEW_PX:
        sides = (max(1, round(side * PREVIEW_PX / longest)) for side in image.size)
        small = small.resize((next(sides), next(sides)), Image.Resampling.LANCZOS)
    small.info = {}
    file = io.BytesIO()
    small.save(file, "JPEG", **_JPEG)
    return file.getvalue()


@dataclass(frozen=True)
class Shown:
    """An item that is shown: where it lies in what the net was fed, and its preview.

    `preview` and `placement` are None, and `problem` says why, where the item could not be read again.
    """

    row: int
    placement: Placement | None
    preview: bytes | None
    problem: str = ""


class Previews:
    """Placements and previews of items, made when they are asked for; the latest are kept.

    Neighboring units show the same items, so a store of limited size saves most of the decoding.

    Parameters
    ----------
    source, recipe : the items, and how the net was fed them
    most_bytes : of previews kept
    workers : threads that decode; None for two more than cores
    """

    def __init__(
        self, source: Source, recipe: Recipe, *, most_bytes: int = 256 << 20, workers: int | None = None
    ) -> None:
        self._source = source
        self._recipe = recipe
        self._most_bytes = most_bytes
        self._workers = workers or thread_count()
        self._kept: dict[int, Shown] = {}  # the longest unasked first
        self._bytes = 0

    def of(self, rows: Iterable[int]) -> dict[int, Shown]:
        """What showing the items of these rows takes, by row."""
        wanted = sorted(set(rows))
        held = {row: self._kept.pop(row) for row in wanted if row in self._kept}
        missing = [row for row in wanted if row not in held]
        with quiet_pillow(), ThreadPoolExecutor(self._workers) as pool:
            made = {each.row: each for each in pool.map(self._made, missing)}
        self._kept |= held | made
        self._bytes += sum(_size(each) for each in made.values())
        while self._bytes > self._most_bytes:
            self._bytes -= _size(self._kept.pop(next(iter(self._kept))))
        return held | made

    def _made(self, row: int) -> Shown:
        try:
            image = picture_of(self._source.image(row))
            return Shown(row, self._recipe.place(image.size), preview(image))
        except Exception as error:
            if isinstance(error, PellucidError) and not isinstance(error, ItemProblem):
                raise
            return Shown(row, None, None, reason_of(error))


def _size(each: Shown) -> int:
    return len(each.preview or b"")
