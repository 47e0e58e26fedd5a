# SPDX-License-Identifier: Apache-2.0
"""Previews show the whole item, are the same every time, and take bounded memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pellucid.data import PREVIEW_PX, ItemProblem, Previews, Recipe, preview


def shade(width: int, height: int) -> Image.Image:
    x, y = np.linspace(0, 255, width), np.linspace(0, 255, height)[:, None]
    return Image.fromarray(np.stack(np.broadcast_arrays(x, y, 128.0), -1).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1000, 500), (256, 128)), ((30, 20), (30, 20)), ((3000, 2), (256, 1)), ((256, 256), (256, 256))],
)
def test_a_preview_is_the_whole_item_small(size: tuple[int, int], shown: tuple[int, int]) -> None:
    image = shade(*size)
    data = preview(image)
    assert data == preview(image)
    read = Image.open(io.BytesIO(data))
    assert read.size == shown
    assert max(read.size) <= PREVIEW_PX
    truth = np.asarray(image.resize(shown, Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(read).astype(int) - truth).mean() < 3


def test_nothing_of_a_files_tags_is_in_its_preview() -> None:
    image = shade(40, 30)
    image.info = {"comment": b"secret", "icc_profile": b"secret" * 50}
    assert b"secret" not in preview(image)


class Counting:
    """Ten items, one broken, that counts how often it is read."""

    name, credits, listing_digest = "counting", (), "0"
    names = tuple("abcdefghij")

    def __init__(self) -> None:
        self.read: list[int] = []

    def image(self, row: int) -> Image.Image:
        self.read.append(row)
        if row == 3:
            raise ItemProblem("gone")
        return shade(60 + row, 40)


def test_items_are_read_once_while_they_are_kept() -> None:
    source = Counting()
    previews = Previews(source, Recipe((20, 20)))
    first = previews.of([5, 1, 5, 3])
    assert sorted(first) == [1, 3, 5]
    assert sorted(source.read) == [1, 3, 5]
    assert first[5].placement == Recipe((20, 20)).place((65, 40))
    assert first[5].preview == preview(shade(65, 40))
    assert (first[3].preview, first[3].placement, first[3].problem) == (None, None, "gone")
    assert previews.of([1, 2])[1] == first[1]
    assert sorted(source.read) == [1, 2, 3, 5]


def test_the_longest_unasked_goes_first_when_room_is_short() -> None:
    source = Counting()
    room = len(preview(shade(60, 40))) * 3 + 200
    previews = Previews(source, Recipe((20, 20)), most_bytes=room, workers=1)
    for rows in ([0], [1], [2], [0], [4]):  # 1 is the longest unasked when 4 comes
        previews.of(rows)
    source.read.clear()
    previews.of([0, 2, 4])
    assert source.read == []
    previews.of([1])
    assert source.read == [1]
    assert len(previews.of(range(10))) == 10  # more at once than is kept
