# SPDX-License-Identifier: Apache-2.0
"""Two looks side by side: what differs between two images, and one image through two nets."""

from __future__ import annotations

import json

import pytest
import torch
from square_net import CountsSquares, with_squares
from torch import nn

import pellucid as pl
from pellucid.errors import InputError

HOW = {"layers": ["squares"], "methods": (), "groups": 0}


def test_the_units_that_tell_two_images_apart(net) -> None:
    red, green = (pl.look(net, with_squares((5, 5, channel)), **HOW) for channel in (0, 1))
    both = red.beside(green)
    assert both.one_net
    assert {unit for unit, _, _ in both.differences("squares")[:2]} == {0, 1}
    rows = {unit: peaks for unit, *peaks in both.differences("squares")}
    assert rows[0] == [pytest.approx(1.0, abs=1e-6), float(green.layers[0].peaks[0])]
    assert red.beside(red).similarity() == [("squares", pytest.approx(1.0))]
    [(_, alike)] = both.similarity()
    means = [look.layers[0].maps.mean(1) for look in (red, green)]
    assert alike == pytest.approx(float(torch.cosine_similarity(*map(torch.tensor, means), dim=0)), abs=1e-5)


def test_both_are_written_on_one_page(net, tmp_path) -> None:
    first, second = (pl.look(net, with_squares((5, 5, channel)), **HOW) for channel in (0, 1))
    report = first.beside(second).save(tmp_path)
    page = report.read_text()
    assert page.count('class="look-plate"') == 2
    numbers = json.loads((tmp_path / "look.json").read_text())
    assert len(numbers["looks"]) == 2
    assert numbers["differences"][0]["unit"] in ("squares:0", "squares:1")
    assert (tmp_path / "look-1.npz").is_file()
    assert (tmp_path / "look-2.npz").is_file()


def test_one_image_through_two_nets_and_two_through_two(net) -> None:
    other_module = CountsSquares().eval()
    nn.init.zeros_(other_module.count.weight)
    other = pl.load(other_module, input=pl.ImageInput(32))
    pixels = with_squares((5, 5, 0))
    both = pl.look(net, pixels, **HOW).beside(pl.look(other, pixels, **HOW))
    assert not both.one_net
    assert both.similarity() == []
    assert len(set(both.names)) == 2
    assert both.report()
    named = pl.look(other, pixels, **HOW)
    renamed = type(named)(
        **{
            **vars(named),
            "image": type(named.image)(named.image.values, named.image.item, named.image.placement, "b"),
        }
    )
    with pytest.raises(InputError, match="keep one of them the same"):
        pl.look(net, pixels, **HOW).beside(renamed)
