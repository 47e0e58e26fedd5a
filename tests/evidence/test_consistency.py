# SPDX-License-Identifier: Apache-2.0
"""The two known answers: a linear unit has one optimum, a quadratic one has one best value and two best pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.ascent import NormBall
from pellucid.errors import InputError
from pellucid.evidence.consistency import plan, run, settings
from pellucid.evidence.job import Given
from pellucid.figures.stamp import read_stamp

SIDE = 16
EXACT = {
    "transforms": "none",
    "steps": 200,
    "size": SIDE,
    "precision": "float32",
    "optimizer": "gradient",
    "learning_rate": 0.3,
}
PLAIN = {"transforms": "none", "steps": 24, "size": SIDE, "starts": 9}


class Agreeing(nn.Module):
    """Unit 0 answers w . x, unit 1 the square of that, units 2 and 3 other patterns."""

    def __init__(self) -> None:
        super().__init__()
        y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        # No shift of the first turns it into its negative, as one of a wave would.
        blob = ((x < 5) & (y < 5)) * 1.0 - 0.1
        waves = torch.stack([blob, torch.sin(y * 0.8), torch.cos((x + y) * 0.5)])
        self.patterns = nn.Parameter(waves[:, None].expand(3, 3, SIDE, SIDE).clone())

    def forward(self, pixels: Tensor) -> Tensor:
        answers = (pixels[:, None] * self.patterns).sum((2, 3, 4))
        return torch.stack([answers[:, 0], answers[:, 0] ** 2 / 100, answers[:, 1], answers[:, 2]], 1)


@pytest.fixture(scope="module")
def net() -> pl.Net:
    return pl.load(Agreeing(), input=pl.ImageInput(SIDE))


@pytest.fixture(scope="module")
def found(net: pl.Net) -> object:
    return pl.consistency(net, "logits:0-1", **PLAIN)


def test_a_linear_unit_has_one_optimum(net: pl.Net) -> None:
    [linear] = pl.consistency(net, "logits:0", constraint=NormBall(5.0), **EXACT)
    assert linear.found.modes == 1
    assert linear.found.image_similarity > 0.999
    assert linear.found.value_cv < 1e-3
    assert linear.found.within_1pct == 1


def test_a_quadratic_unit_has_one_value_and_two_pictures(net: pl.Net) -> None:
    [quadratic] = pl.consistency(net, "logits:1", constraint=NormBall(5.0), **EXACT)
    assert quadratic.found.value_cv < 1e-3
    assert quadratic.found.within_1pct == 1
    assert quadratic.found.modes == 2
    assert quadratic.found.image_similarity < 0.9


def test_the_first_start_is_the_optimum(net: pl.Net, found: object) -> None:
    asked = {name: value for name, value in PLAIN.items() if name != "starts"}
    [optimum] = pl.optimize(net, "logits:0", sign="+", **asked)
    assert np.abs(optimum.pixels.astype(int) - found[0].pictures[0]).max() <= 2
    assert found[0].values[0] == pytest.approx(optimum.activation, rel=1e-3)


def test_a_units_figures_do_not_depend_on_what_else_is_asked(net: pl.Net, found: object) -> None:
    [alone] = pl.consistency(net, "logits:1", **PLAIN)
    assert alone.found.baseline_similarity == pytest.approx(found[1].found.baseline_similarity, abs=1e-3)
    assert alone.values == pytest.approx(found[1].values, rel=1e-3)


def test_files_and_numbers(found: object, tmp_path: Path) -> None:
    paths = found.save(tmp_path)
    assert [path.name for path in paths[1]] == [f"logits-1-start-{start}.png" for start in range(9)]
    assert (tmp_path / "logits-0-starts.png").exists()
    stamp = read_stamp(paths[0][3])
    assert (stamp["method"], stamp["settings"]["start"], stamp["unit"]) == ("consistency", 3, "logits:0")
    rows = json.loads((tmp_path / "consistency.json").read_text())
    assert (rows[0]["unit"], rows[0]["starts"], len(rows[0]["values"])) == ("logits:0", 9, 9)
    assert "logits:1" in found._repr_html_()


def test_a_record_has_all_starts_in_one_picture(net: pl.Net) -> None:
    complete = settings(net, {**PLAIN, "steps": 2, "starts": 5, "sign": "both"})
    [job] = plan(net, net.units(["logits:0"]), complete)
    [record] = run(net, job, complete, Given())
    assert record.figures["starts"].width == 3 * SIDE + 2 * 2
    assert record.figures["starts"].height == 2 * SIDE + 2
    assert len(record.figures["values"].rows) == 5


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"starts": 1}, "at least 2"),
        ({"starts": 3, "objective": "layer"}, "consistency is of units"),
        ({"starts": 3, "stepz": 4}, "no setting 'stepz'; did you mean steps"),
    ],
)
def test_what_makes_no_sense_is_told(net: pl.Net, asked: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        pl.consistency(net, "logits:0", **asked)


def test_both_signs_are_measured_where_a_unit_has_two(net: pl.Net, tmp_path: Path) -> None:
    both = pl.consistency(net, "logits:0,2", sign="both", **PLAIN)
    assert [(str(one.unit), one.sign) for one in both] == [
        ("logits:0", "+"),
        ("logits:0", "-"),
        ("logits:2", "+"),
        ("logits:2", "-"),
    ]
    assert min(both[0].values) > 0 > max(both[1].values)
    [alone] = pl.consistency(net, "logits:2", sign="-", **PLAIN)
    assert np.abs(alone.pictures[0].astype(int) - both[3].pictures[0]).max() <= 2
    assert len({path for paths in both.save(tmp_path) for path in paths}) == 4 * PLAIN["starts"]


def test_a_rectified_layer_has_one_side(planted: pl.Net) -> None:
    rectified = next(layer.name for layer in planted.layers() if layer.rectified)
    found = pl.consistency(planted, f"{rectified}:0", sign="both", starts=2, steps=2)
    assert [one.sign for one in found] == ["+"]
