# SPDX-License-Identifier: Apache-2.0
"""What cannot be looked at: one clear line each, told before anything long is done."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from square_net import CountsSquares, with_squares
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName

PIXELS = with_squares((3, 4, 0))


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        ({"layers": ["logits"]}, InputError, "logits has no positions, there is nothing to stand on"),
        ({"layers": ["squarez"]}, UnknownName, "no layer 'squarez'; did you mean squares"),
        ({"aim": "logits:blue"}, UnknownName, "no label 'blue'"),
        ({"aim": "squares:9"}, UnknownName, "squares has 3 units, 9 was asked"),
        ({"methods": ["gradcan"]}, UnknownName, "no method 'gradcan'"),
        ({"also": ["inversions"]}, UnknownName, "did you mean inversion"),
        (
            {"units": ["count:0"], "layers": ["squares"]},
            InputError,
            "count:0 is of a layer that is not looked at",
        ),
        ({"atlas": "absent.atlas"}, UnknownName, "absent.atlas does not exist"),
    ],
)
def test_what_is_asked_and_not_there(net, asked, kind, words) -> None:
    with pytest.raises(kind, match=words):
        pl.look(net, PIXELS, **{"methods": (), "groups": 0, **asked})


def test_an_image_without_the_channels(tmp_path) -> None:
    bands = pl.load(nn.Sequential(nn.Conv2d(12, 2, 3), nn.ReLU()), input=pl.ImageInput(16, 12))
    Image.fromarray(PIXELS).save(tmp_path / "rgb.png")
    with pytest.raises(
        InputError, match=r"takes 12 channels; .* give the numbers of one as an array of 12 channels"
    ):
        pl.look(bands, tmp_path / "rgb.png", methods=())
    found = pl.look(bands, np.random.default_rng(0).random((16, 16, 12)), methods=(), groups=0)
    assert found.layers[0].maps.shape == (2, 196)
    assert found.save(tmp_path / "out").is_file()


def test_layers_with_positions_are_named_where_one_has_none() -> None:
    net = pl.load(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 4)), input=pl.ImageInput(8))
    with pytest.raises(InputError, match=r"^2 has no positions, there is nothing to stand on; 0 has some$"):
        pl.look(net, np.zeros((8, 8, 3)), layers=["2"], methods=())


def test_a_net_without_positions() -> None:
    flat = pl.load(nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.ReLU()), input=pl.ImageInput(8))
    with pytest.raises(InputError, match="no layer of Sequential has positions"):
        pl.look(flat, np.zeros((8, 8, 3)), methods=())


def test_an_atlas_of_other_weights_is_refused(net, atlas) -> None:
    torch.manual_seed(0)
    other = CountsSquares()
    nn.init.normal_(other.squares.weight)
    with pytest.raises(
        InputError, match=r"squares.atlas is of CountsSquares with weights \w+, CountsSquares here has \w+"
    ):
        pl.look(pl.load(other.eval(), input=pl.ImageInput(32)), PIXELS, atlas=atlas, methods=())


def test_an_atlas_without_statistics_is_told_and_used(net, photos, tmp_path) -> None:
    pl.survey(
        net, photos, tmp_path / "o.atlas", "squares:0", kinds=["optimum"], settings={"steps": 2, "sign": "+"}
    )
    found = pl.look(
        net, PIXELS, layers=["squares", "count"], atlas=tmp_path / "o.atlas", methods=(), groups=0
    )
    assert found.layer("squares").rare is None
    assert found.layer("squares").entries[0].what == "optimum"
    assert any("o.atlas has no statistics of squares" in note for note in found.notes)
    assert any("o.atlas knows nothing of count" in note for note in found.notes)


def test_a_small_image_is_enlarged_and_that_is_said(net) -> None:
    found = pl.look(net, Image.new("RGB", (9, 6), "red"), layers=["squares"], methods=(), groups=0)
    assert found.layers[0].maps.shape == (3, 841)
    assert found.notes[0] == (
        "image is 9 x 6 pixels, smaller than the 32 x 32 that the net is fed: it was enlarged 5.3 times"
    )


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (400, 3)])
def test_an_image_smaller_than_what_a_unit_sees_is_refused(net, tmp_path, size) -> None:
    Image.new("RGB", size, "red").save(tmp_path / "tiny.png")
    words = (
        rf"tiny.png is {size[0]} x {size[1]} pixels, smaller than the 4 x 4 that a unit of \w+ sees at once"
    )
    with pytest.raises(InputError, match=words):
        pl.look(net, tmp_path / "tiny.png", methods=())
    with pytest.raises(InputError, match=words):
        pl.attribute(net, tmp_path / "tiny.png")


def test_layers_that_see_more_than_a_small_image_are_named_or_refused() -> None:
    small = Image.new("RGB", (30, 40), "red")
    found = pl.look("demo", small, layers=["conv1", "conv3", "conv4"], methods=(), groups=0)
    assert found.notes[0].endswith(
        "it was enlarged 3.2 times, and units of conv3, conv4 see more than all of it"
    )
    with pytest.raises(InputError, match="smaller than the 41 x 41 that a unit of conv3 sees at once"):
        pl.look("demo", small, layers=["conv3", "conv4"], methods=())
    [said] = pl.attribute("demo", small, methods=["saliency"], faithfulness=False)
    assert "image is 30 x 40 pixels" in said.enlarged
    assert said.enlarged in said.page.svg({})
    [large] = pl.attribute("demo", Image.new("RGB", (96, 96)), methods=["saliency"], faithfulness=False)
    assert large.enlarged == ""


def test_more_groups_than_there_are_and_silence_are_told(net) -> None:
    found = pl.look(net, PIXELS, layers=["squares"], methods=(), groups=500)
    assert len(found.layers[0].groups) <= 3
    assert any(note.startswith("500 groups were asked") and "squares has" in note for note in found.notes)
    silent = CountsSquares().eval()
    for parameter in silent.parameters():
        parameter.data.zero_()
    still = pl.load(silent, input=pl.ImageInput(32))
    found = pl.look(still, PIXELS, methods=(), groups=6)
    assert any(
        "no unit of any layer looked at answers unlike from place to place" in note for note in found.notes
    )
    found = pl.look(net, PIXELS, layers=["squares"], methods=(), groups=2)
    assert not any("groups were asked" in note or "answers unlike" in note for note in found.notes)


def test_units_of_several_layers_are_drawn_large(net) -> None:
    found = pl.look(
        net, PIXELS, layers=["squares", "count"], methods=(), groups=0, units=["squares:0,2,count:1"]
    )
    assert [str(unit) for unit in found.units] == ["squares:0", "squares:2", "count:1"]


def test_a_look_leaves_the_model_as_it_was() -> None:
    module = CountsSquares().train()
    net = pl.load(module, input=pl.ImageInput(32))
    state, before = (
        torch.get_rng_state(),
        {name: value.clone() for name, value in module.state_dict().items()},
    )
    pl.look(net, PIXELS, layers=["squares"], groups=2)
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not any(
        each._forward_hooks or each._forward_pre_hooks or each._backward_hooks for each in module.modules()
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_numbers_of_all_kinds_read_back(net, atlas, tmp_path) -> None:
    found = pl.look(
        net, PIXELS, layers=["squares"], atlas=atlas, methods=["saliency"], groups=2, units=["squares:0"]
    )
    report = found.save(tmp_path / "out")
    numbers = json.loads((report.parent / "look.json").read_text())
    assert {name: numbers[name] for name in found.to_json()} == found.to_json()
    cell = numbers["layers"][0]["cells"][3 * 29 + 4]
    assert cell["position"] == [3, 4]
    assert cell["top"][0]["unit"] == "squares:0"
    assert np.float32(cell["top"][0]["response"]) == found.layers[0].map(0)[3, 4]
    assert all((report.parent / name).is_file() for name in numbers["pictures"])
    assert {
        "figures/squares.png",
        "figures/squares.svg",
        "figures/squares-0-heat.png",
        "figures/squares-0-mask.png",
    } <= set(numbers["pictures"])
    with np.load(io.BytesIO((report.parent / "look.npz").read_bytes())) as arrays:
        np.testing.assert_array_equal(arrays["maps/squares"], found.layers[0].maps.reshape(3, 29, 29))
        np.testing.assert_array_equal(arrays["units/squares"], found.layers[0].tops.units)
        assert arrays["attributions/saliency"].shape == (32, 32)
