# SPDX-License-Identifier: Apache-2.0
"""Many images in one go: finished reports are kept, interrupted ones made anew, broken images skipped with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from square_net import with_squares

import pellucid as pl
from pellucid.errors import NoItems
from pellucid.look import gallery, many

HOW = {"layers": ["squares"], "methods": (), "groups": 0}


@pytest.fixture
def few(tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(["a.png", "b.png", "deep/c é<i>.png"]):
        Image.fromarray(with_squares((number, 5, 0))).save(folder / name)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return folder


def moments(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("look.html")}


def test_each_image_has_its_report_and_the_page_of_all_leads_to_it(net, few, tmp_path) -> None:
    found = pl.look_through(net, few, tmp_path / "out", **HOW)
    assert [name for name, _, _ in found.images] == ["a.png", "b.png", "deep/c é<i>.png"]
    assert (found.made, found.kept) == (3, 0)
    [(item, reason)] = found.skipped
    assert item == "broken.png"
    assert reason
    page = found.index.read_text()
    for _, report, _ in found.images:
        assert report.is_file()
        assert f'href="{report.parent.name}/look.html"' in page
        numbers = json.loads((report.parent / "look.json").read_text())
        assert numbers["layers"][0]["cells"]
    assert "deep/c é&lt;i&gt;.png" in page
    assert "broken.png" in page


def test_an_interrupted_run_goes_on_and_redoes_nothing(net, few, tmp_path, monkeypatch) -> None:
    out = tmp_path / "out"
    real, calls = gallery.save_look, []

    def interrupted(look, place, **how):
        calls.append(look.image.name)
        if len(calls) == 2:
            (Path(place)).mkdir(parents=True)
            (Path(place) / "look.json").write_text("half")
            raise KeyboardInterrupt
        return real(look, place, **how)

    monkeypatch.setattr(gallery, "save_look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pl.look_through(net, few, out, **HOW)
    assert [path.parent.name for path in out.rglob("look.html")] == ["a.png"]
    assert not list(out.glob(".*"))
    before = moments(out)
    found = pl.look_through(net, few, out, **HOW)
    assert (found.made, found.kept) == (2, 1)
    assert calls == ["a.png", "b.png", "b.png", "deep/c é<i>.png"]
    assert before.items() <= moments(out).items()
    again = pl.look_through(net, few, out, **HOW)
    assert (again.made, again.kept) == (0, 3)


def test_another_image_or_setting_is_looked_at_anew(net, few, tmp_path) -> None:
    out = tmp_path / "out"
    pl.look_through(net, few, out, **HOW)
    Image.fromarray(with_squares((20, 20, 1))).save(few / "b.png")
    found = pl.look_through(net, few, out, **HOW)
    assert (found.made, found.kept) == (1, 2)
    assert {name: says for name, _, says in found.images}["b.png"].startswith("green")
    assert pl.look_through(net, few, out, **{**HOW, "cells": 2}).made == 3
    (out / "a.png" / "look.html").unlink()
    assert pl.look_through(net, few, out, **{**HOW, "cells": 2}).made == 1


def test_a_folder_without_images_and_one_of_broken_ones(net, tmp_path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(NoItems):
        pl.look_through(net, tmp_path / "none", tmp_path / "out", **HOW)
    (tmp_path / "none" / "one.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(NoItems, match=r"none of the 1 images .* could be looked at; the first: "):
        pl.look_through(net, tmp_path / "none", tmp_path / "out", **HOW)


def test_what_holds_many_images(few, tmp_path) -> None:
    np.save(tmp_path / "one.npy", np.zeros((8, 8, 3), np.uint8))
    np.save(tmp_path / "many.npy", np.zeros((2, 8, 8, 3), np.uint8))
    assert [
        many(str(path)) for path in (few, few / "a.png", tmp_path / "one.npy", tmp_path / "many.npy")
    ] == [
        True,
        False,
        False,
        True,
    ]
    assert not many(str(tmp_path / "absent.png"))


def test_an_image_too_small_to_be_seen_is_skipped_with_the_reason(net, few, tmp_path) -> None:
    Image.new("RGB", (2, 2)).save(few / "tiny.png")
    found = pl.look_through(net, few, tmp_path / "out", **HOW)
    assert found.made == 3
    reasons = dict(found.skipped)
    assert "smaller than the 4 x 4 that a unit of squares sees at once" in reasons["tiny.png"]
