# SPDX-License-Identifier: Apache-2.0
"""Names are checked before the work, and what was there survives a failed write."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pellucid.errors import InputError, NoSpace, StorageError
from pellucid.figures.file import folder, folder_path, picture_path, write


def test_a_picture_without_ending_is_a_png_and_other_endings_are_refused(tmp_path: Path) -> None:
    assert picture_path(tmp_path / "fur") == tmp_path / "fur.png"
    assert picture_path(tmp_path / "fur.PNG") == tmp_path / "fur.PNG"
    assert picture_path("a.svg", (".png", ".svg")) == Path("a.svg")
    with pytest.raises(InputError, match=r"'a.bmp' was asked; .png can be written"):
        picture_path("a.bmp")
    with pytest.raises(InputError, match="is a folder; name a file"):
        picture_path(tmp_path)


def test_a_folder_is_made_only_when_it_is_needed(tmp_path: Path) -> None:
    assert folder_path(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert not (tmp_path / "a").exists()
    assert folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="file is a file; name a folder"):
            folder_path(path)


def test_a_failed_write_leaves_the_old_file_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "deep" / "a.png"
    assert write(target, b"old").read_bytes() == b"old"
    for number, kind in ((errno.ENOSPC, NoSpace), (errno.EFBIG, NoSpace), (errno.EIO, StorageError)):

        def fail(*_: object, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", fail)
            with pytest.raises(kind, match=r"a\.png"):
                write(target, b"new")
        assert target.read_bytes() == b"old"
    assert os.listdir(target.parent) == ["a.png"]


def test_a_device_is_written_through(tmp_path: Path) -> None:
    assert write(Path("/dev/null"), b"x") == Path("/dev/null")
    assert not Path("/dev/null").is_file()


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
