# SPDX-License-Identifier: Apache-2.0
"""Which files of a folder are items, under which names, in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from pellucid.data import Folder, ItemProblem
from pellucid.data.listing import Listing
from pellucid.errors import InputError, NoItems


def put(root: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            Image.new("RGB", (3, 2), "red").save(file, "PNG")


def test_names_are_relative_posix_paths_sorted_by_their_bytes(tmp_path: Path) -> None:
    names = [
        "b.png",
        "a/z.png",
        "a/b/c.png",
        "Z.png",
        "é.png",
        "a.png",
        "a-b.png",
        "日本/猫.png",
        "x y\n.png",
    ]
    put(tmp_path, *names)
    assert list(Folder(tmp_path).names) == sorted(names, key=lambda name: name.encode())


def test_files_of_other_kinds_and_hidden_ones_are_no_items(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "no-ending", "odd.xyz", "UPPER.JPG", "deep.csv/b.png")
    put(
        tmp_path,
        "labels.txt",
        "meta.JSON",
        "README",
        "notes.md",
        "Thumbs.db",
        ".DS_Store",
        ".git/x.png",
        "w.npz",
    )
    assert list(Folder(tmp_path).names) == ["UPPER.JPG", "a.png", "deep.csv/b.png", "no-ending", "odd.xyz"]


def test_links_stay_inside_and_what_may_not_be_read_is_an_item_with_a_reason(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "data-secret"
    put(inside, "a.png", "sub/b.png")
    put(outside, "secret.png")
    (inside / "again.png").symlink_to("sub/b.png")
    (inside / "out.png").symlink_to(outside / "secret.png")
    (inside / "outsub").symlink_to(outside)
    (inside / "sub" / "loop").symlink_to("..")
    (inside / "nowhere.png").symlink_to("gone.png")
    (inside / "notes.txt").symlink_to(outside / "secret.png")
    os.mkfifo(inside / "pipe.png")
    folder = Folder(inside)
    reasons = {}
    for row, name in enumerate(folder.names):
        try:
            reasons[name] = folder.image(row).size
        except ItemProblem as problem:
            reasons[name] = str(problem)
    assert reasons == {
        "a.png": (3, 2),
        "again.png": (3, 2),
        "nowhere.png": "a link that leads nowhere",
        "out.png": "a link that leads out of the folder",
        "outsub": "a link that leads out of the folder",
        "pipe.png": "a pipe, socket or device, no file",
        "sub/b.png": (3, 2),
        "sub/loop": "a link to a folder",
    }


def test_a_folder_of_links_that_lead_out_says_so(tmp_path: Path) -> None:
    put(tmp_path / "outside", "a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.png").symlink_to("../outside/a.png")
    (tmp_path / "data" / "c.png").symlink_to("../outside/a.png")
    with pytest.raises(NoItems, match=r"only b.png and 1 more \(a link that leads out of the folder\); give"):
        Folder(tmp_path / "data")


def test_a_name_that_is_not_utf8_can_be_listed_and_opened(tmp_path: Path) -> None:
    try:
        put(tmp_path, b"caf\xe9.png")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    folder = Folder(tmp_path)
    assert list(folder.names) == ["caf\\xe9.png"]
    assert folder.image(0).getpixel((0, 0)) == (255, 0, 0)


def test_one_picture_is_a_source_of_one(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    single = Folder(tmp_path / "b.png")
    assert (single.name, list(single.names), single.image(0).size) == ("b.png", ["b.png"], (3, 2))


def test_the_digest_tells_listings_apart(tmp_path: Path) -> None:
    put(tmp_path / "one", "ab.png", "c.png")
    put(tmp_path / "two", "ab.png", "c.png")
    put(tmp_path / "three", "a.png", "bc.png")
    one, two, three = (Folder(tmp_path / name).listing_digest for name in ("one", "two", "three"))
    assert one == two != three
    assert Listing([b"ab", b"c"]).digest != Listing([b"a", b"bc"]).digest


def test_an_empty_folder_says_what_it_holds_instead(tmp_path: Path) -> None:
    with pytest.raises(NoItems, match=r"holds no picture; give a folder with JPEG, PNG"):
        Folder(tmp_path)
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.zip").touch()
    with pytest.raises(NoItems, match="holds no picture, only 2 files of other kinds; give"):
        Folder(tmp_path)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").touch()
    with pytest.raises(InputError, match="neither a folder nor a picture"):
        Folder(tmp_path / "table.csv")


def test_a_listing_is_a_sequence() -> None:
    listing = Listing([b"c", b"a", b"b"])
    assert (list(listing), listing[-1], listing[1:], len(listing)) == (["a", "b", "c"], "c", ["b", "c"], 3)
    assert "b" in listing
    assert listing.index("c") == 2
    with pytest.raises(IndexError):
        listing[3]
    assert list(Listing([])) == []
    assert list(Listing([b""])) == [""]


def test_many_names_are_listed_without_a_list_of_them() -> None:
    listing = Listing(b"%08d/picture.jpeg" % row for row in range(20_000))
    assert listing[12_345] == "00012345/picture.jpeg"
    held = len(listing._letters) + listing._ends.nbytes
    assert held < 20_000 * (21 + 8) + 100
