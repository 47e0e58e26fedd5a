# SPDX-License-Identifier: Apache-2.0
"""Batches keep their rows, their shape and their order, whatever breaks."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from pellucid.data import Batch, ItemProblem, Recipe, batches
from pellucid.errors import InputError, MissingExtra

RECIPE = Recipe((4, 6))


class Plain:
    """Items of one color each, their row; some fail."""

    name, credits, listing_digest = "plain", (), "0"

    def __init__(self, count: int, failing: dict[int, Exception] | None = None, slow: bool = False) -> None:
        self.names = [f"{row:04d}.png" for row in range(count)]
        self.failing = failing or {}
        self.slow = slow
        self.asked: list[int] = []

    def image(self, row: int) -> Image.Image:
        self.asked.append(row)
        if self.slow:
            time.sleep(0.001 * (row * 7 % 5))
        if row in self.failing:
            raise self.failing[row]
        return Image.new("RGB", (9, 7), (row % 256, row // 256, 99))


def assert_is(batch: Batch, size: int, total: int, failing: set[int]) -> None:
    rows = list(range(batch.index * size, min((batch.index + 1) * size, total)))
    assert batch.rows.tolist() == rows
    assert batch.rows.dtype == np.int64
    assert batch.pixels.shape == (size, 4, 6, 3)
    assert batch.valid.shape == (size,)
    for slot in range(size):
        sound = slot < len(rows) and rows[slot] not in failing
        assert batch.valid[slot] == sound
        color = [rows[slot] % 256, rows[slot] // 256, 99] if sound else [0, 0, 0]
        assert (batch.pixels[slot] == color).all()
    assert [placed is None for placed in batch.placements] == [row in failing for row in rows]
    assert [row for row, _ in batch.problems] == [row for row in rows if row in failing]


@pytest.mark.parametrize("ahead", [0, 1, 3, 50])
@pytest.mark.parametrize(("total", "size"), [(1, 4), (8, 4), (9, 4), (300, 7)])
def test_order_rows_and_holes(total: int, size: int, ahead: int) -> None:
    failing = {row: ItemProblem("broken") for row in range(total) if row % 13 == 5}
    made = list(batches(Plain(total, failing, slow=total < 20), RECIPE, size=size, workers=5, ahead=ahead))
    assert [batch.index for batch in made] == list(range(-(-total // size)))
    for batch in made:
        assert_is(batch, size, total, set(failing))


def test_a_later_start_meets_the_same_batches() -> None:
    whole = list(batches(Plain(23), RECIPE, size=5))
    later = list(batches(Plain(23), RECIPE, size=5, start=15))
    assert [batch.index for batch in later] == [3, 4]
    for one, other in zip(whole[3:], later, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.rows, other.rows)


@pytest.mark.parametrize(("size", "start"), [(0, 0), (5, 7)])
def test_a_start_between_two_batches_is_refused(size: int, start: int) -> None:
    with pytest.raises(InputError, match="multiples"):
        list(batches(Plain(9), RECIPE, size=size, start=start))


def test_whatever_one_item_raises_is_its_reason_alone() -> None:
    raised = [OSError("no"), SyntaxError("no"), ValueError(""), MemoryError(), RecursionError("deep")]
    raised += [TypeError("no"), Image.DecompressionBombError("big"), Image.DecompressionBombWarning("big")]
    made = list(batches(Plain(30, dict(enumerate(raised, 3))), RECIPE, size=30))
    assert [row for row, _ in made[0].problems] == list(range(3, 11))
    assert all(reason for _, reason in made[0].problems)
    assert_is(made[0], 30, 30, set(range(3, 11)))


def test_what_a_source_says_about_itself_is_raised() -> None:
    with pytest.raises(MissingExtra):
        list(batches(Plain(30, {9: MissingExtra("pip install it")}), RECIPE, size=8))


def test_no_more_than_what_is_asked_is_decoded_ahead() -> None:
    for ahead, most in ((0, 4), (2, 12)):
        source = Plain(100)
        with closing(batches(source, RECIPE, size=4, ahead=ahead)) as stream:
            next(stream)
            time.sleep(0.05)
            assert len(source.asked) == most


def test_closing_early_leaves_no_thread() -> None:
    source = Plain(500, slow=True)
    with closing(batches(source, RECIPE, size=8, workers=1, ahead=9)) as stream:
        next(stream)
    assert len(source.asked) < 40  # 80 were promised; those not begun are let go
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pellucid")]


def test_an_interrupt_or_an_error_leaves_no_thread() -> None:
    def interrupted(source: Plain) -> None:
        with closing(batches(source, RECIPE, size=8, ahead=5)) as stream:
            next(stream)
            raise KeyboardInterrupt

    source = Plain(500, slow=True)
    with pytest.raises(KeyboardInterrupt):
        interrupted(source)
    assert len(source.asked) < 100
    with pytest.raises(MissingExtra):
        list(batches(Plain(500, {20: MissingExtra("pip install it")}), RECIPE, size=8, ahead=5))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pellucid")]


def test_batches_are_the_same_whatever_the_workers() -> None:
    once = list(batches(Plain(200, slow=True), RECIPE, size=7, workers=1))
    for workers, ahead in ((2, 0), (9, 3)):
        again = batches(Plain(200, slow=True), RECIPE, size=7, workers=workers, ahead=ahead)
        for one, other in zip(once, again, strict=True):
            assert np.array_equal(one.pixels, other.pixels)
            assert (one.placements, one.problems) == (other.placements, other.problems)


def test_the_tensor_is_that_of_totensor() -> None:
    batch = next(batches(Plain(3), RECIPE, size=4))
    tensor = batch.tensor()
    assert tensor.is_contiguous()
    assert tensor.dtype == torch.float32
    for slot in range(3):
        assert torch.equal(tensor[slot], transforms.ToTensor()(batch.pixels[slot]))
