# SPDX-License-Identifier: Apache-2.0
"""Parts and feeds: the right units in the right order, with pictures from the atlas; the same through survey, page and Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.evidence.combination import combined, signed_pixels
from pellucid.figures import Number, Partners, Picture

STEPS = {"steps": 2, "size": 32, "sign": "+", "top": 2, "sample": 4}


@pytest.fixture(scope="module")
def chain() -> pl.Net:
    """Three layers of 1x1 kernels with weights set by hand."""
    module = nn.Sequential()
    for name, weight in (
        ("one", [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [-1.0, 0, 0]]),
        ("two", [[4.0, -3.0, 2.0, -1.0], [0, 0.5, 0, 0]]),
        ("three", [[-2.0, 1.0], [0, -1.0], [0.5, 0]]),
    ):
        conv = nn.Conv2d(len(weight[0]), len(weight), 1)
        with torch.no_grad():
            conv.weight.copy_(torch.tensor(weight)[:, :, None, None])
            conv.bias.fill_(0.25)
        module.add_module(name, conv)
        module.add_module(f"{name}_bent", nn.ReLU())
    module.add_module("mean", nn.AdaptiveAvgPool2d(1))
    module.add_module("flat", nn.Flatten())
    return pl.load(module, input=pl.ImageInput(32))


@pytest.fixture(scope="module")
def atlas(chain: pl.Net, planted_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts") / "chain.atlas"
    pl.survey(
        chain, planted_photos, path, "one", "two", "three",
        kinds=["feeds", "parts", "optimum", "ablation"], settings=STEPS,
    )  # fmt: skip
    return path


def test_the_strongest_come_first_on_each_side(chain: pl.Net) -> None:
    [one] = pl.circuit(chain, "two:0", top=3)
    assert [(each.unit, each.value) for each in one.below.weights.positive] == [
        ("one:0", 4.0),
        ("one:2", 2.0),
    ]
    assert [(each.unit, each.value) for each in one.below.weights.negative] == [
        ("one:1", -3.0),
        ("one:3", -1.0),
    ]
    assert [(each.unit, each.value) for each in one.above.fed.positive] == [("three:2", 0.5)]
    assert [(each.unit, each.value) for each in one.above.fed.negative] == [("three:0", -2.0)]


def test_one_layer_further_is_the_product(chain: pl.Net) -> None:
    [one] = pl.circuit(chain, "three:0")
    assert one.below.further_sources == ("one",)
    found = {each.unit: each.value for each in (*one.below.further.positive, *one.below.further.negative)}
    assert found == {"one:0": -8.0, "one:1": 6.5, "one:2": -4.0, "one:3": 2.0}  # -2 two:0 + two:1
    assert pl.circuit(chain, "three:0", sources=["one"])[0].below.weights == one.below.further
    weights = one.below.pixels.maps[:, 0, 0]  # red: -2 (4 - -1), green: -2 -3 + 0.5, blue: -2 2
    np.testing.assert_allclose(weights, [-2 * (4 + 1), 6.5, -4])


def test_contributions_on_pictures_of_known_content(chain: pl.Net, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (255, 0, 0)).save(tmp_path / "red.png")
    [one] = pl.circuit(chain, "two:0", data=tmp_path)
    # red is 1: one:0 gives 1.25, one:1 and one:2 their bias of 0.25, one:3 nothing
    given = {each.unit: each.value for each in (*one.below.given.positive, *one.below.given.negative)}
    assert given == {"one:0": 5.0, "one:2": 0.5, "one:1": -0.75}
    assert one.below.rest == 0.25
    assert one.below.response == 5.0


def test_a_record_holds_parts_by_address_and_the_sum_of_their_pictures(atlas: Path) -> None:
    with pl.Atlas.open(atlas) as held:
        record = held.record("parts", "two", 0)
        names = dict(record.figures)
        partners = names["excited_by"]
        assert isinstance(partners, Partners)
        assert [each.unit for each in partners.partners] == ["one:0", "one:2"]
        assert names["items"] == Number(4, "items in the sample")
        assert (
            held.record("parts", "one", 0).figures["excited_by_note"].value.startswith("it reads the input")
        )
        weighted = []
        for unit, weight in ((0, 4.0), (2, 2.0), (1, -3.0), (3, -1.0)):
            own = held.record("optimum", "one", unit).figures["positive"]
            pixels = np.asarray(held.blob(own.blob.hash).image(), float) / 255 - 0.5
            weighted.append(weight * pixels)
        total = sum(weighted)
        shown = np.asarray(held.blob(names["combination"].blob.hash).image(), float) / 255
        np.testing.assert_allclose(shown, 0.5 + 0.48 * total / np.abs(total).max(), atol=0.003)
        assert names["optimum"].blob == held.record("optimum", "two", 0).figures["positive"].blob
        [one] = pl.circuit("demo", "conv2:3", atlas=held)  # of another net: nothing fits, nothing fails
        assert one.pictures == {}


def test_a_page_shows_partners_with_their_pictures(atlas: Path, tmp_path: Path) -> None:
    pl.export(atlas, tmp_path / "site")
    page = (tmp_path / "site/layer/3/0.html").read_text()  # two:0
    for title in ("Made of", "Feeds", "Without it", "Made of, one layer further"):
        assert (f"<h2>{title}</h2>" in page) == (title != "Made of, one layer further"), title
    with pl.Atlas.open(atlas) as held:
        picture = held.record("optimum", "one", 0).figures["positive"]
    assert isinstance(picture, Picture)
    assert (
        f'href="../../layer/1/0.html"><img class="picture" src="../../blob/{picture.blob.hash}.png"' in page
    )
    assert (tmp_path / f"site/blob/{picture.blob.hash}.png").exists()


def test_what_is_no_sum_is_told_in_the_record_and_refused_to_who_asks(
    tmp_path: Path, planted_photos: Path
) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.GroupNorm(2, 4), nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Flatten()
    )
    net = pl.load(module, input=pl.ImageInput(8))
    pl.survey(
        net, planted_photos, tmp_path / "a.atlas", "0", "3", kinds=["parts", "feeds"], settings={"sample": 2}
    )
    with pl.Atlas.open(tmp_path / "a.atlas") as held:
        assert "group norm" in held.record("parts", "3", 0).figures["excited_by_note"].value
        assert "3 reads it through a group norm" in held.record("feeds", "0", 1).figures["left_out"].value
    with pytest.raises(pl.PellucidError, match="group norm"):
        pl.circuit(net, "3:0")


def test_saved_and_as_json(chain: pl.Net, tmp_path: Path) -> None:
    found = pl.circuit(chain, "two:0-1", top=1)
    paths = found.save(tmp_path)
    assert [path.name for path in paths] == ["two-0.png", "two-1.png"]
    document = json.loads((tmp_path / "circuit.json").read_text())
    row = document["units"][0]
    assert row["made_of"]["by_weight"]["positive"] == [{"unit": "one:0", "value": 4.0, "map": []}]
    assert "by_contribution" not in row["made_of"]
    assert row["feeds"]["targets"] == ["three"]


def test_combinations_of_pictures_and_weights_on_pixels() -> None:
    white, black = Image.new("RGB", (4, 4), "white"), Image.new("RGB", (8, 8), "black")
    assert combined([]) is None
    assert combined([(1.0, white), (2.0, black)]).getpixel((0, 0))[0] < 10  # more black than white
    assert combined([(1.0, white), (-2.0, black)]).getpixel((0, 0))[0] > 245
    maps = np.zeros((3, 2, 2))
    maps[0, 0, 0], maps[1, 1, 1] = 1.0, -1.0
    drawn = np.asarray(signed_pixels(maps))
    assert drawn[0, 0].tolist() == [250, 128, 128]
    assert drawn[1, 1].tolist() == [128, 5, 128]
    assert max(signed_pixels(np.zeros((1, 400, 200))).size) == 160


def test_on_the_squeezenet(real_data: Path) -> None:
    folder = real_data / "squeezenet"
    net = pl.load("torchvision/squeezenet1_0", weights=str(folder / "squeezenet1_0.safetensors"))
    [one] = pl.circuit(net, "features.4.squeeze:3", top=128)
    weight = net.module.get_submodule("features.4.squeeze").weight[3, :, 0, 0].detach().numpy()
    found = {each.unit: each.value for each in (*one.below.weights.positive, *one.below.weights.negative)}
    for unit, value in enumerate(weight):
        address = f"features.3.expand1x1:{unit}" if unit < 64 else f"features.3.expand3x3:{unit - 64}"
        assert found.get(address, 0.0) == pytest.approx(value, rel=1e-5)
