# SPDX-License-Identifier: Apache-2.0
"""A unit held at zero is a unit whose weights are zero, to the last bit; and nothing of it is left behind."""

from __future__ import annotations

import copy

import pytest
import torch
from nets import object_net, residual_net
from torch import Tensor
from wired import SIZE, SmoothNet, joined_net

import pellucid as pl
from pellucid.circuits import clamped
from pellucid.models import tap
from pellucid.records import Unit


def outputs(net: pl.Net, pixels: Tensor) -> Tensor:
    with tap(net, ["logits"]) as run:
        return run(pixels)["logits"]


@pytest.mark.parametrize(("layer", "unit"), [("deep", 2), ("left", 3), ("right", 0), ("top", 1), ("norm", 4)])
def test_held_at_zero_it_is_as_if_its_weights_were_zero(layer: str, unit: int) -> None:
    pixels = torch.rand(3, 3, SIZE, SIZE)
    net = pl.load(joined_net(), input=pl.ImageInput(SIZE))
    zeroed = copy.deepcopy(net.module)
    with torch.no_grad():
        for weight in zeroed.get_submodule(layer).parameters():
            weight[unit] = 0
    expected = outputs(pl.load(zeroed, input=pl.ImageInput(SIZE)), pixels)
    before = outputs(net, pixels)
    with clamped(net, {Unit(layer, unit): 0.0}):
        assert torch.equal(outputs(net, pixels), expected)
    assert not torch.equal(before, expected)
    assert torch.equal(outputs(net, pixels), before)
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in net.module.modules())


def test_several_units_of_several_layers_at_their_own_values(joined: pl.Net) -> None:
    pixels = torch.rand(2, 3, SIZE, SIZE)
    clamps = {Unit("left", 1): 2.5, Unit("left", 2): -1.0, Unit("norm", 0): 0.25}
    with clamped(joined, clamps), tap(joined, ["norm", "left"]) as run:
        found = run(pixels)
    for unit, value in clamps.items():
        assert (found[unit.layer][:, unit.index] == value).all()
    with tap(joined, ["norm"]) as run:
        plain = run(pixels)["norm"]
    assert torch.equal(found["norm"][:, 1:], plain[:, 1:])


def test_one_call_of_a_module_that_is_called_again() -> None:
    net = pl.load(residual_net(), input=pl.ImageInput(8))
    pixels = torch.rand(1, 3, 8, 8)
    with clamped(net, {Unit("relu#2", 1): 0.5}), tap(net, ["relu", "relu#2", "relu#3"]) as run:
        held = run(pixels)
    with tap(net, ["relu", "relu#2", "relu#3"]) as run:
        plain = run(pixels)
    assert torch.equal(held["relu"], plain["relu"])
    assert (held["relu#2"][:, 1] == 0.5).all()
    assert not torch.equal(held["relu#3"], plain["relu#3"])


def test_one_position_and_the_center(joined: pl.Net) -> None:
    pixels = torch.rand(2, 3, SIZE, SIZE)
    with tap(joined, ["left"]) as run:
        plain = run(pixels)["left"]
    for position, at in (((1, 3), (1, 3)), ("center", (2, 2))):
        with clamped(joined, {Unit("left", 1, position): 7.0}), tap(joined, ["left"]) as run:
            held = run(pixels)["left"]
        changed = (held != plain).nonzero().tolist()
        assert changed == [[0, 1, *at], [1, 1, *at]]
        assert held[0, 1][at] == 7.0


def test_units_of_tokens_and_of_output_objects() -> None:
    net = pl.load(SmoothNet().eval(), input=pl.ImageInput(SIZE))
    with clamped(net, {Unit("fc1", 2): 3.0}), tap(net, ["fc1"]) as run:
        held = run(torch.rand(2, 3, SIZE, SIZE))["fc1"]
    assert (held[:, 2] == 3.0).all()
    assert (held[:, [0, 1, 3]] != 3.0).all()
    wrapped = pl.load(object_net(), input=pl.ImageInput(32))
    with clamped(wrapped, {Unit("logits", 1): 9.0}):
        assert (outputs(wrapped, torch.rand(2, 3, 32, 32))[:, 1] == 9.0).all()


def test_after_an_exception_nothing_is_left(joined: pl.Net) -> None:
    with pytest.raises(ZeroDivisionError), clamped(joined, {Unit("left", 0): 0.0}):
        _ = 1 / 0
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in joined.module.modules())
