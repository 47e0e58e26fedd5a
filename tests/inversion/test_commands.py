# SPDX-License-Identifier: Apache-2.0
"""The commands: pictures, sheet and one JSON document; a line for what cannot be done."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from pellucid.cli import run
from pellucid.figures.stamp import read_stamp


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "one.png"
    Image.radial_gradient("L").convert("RGB").save(path)
    return str(path)


def document(capsys):
    captured = capsys.readouterr()
    return json.loads(captured.out)


@pytest.mark.parametrize(
    ("command", "subject", "extra", "keys"),
    [
        ("invert", "conv1", [], {"layer", "error", "baseline", "alike"}),
        ("caricature", "conv1", ["--power", "1"], {"layer", "power", "dot", "cosine", "value_image"}),
        ("accentuate", "conv2:3", ["--strength", "0.2"], {"unit", "before", "after", "departed", "kept"}),
    ],
)
def test_a_command_writes_pictures_and_tells_them(
    tmp_path, photograph, capsys, command, subject, extra, keys
):
    out = tmp_path / "out"
    code = run([command, "demo", photograph, subject, "-o", str(out), "--steps", "3", "--json", *extra])
    assert code == 0
    told = document(capsys)
    [one] = told["pictures"]
    assert keys <= set(one)
    assert one["steps"] == 3
    assert {path.name for path in out.iterdir()} == {
        "image.png",
        "sheet.png",
        f"{subject.replace(':', '-')}.png",
    }
    stamp = read_stamp(one["picture"])
    assert stamp["unit"] == subject
    assert stamp["settings"]["steps"] == 3
    assert read_stamp(told["sheet"])["units"] == [subject]
    assert np.asarray(Image.open(told["image"])).shape == (96, 96, 3)


def test_without_json_a_line_says_where(tmp_path, photograph, capsys):
    assert run(["invert", "demo", photograph, "conv1", "-o", str(tmp_path / "out"), "--steps", "2"]) == 0
    assert "1 pictures in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["invert", "demo", "none.png", "conv1"], "there is no picture 'none.png'"),
        (["invert", "demo", "PICTURE", "conv9"], "conv9"),
        (["caricature", "demo", "PICTURE", "conv1", "--regularize", "tvv=1"], "tvv"),
        (["accentuate", "demo", "PICTURE", "conv1:999"], "999"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, photograph, capsys, arguments, words):
    given = [photograph if each == "PICTURE" else each for each in arguments]
    assert run([*given, "-o", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
