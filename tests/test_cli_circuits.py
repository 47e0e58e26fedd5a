# SPDX-License-Identifier: Apache-2.0
"""The commands `circuit` and `ablate`: their documents, their files, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pellucid.cli import run


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_circuit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = (
        "circuit",
        "demo",
        "conv3:5",
        "-o",
        str(tmp_path),
        "--data",
        "demo",
        "--sample",
        "4",
        "--top",
        "2",
    )
    [row] = document(capsys, *asked)["units"]
    made_of = row["made_of"]
    assert made_of["sources"] == ["conv2"]
    assert made_of["further_sources"] == ["conv1"]
    assert len(made_of["by_weight"]["positive"]) == len(made_of["by_contribution"]["negative"]) == 2
    assert made_of["by_contribution"]["items"] == 4
    assert row["feeds"]["targets"] == ["conv4"]
    assert Path(row["picture"]).read_bytes()[1:4] == b"PNG"
    assert json.loads((tmp_path / "circuit.json").read_text())["units"][0]["unit"] == "conv3:5"


def test_circuit_from_a_layer_further_down(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    [row] = document(capsys, "circuit", "demo", "conv3:5", "-o", str(tmp_path), "--from", "conv1")["units"]
    assert row["made_of"]["sources"] == ["conv1"]
    assert "by_contribution" not in row["made_of"]


def test_ablate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ("ablate", "demo", "demo", "conv4:0-1", "-o", str(tmp_path), "--sample", "8", "--value", "mean")
    found = document(capsys, *asked)
    assert found["items"] == found["items_of_known_class"] == 8
    [together] = found["ablations"]
    assert together["units"] == ["conv4:0", "conv4:1"]
    assert together["held_at"][0] != together["held_at"][1]
    assert Path(together["picture"]).exists()
    each = document(capsys, *asked, "--each")["ablations"]
    assert [one["units"] for one in each] == [["conv4:0"], ["conv4:1"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("circuit", "demo", "conv9:0"), "no layer 'conv9'"),
        (("circuit", "demo", "conv2:0", "--top", "0"), "top 0"),
        (("circuit", "demo", "conv2:0", "--from", "conv4"), "nothing leads from conv4 to conv2"),
        (("circuit", "demo", "conv2:0", "--atlas", "nothing.atlas"), "nothing.atlas does not exist"),
        (("ablate", "demo", "demo", "conv2:0", "--value", "much"), "write a number, as 0, or mean"),
        (("ablate", "demo", "demo", "conv2:0", "--sample", "0"), "a sample of 0 items"),
    ],
)
def test_what_is_refused(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run([*arguments, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
