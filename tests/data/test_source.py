# SPDX-License-Identifier: Apache-2.0
"""What a user may name as data."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import planted_net
from PIL import Image
from torch.utils.data import TensorDataset

import pellucid as pl
from pellucid.data import Folder, Source, Tiles, head, open_source
from pellucid.errors import InputError, NoItems, UnknownName


def test_a_folder_a_picture_the_demo_or_a_source(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    folder = open_source(tmp_path)
    assert isinstance(folder, Folder)
    assert list(folder.names) == ["a.png"]
    assert list(open_source(str(tmp_path / "a.png")).names) == ["a.png"]
    assert open_source(folder) is folder
    demo = open_source("demo")
    assert isinstance(demo, Tiles)
    assert isinstance(demo, Source)


def test_nothing_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"there is no '.*photoz'; give a folder of pictures"):
        open_source(tmp_path / "photoz")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a folder nor a file"):
        open_source(tmp_path / "pipe")
    with pytest.raises(NoItems):
        open_source(tmp_path)


def test_the_head_of_a_source(tmp_path: Path) -> None:
    for name in "abc":
        Image.new("RGB", (3, 2), "red" if name == "b" else "blue").save(tmp_path / f"{name}.png")
    whole = open_source(tmp_path)
    first = head(whole, 2)
    assert list(first.names) == ["a.png", "b.png"]
    assert first.image(1).getpixel((0, 0)) == (255, 0, 0)
    assert first.listing_digest != whole.listing_digest
    assert len(head(whole, 99).names) == 3


def test_the_same_pictures_give_the_same_examples_wherever_they_come_from(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (40, 32, 32, 3), np.uint8)
    (tmp_path / "set").mkdir()
    for row, each in enumerate(pixels):
        Image.fromarray(each).save(tmp_path / "set" / f"{row:06d}.png")
    shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / "set")
    shutil.make_archive(str(tmp_path / "x"), "gztar", tmp_path / "set")
    np.save(tmp_path / "x.npy", pixels)
    np.savez(tmp_path / "x.npz", pixels)
    tensors = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    net = pl.load(planted_net(), input=pl.ImageInput(32))
    found = [
        [each.to_json() for each in pl.examples(net, data, "conv:0-2")]
        for data in (
            tmp_path / "set",
            f"{tmp_path}/x.zip",
            tmp_path / "x.tar.gz",
            tmp_path / "x.npy",
            tmp_path / "x.npz",
            pixels,
            tensors,
            TensorDataset(tensors),
            [Image.fromarray(each) for each in pixels],
        )
    ]
    told = json.dumps(found[0], sort_keys=True).replace(".png", "")
    for each in found[1:]:
        assert json.dumps(each, sort_keys=True).replace(".png", "") == told
