# SPDX-License-Identifier: Apache-2.0
"""What a user may name as data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

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
