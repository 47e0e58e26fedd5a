# SPDX-License-Identifier: Apache-2.0
"""The command `look`: its document, its files, one line for what cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from square_net import with_squares

from pellucid.cli import run


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A file of a user's own with a network in it, its labels beside it."""
    (tmp_path / "net.py").write_text(
        "from square_net import CountsSquares\n\ndef build():\n    return CountsSquares().eval()\n\n"
        "def other():\n    made = CountsSquares().eval()\n    made.count.bias.data.fill_(-5.0)\n    return made\n"
    )
    (tmp_path / "labels.txt").write_text("red\ngreen\n")
    return f"{tmp_path / 'net.py'}:build"


@pytest.fixture
def call(model, tmp_path, capsys):
    options = ["--input", "3x32x32", "--normalize", "none", "--labels", str(tmp_path / "labels.txt")]

    def look(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["look", model, *map(str, arguments), *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return look


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(with_squares((9, 14, 0))).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def test_the_document_has_the_keys_of_the_contract(call, picture, tmp_path) -> None:
    code, out, _ = call(
        picture, "-o", tmp_path / "out", "--json", "--layers", "squares", "--unit", "squares:0"
    )
    assert code == 0
    document = json.loads(out)
    assert {"image", "layers", "outputs", "pictures"} <= document.keys()
    [layer] = document["layers"]
    assert (layer["name"], layer["grid"]) == ("squares", [29, 29])
    cell = layer["cells"][9 * 29 + 14]
    assert cell["position"] == [9, 14]
    assert cell["top"][0] == {"unit": "squares:0", "response": 1.0}
    assert [(each["index"], each["label"]) for each in document["outputs"]] == [(0, "red"), (1, "green")]
    assert [each["method"] for each in document["attributions"]] == [
        "gradcam",
        "integrated_gradients",
        "occlusion",
    ]
    for name in ["look.html", "look.npz", *document["pictures"]]:
        assert (tmp_path / "out" / name).is_file()


def test_two_pictures_two_models_and_a_folder(call, model, picture, tmp_path) -> None:
    Image.fromarray(with_squares((2, 2, 1))).save(tmp_path / "two.png")
    few = ["--layers", "squares", "--methods", "none", "--groups", "0"]
    code, out, _ = call(picture, "-o", tmp_path / "two", "--json", "--beside", tmp_path / "two.png", *few)
    assert code == 0
    assert json.loads(out)["names"] == ["one.png", "two.png"]
    code, out, _ = call(
        picture, "-o", tmp_path / "nets", "--json", "--beside-model", model.replace(":build", ":other"), *few
    )
    assert code == 0
    assert json.loads(out)["one_net"] is False
    folder = tmp_path / "few"
    folder.mkdir()
    for path in (picture, tmp_path / "two.png"):
        path.rename(folder / path.name)
    (folder / "broken.png").write_bytes(b"words")
    code, out, err = call(folder, "-o", tmp_path / "all", "--strict", *few)
    assert code == 4
    assert "2 images looked at, 0 found done, 1 skipped" in out
    assert "skipped broken.png: " in err
    assert call(folder, "-o", tmp_path / "all", *few)[1].startswith("0 images looked at, 2 found done")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.png"], "there is no picture 'absent.png'"),
        (["{picture}", "--aim", "logits:blue"], "no label 'blue'"),
        (["{picture}", "--layers", "logits"], "logits has no positions"),
        (["{picture}", "--with", "inversions"], "did you mean inversion"),
        (["{picture}", "--atlas", "absent.atlas"], "absent.atlas does not exist"),
        (["{folder}"], "no"),
        (["{words}"], "words.png: not a JPEG, PNG, WEBP, GIF or BMP picture"),
        (["{many}", "--beside", "{picture}"], "holds many pictures; --beside goes with one"),
        (["{picture}", "--groups", "-1"], "-1 groups were asked"),
        (["{picture}", "--cells", "0"], "0 units of each cell were asked"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(call, picture, tmp_path, arguments, words) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.png").write_text("words")
    np.save(tmp_path / "many.npy", np.zeros((2, 32, 32, 3), np.uint8))
    places = {
        "picture": picture,
        "folder": tmp_path / "empty",
        "words": tmp_path / "words.png",
        "many": tmp_path / "many.npy",
    }
    given = [each.format(**places) for each in arguments]
    code, out, err = call(*given, "-o", tmp_path / "out", "--quiet")
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "look.html").exists()
