# SPDX-License-Identifier: Apache-2.0
"""A response let through a station: what it sees stays as it was, and what it gives back goes on."""

from __future__ import annotations

import torch
from counting import TokenNet, counting_net, square
from torch import Tensor

import pellucid as pl
from pellucid.attribution import cell_grid
from pellucid.attribution.stage import let_through
from pellucid.models import tap


def test_what_a_station_sees_is_not_overwritten_behind_it() -> None:
    net = pl.load(counting_net(inplace=True), input=pl.ImageInput(32))
    grid = cell_grid(net, net.layer("conv"))
    assert grid is not None
    seen: list[Tensor] = []

    def station(cells: Tensor) -> Tensor:
        seen.append(cells)
        return cells

    with let_through(net, {"conv": (grid, station)}, lambda: 1), tap(net, ["logits"]) as run:
        run(square()[None])
    assert seen[0].shape == (1, 2, 4, 4)
    assert seen[0].min() < 0  # the rectifier in place worked on a copy


def test_what_a_station_gives_back_goes_on_and_class_tokens_pass_by() -> None:
    net = pl.load(TokenNet(), input=pl.ImageInput(32))
    grid = cell_grid(net, net.layer("norm"))
    assert grid is not None
    doubled = {"norm": (grid, lambda cells: 2 * cells)}
    with tap(net, ["norm", "logits"]) as run:
        plain = run(torch.stack([square(), square(1)]))
    with let_through(net, doubled, lambda: 2), tap(net, ["norm", "logits"]) as run:
        changed = run(torch.stack([square(), square(1)]))
    torch.testing.assert_close(changed["logits"], 2 * plain["logits"])
    torch.testing.assert_close(changed["norm"][:, :, 0], plain["norm"][:, :, 0])  # the class token
    torch.testing.assert_close(changed["norm"][:, :, 1:], 2 * plain["norm"][:, :, 1:])
    assert not any(part._forward_hooks for part in net.module.modules())
