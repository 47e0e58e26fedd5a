# SPDX-License-Identifier: Apache-2.0
"""Ablation: what pictures of known content lose without a unit set by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD

import pellucid as pl
from pellucid.data import batches, open_source, sampled
from pellucid.models import tap
from pellucid.records import Unit


def test_what_a_planted_unit_is_to_the_outputs(planted: pl.Net, planted_photos: Path) -> None:
    [one] = pl.ablate(planted, planted_photos, f"conv:{COLOR}")
    # logit 1 is the mean of COLOR behind its ReLU: 25 on red, nothing elsewhere; 13 pictures
    assert one.lowered == (("logits:1", pytest.approx(25 / 13), 0.0),)
    assert one.raised == ()
    assert one.worst.items[0].name == "red.png"
    assert one.worst.items[0].response == pytest.approx(-25.0)
    assert one.flipped == pytest.approx(1 / 13)
    assert one.accuracy is None
    assert one.above.positive == one.above.negative == ()  # the next layer is the output


def test_of_a_dead_unit_nothing_changes(planted: pl.Net, planted_photos: Path) -> None:
    [one] = pl.ablate(planted, planted_photos, f"conv:{DEAD}")
    assert one.lowered == one.raised == one.worst.items == ()
    assert one.flipped == 0
    one.plot()


def test_held_at_a_number_at_its_mean_and_behind_its_relu(planted: pl.Net, planted_photos: Path) -> None:
    [one] = pl.ablate(planted, planted_photos, f"conv:{COLOR}", value=3)
    assert one.raised == (("logits:1", pytest.approx(25 / 13), pytest.approx(3.0)),)
    [mean] = pl.ablate(planted, planted_photos, f"conv:{COLOR}", value="mean")
    assert mean.held == (pytest.approx(0.0, abs=1e-5),)  # 25 on red, -25 on green
    [rectified] = pl.ablate(planted, planted_photos, f"relu:{COLOR}", value="mean")
    assert rectified.held == (pytest.approx(25 / 13),)
    with pytest.raises(pl.PellucidError, match="write a number, as 0, or mean"):
        pl.ablate(planted, planted_photos, "conv:0", value="median")


def test_together_and_one_by_one(planted: pl.Net, planted_photos: Path, tmp_path: Path) -> None:
    together = pl.ablate(planted, planted_photos, "conv:0-2")
    assert [one.units for one in together] == [tuple(Unit("conv", index) for index in range(3))]
    assert together[0].to_json()["held_at"] == [0.0, 0.0, 0.0]
    each = pl.ablate(planted, planted_photos, "conv:0-2", together=False, sample=5, seed=3)
    assert [one.units for one in each] == [(Unit("conv", index),) for index in range(3)]
    assert each.items + len(each.skipped) == 5
    names = [path.name for path in each.save(tmp_path)]
    assert names == [f"without-conv-{index}.png" for index in range(3)]
    document = json.loads((tmp_path / "ablation.json").read_text())
    assert document["items"] == each.items
    assert len(each.table().rows) == 3


def test_the_demo_names_fewer_right_without_its_strongest_units() -> None:
    [one] = pl.ablate("demo", "demo", "conv5", sample=28)
    assert one.accuracy is not None
    assert one.accuracy_without is not None
    assert one.accuracy > 0.7
    assert one.accuracy_without < 0.3  # one answer to everything


def test_a_survey_is_the_same_after_an_interruption(
    planted: pl.Net, planted_photos: Path, tmp_path: Path
) -> None:
    asked = {"kinds": ["ablation"], "settings": {"sample": 6}}
    whole = pl.survey(planted, planted_photos, tmp_path / "a.atlas", "conv", "fc", **asked)
    plan = pl.survey(planted, planted_photos, tmp_path / "b.atlas", "conv", "fc", plan_only=True, **asked)
    assert plan.estimate.seconds > 0
    with pytest.raises(KeyboardInterrupt):
        pl.survey(planted, planted_photos, tmp_path / "b.atlas", "conv", "fc", progress=_stop_at(1), **asked)
    again = pl.survey(planted, planted_photos, tmp_path / "b.atlas", "conv", "fc", **asked)
    assert again.jobs_resumed == 1
    assert again.digest == whole.digest


def _stop_at(done: int):
    def progress(now: int, total: int, what: str) -> None:
        if what == "jobs" and now == done:
            raise KeyboardInterrupt

    return progress


def test_what_overflows_is_told_and_leaves_the_lists(
    planted: pl.Net, planted_photos: Path, tmp_path: Path
) -> None:
    [one] = pl.ablate("demo", "demo", "conv5:9", value=1e38, sample=4)
    assert one.nonfinite == 4
    assert "outputs of 4 items are no finite numbers" in one.overflow
    assert (one.flipped, one.accuracy_without, one.worst.items) == (1.0, 0.0, ())
    json.dumps(one.to_json(), allow_nan=False)
    one.save(tmp_path / "one.png")
    assert "nonfinite" in one.figures()
    [plain] = pl.ablate("demo", "demo", "conv5:9", sample=4)
    assert plain.overflow is None
    with pytest.raises(pl.PellucidError, match="no response in float32 is so far from 0"):
        pl.ablate(planted, planted_photos, "conv:0", value=1e39)


def test_accuracy_and_units_above_against_a_slow_truth() -> None:
    net = pl.load("demo")
    units = [9, 47, 3]
    [one] = pl.ablate(net, "demo", "conv4:3,9,47", sample=12, seed=2)
    kept = [part.clone() for part in net.module.get_submodule("conv4").parameters()]
    source = sampled(open_source("demo"), 12, 2)
    above, right = [], []
    for zeroed in (False, True):
        with torch.no_grad():
            for part in net.module.get_submodule("conv4").parameters():
                part[units] = 0 if zeroed else part[units]
        means, hits = [], 0
        for batch in batches(source, net.input.recipe, size=1):  # one picture at a time
            row = int(batch.rows[0])
            with tap(net, ["conv5", "logits"]) as run:
                found = run(batch.tensor(net.device)[:1])
            means.append(found["conv5"][0].double().flatten(1).mean(1).numpy())
            named = net.labels[int(found["logits"][0].argmax())]
            hits += named == source.class_names[source.classes[row]]
        above.append(np.mean(means, 0))
        right.append(hits / 12)
    with torch.no_grad():
        for part, before in zip(net.module.get_submodule("conv4").parameters(), kept, strict=True):
            part.copy_(before)
    assert (one.accuracy, one.accuracy_without) == (pytest.approx(right[0]), pytest.approx(right[1]))
    change = above[1] - above[0]
    found = {each.unit: each.value for each in one.above.both}
    assert list(found) != []
    assert found == {unit: pytest.approx(change[int(unit.split(":")[1])], rel=1e-4) for unit in found}
    assert one.above.positive[0].unit == f"conv5:{int(change.argmax())}"
