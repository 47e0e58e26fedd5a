# SPDX-License-Identifier: Apache-2.0
"""Networks from a user's own Python file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pellucid.errors import InputError, UnknownName
from pellucid.models import load

CODE = """
import sys
from dataclasses import dataclass
import torch
import sibling_of_the_model

print("to standard output")

@dataclass
class Settings:
    channels: int = 4

def build(settings: Settings = Settings()):
    return torch.nn.Sequential(torch.nn.Conv2d(3, settings.channels, 3), torch.nn.ReLU())

class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Conv2d(1, 2, 3))

NET = build()
NUMBER = 3

def number():
    return 3

def fails():
    raise ValueError("two\\nlines")

def leaves():
    sys.exit(7)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_net.py").write_text(CODE)
    (tmp_path / "sibling_of_the_model.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return "my_net.py"


def test_a_function_a_class_and_a_module(
    file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = list(sys.path)
    net = load(f"{file}:build", input="3x8x8")
    assert (net.name, net.layer("0").units) == ("my_net.py:build", 4)
    assert load(f"{file}:NET", input="3x8x8").layer("0").units == 4
    assert load(f"{file}:Net", input="1x8x8").layer("0").units == 2
    assert load(f"{tmp_path / file}:build", input="3x8x8").name == "my_net.py:build"
    assert sys.path == path
    out, err = capsys.readouterr()
    assert out == ""
    assert "to standard output" in err


def test_weights_are_those_of_the_function_and_follow_the_seed(file: str) -> None:
    digests = [load(f"{file}:build", input="3x8x8", seed=seed).weights_digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]
    assert "as its code makes them with seed 5" in load(f"{file}:build", weights="random", seed=5).notes[0]


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("no_net.py:build", UnknownName, "no file no_net.py"),
        ("my_net.py:biuld", UnknownName, "no function 'biuld'; did you mean build?"),
        ("my_net.py:number", InputError, "my_net.py:number returns .int.; a torch.nn.Module is needed"),
        ("my_net.py:NUMBER", InputError, "my_net.py:NUMBER .*TypeError"),
        ("my_net.py:fails", InputError, "my_net.py:fails fails when it is called .*: ValueError: two lines"),
        ("my_net.py:leaves", InputError, "SystemExit: 7"),
        ("my_net.py", InputError, "name the function after the colon, as my_net.py:build"),
        ("my_net.py:", InputError, "name the function"),
    ],
)
def test_errors_are_told_in_one_line(file: str, name: str, error: type[InputError], told: str) -> None:
    with pytest.raises(error, match=told) as caught:
        load(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [("import nonesuch", "ModuleNotFoundError: No module named 'nonesuch'"), ("x = (", "SyntaxError")],
)
def test_a_file_that_does_not_run(tmp_path: Path, code: str, told: str) -> None:
    (tmp_path / "broken.py").write_text(code)
    with pytest.raises(InputError, match=told):
        load(f"{tmp_path / 'broken.py'}:build")
    assert "pellucid_model_file_broken" not in sys.modules


def test_only_what_the_file_itself_offers_is_suggested(tmp_path: Path) -> None:
    path = tmp_path / "offers.py"
    path.write_text(
        "from collections import OrderedDict\nfrom torch import nn\n"
        "class Net(nn.Sequential): pass\n"
        "def small(): return Net()\ndef large(): return Net()\n"
    )
    with pytest.raises(UnknownName, match=r"has no function 'nope'; there is small, large$"):
        load(f"{path}:nope")
