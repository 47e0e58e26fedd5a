# SPDX-License-Identifier: Apache-2.0
"""Networks whose own code does not run in the short number format are climbed in float32, and that is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.ascent import ClimbSettings, Goal, climb
from pellucid.figures.stamp import read_stamp
from pellucid.records import Unit


class ThroughNumpy(nn.Module):
    """NumPy has no bfloat16: this fails under autocast, and only there."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        weight = torch.from_numpy(y.detach().numpy().mean((2, 3)))
        return self.fc(y.mean((2, 3)) + 0 * weight)


@pytest.fixture
def net() -> pl.Net:
    return pl.load(ThroughNumpy(), input=pl.ImageInput(16))


def test_the_climb_falls_back_to_float32_and_gives_what_float32_gives(net: pl.Net) -> None:
    goals = [Goal(Unit("logits", 0)), Goal(Unit("logits", 1))]
    [short, _] = climb(net, goals, ClimbSettings(steps=4, precision="bfloat16"))
    [exact, _] = climb(net, goals, ClimbSettings(steps=4, precision="float32"))
    assert short.precision == exact.precision == "float32"
    assert np.array_equal(short.picture, exact.picture)
    assert short.activation == exact.activation


def test_a_network_that_runs_in_it_keeps_the_short_format(net: pl.Net) -> None:
    [found] = climb(net, [Goal(Unit("conv", 0))], ClimbSettings(steps=2, precision="bfloat16"))
    assert found.precision == "bfloat16"


def test_the_result_the_document_and_the_picture_say_so(net: pl.Net, tmp_path: Path) -> None:
    [found] = pl.optimize(net, "logits:0", sign="+", steps=2, precision="bfloat16")
    assert found.format_note == "computed in float32: the network's own code does not run in bfloat16"
    assert json.loads(json.dumps(found.to_json()))["note"] == found.format_note
    stamp = read_stamp(found.save(tmp_path / "a.png"))
    assert stamp is not None
    assert stamp["settings"]["precision"] == "float32"
    [plain] = pl.optimize(net, "conv:0", sign="+", steps=2, precision="bfloat16")
    assert "note" not in plain.to_json()
    assert plain.provenance.settings["precision"] == "bfloat16"
