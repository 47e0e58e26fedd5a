# SPDX-License-Identifier: Apache-2.0
"""A network that reads no pictures is told so, with what would work; the advice is followed here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.errors import InputError


def said_of(module: nn.Module, **options: str) -> str:
    with pytest.raises(InputError) as caught:
        pl.load(module, **options)
    return str(caught.value)


@pytest.mark.parametrize(("numbers", "shape"), [(784, "1x28x28"), (3072, "3x32x32")])
def test_rows_of_numbers(numbers: int, shape: str) -> None:
    module = nn.Sequential(nn.Linear(numbers, 8), nn.ReLU(), nn.Linear(8, 3))
    for options in ({}, {"input": shape}):
        said = said_of(module, **options)
        assert f"its first layer, 0, takes rows of {numbers} numbers" in said
        assert said.endswith(f"torch.nn.Sequential(torch.nn.Flatten(), NETWORK), and give --input {shape}")
    wrapped = pl.load(nn.Sequential(nn.Flatten(), module), input=shape)
    assert wrapped.layer("logits").units == 3


def test_the_wrong_size_before_a_linear_layer_names_one_that_fits() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(300, 8))
    assert said_of(module, input="1x28x28").endswith("give a size of so many with --input, as 3x10x10")
    assert pl.load(module, input="3x10x10").layer("logits").units == 8


def test_rows_of_a_table_are_pictures_one_pixel_high() -> None:
    module = nn.Sequential(nn.Linear(13, 8), nn.ReLU(), nn.Linear(8, 3))
    assert said_of(module).endswith(
        "its first layer, 0, takes 13 numbers: give a size of so many with --input, as 1x1x13"
    )
    assert pl.load(module, input="1x1x13").layer("logits").units == 3


def test_words_are_no_pictures() -> None:
    said = said_of(nn.Sequential(nn.Embedding(100, 16), nn.Linear(16, 4)))
    assert said.endswith("in a table, and pictures are none: such a network cannot be fed yet")


@pytest.mark.parametrize(
    ("module", "reads"),
    [(nn.Conv1d(2, 8, 9), "a signal"), (nn.Conv3d(1, 4, 3), "a volume")],
)
def test_signals_and_volumes_are_pointed_to_their_kernels(
    module: nn.Module, reads: str, tmp_path: Path
) -> None:
    net = nn.Sequential(module, nn.ReLU())
    photo = tmp_path / "a.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(photo)
    with pytest.raises(
        InputError, match=re.escape(f"reads {reads}, which cannot be fed yet; pellucid filters")
    ):
        pl.respond(photo, net=net)
    assert pl.filters(net).bank.count == module.out_channels
