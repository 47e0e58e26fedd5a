# SPDX-License-Identifier: Apache-2.0
"""Which data has classes, and which class each item is of."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pellucid.data import NO_CLASS, Folder, Source, Tiles, head, open_source
from pellucid.data.classes import classes_by_folder, classes_of_labels
from pellucid.data.listing import Listing


def by_name(source: Source) -> dict[str, str] | None:
    if source.classes is None:
        return None
    assert source.classes.dtype == np.int32
    return {
        name: "" if place == NO_CLASS else source.class_names[place]
        for name, place in zip(source.names, source.classes, strict=True)
    }


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat/1", "cat/2", "dog/1"], {"cat/1": "cat", "cat/2": "cat", "dog/1": "dog"}),
        (["cat/1", "cat/x/2", "dog/x/1"], {"cat/1": "cat", "cat/x/2": "cat", "dog/x/1": "dog"}),
        (["t/a/1", "t/a/2", "t/b/1"], {"t/a/1": "a", "t/a/2": "a", "t/b/1": "b"}),  # `t` is shared by all
        (["a-b/1", "a/1", "a/2"], {"a-b/1": "a-b", "a/1": "a", "a/2": "a"}),  # "-" sorts before "/"
        (
            ["train/a/1", "train/a/2", "val/a/1"],
            {"train/a/1": "train", "train/a/2": "train", "val/a/1": "val"},
        ),
        (["cat/1", "dog/1", "3"], None),  # one item lies in no folder
        (["cat/1", "cat/2"], None),  # one folder
        (["1", "2"], None),
        (["a/1", "b/1", "c/1"], None),  # a folder for each item
        (["t/a/1", "t/a/2", "t/2"], None),
        (["one"], None),
    ],
)
def test_folders_that_look_like_classes(names: list[str], classes: dict[str, str] | None) -> None:
    found = classes_by_folder(Listing(name.encode() for name in names))
    assert found.names == (() if classes is None else tuple(dict.fromkeys(classes.values())))
    if classes is None:
        assert found.of_rows is None
    else:
        assert [found.names[place] for place in found.of_rows] == list(classes.values())


NAMES = st.lists(
    st.lists(st.sampled_from(["a", "b", "a-", "é", "x"]), min_size=1, max_size=4), min_size=1, max_size=12
)


@given(NAMES)
def test_classes_are_those_of_a_slow_reading(paths: list[list[str]]) -> None:
    names = sorted({"/".join(path) for path in paths}, key=str.encode)
    split = [name.split("/") for name in names]
    while all(len(parts) > 1 for parts in split) and len({parts[0] for parts in split}) == 1:
        split = [parts[1:] for parts in split]
    firsts = {parts[0] for parts in split}
    look_like_it = all(len(parts) > 1 for parts in split) and 2 <= len(firsts) < len(names)
    found = classes_by_folder(names)
    assert (found.of_rows is not None) == look_like_it
    if found.of_rows is not None:
        assert [found.names[place] for place in found.of_rows] == [parts[0] for parts in split]


def test_a_folder_and_its_archive_have_the_same_classes(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/3.png"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2)).save(path)
    (tmp_path / "data" / "stray.png").symlink_to(
        tmp_path / "outside.png"
    )  # cannot be read, and hides no class
    (tmp_path / "data" / "notes.txt").touch()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for path in sorted((tmp_path / "data").rglob("*.png")):
            if not path.is_symlink():
                archive.write(path, path.relative_to(tmp_path))
    told = {"cat/1.png": "cat", "cat/2.png": "cat", "dog/3.png": "dog"}
    assert by_name(Folder(tmp_path / "data")) == told | {"stray.png": ""}
    assert by_name(open_source(tmp_path / "x.zip")) == {f"data/{name}": kind for name, kind in told.items()}
    assert by_name(open_source(tmp_path / "data" / "cat")) is None


def test_the_demo_and_the_head_of_a_source() -> None:
    tiles = Tiles()
    assert tiles.class_names == tiles.labels
    assert all(tiles.class_names[place] == tiles.label(row) for row, place in enumerate(tiles.classes))
    first = head(tiles, 200)
    assert (first.class_names, len(first.classes)) == (tiles.class_names, 200)


def test_labels_beyond_the_names_are_their_own_names() -> None:
    assert classes_of_labels(np.array([0, 2]), ["a", "b"]).names == ("0", "2")
    assert classes_of_labels(np.array([-1, 0]), ["a", "b"]).names == ("-1", "0")
    assert classes_of_labels(np.array([1, 0], np.uint8), ["a", "b", "c"]).names == ("a", "b", "c")


def test_a_million_items_take_four_bytes_each() -> None:
    found = classes_by_folder(Listing(b"%03d/%06d.png" % (row % 1000, row) for row in range(20_000)))
    assert found.of_rows is not None
    assert found.of_rows.nbytes == 4 * 20_000
    assert len(found.names) == 1000
