# SPDX-License-Identifier: Apache-2.0
"""A look kept in an atlas: the site shows it, a later one takes its place, and the survey goes on beside it."""

from __future__ import annotations

import shutil

import pytest
import torch
from square_net import CountsSquares, with_squares
from torch import nn

import pellucid as pl
from pellucid.errors import InputError
from pellucid.store import Atlas
from pellucid.views import Site


def test_the_page_of_a_layer_shows_the_look(net, atlas, photos, tmp_path) -> None:
    own = shutil.copy(atlas, tmp_path / "own.atlas")
    found = pl.look(net, with_squares((3, 4, 0)), layers=["squares"], atlas=own, methods=(), groups=2)
    assert found.keep(own) == ["squares"]
    assert found.keep(own) == ["squares"]  # in place of the first
    with Atlas.open(own) as opened:
        assert not opened.verify()
        page = Site(opened).render("layer/1/index.html")[0].decode()
        assert page.count("<h2>A look at image</h2>") == 1
        assert opened.record("look/image", "squares", None).figures["says"].rows[0][0] == "red"
    report = pl.survey(
        net, photos, own, "squares", kinds=["optimum", "examples"], settings={"steps": 4, "sign": "+"}
    )
    assert report.done == 0
    with Atlas.open(own) as opened:
        assert opened.record("look/image", "squares", None) is not None


def test_what_cannot_be_kept(net, atlas, tmp_path) -> None:
    own = shutil.copy(atlas, tmp_path / "own.atlas")
    without = pl.look(net, with_squares((3, 4, 0)), layers=["count"], methods=(), groups=0)
    with pytest.raises(InputError, match="has no pages about count"):
        without.keep(own)
    torch.manual_seed(0)
    other = CountsSquares().eval()
    nn.init.normal_(other.squares.weight)
    with pytest.raises(InputError, match="is an atlas of another net"):
        pl.look(
            pl.load(other, input=pl.ImageInput(32)), with_squares(), layers=["squares"], methods=(), groups=0
        ).keep(own)
