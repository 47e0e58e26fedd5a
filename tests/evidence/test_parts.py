# SPDX-License-Identifier: Apache-2.0
"""Parts and feeds: the right units in the right order, with pictures from the atlas; the same through survey, page and Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.evidence.circuits import Circuit
from pellucid.evidence.combination import combined, signed_pixels
from pellucid.figures import Number, Partner, Partners, Picture

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
    [one] = pl.circuit(chain, "two:0", top=3, steps=0)
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
    [one] = pl.circuit(chain, "three:0", steps=0)
    assert one.below.further_sources == ("one",)
    found = {each.unit: each.value for each in (*one.below.further.positive, *one.below.further.negative)}
    assert found == {"one:0": -8.0, "one:1": 6.5, "one:2": -4.0, "one:3": 2.0}  # -2 two:0 + two:1
    assert pl.circuit(chain, "three:0", sources=["one"], steps=0)[0].below.weights == one.below.further
    weights = one.below.pixels.maps[:, 0, 0]  # red: -2 (4 - -1), green: -2 -3 + 0.5, blue: -2 2
    np.testing.assert_allclose(weights, [-2 * (4 + 1), 6.5, -4])


def test_contributions_on_pictures_of_known_content(chain: pl.Net, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (255, 0, 0)).save(tmp_path / "red.png")
    [one] = pl.circuit(chain, "two:0", data=tmp_path, steps=0)
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
        [one] = pl.circuit(
            "demo", "conv5:3", atlas=held, steps=0
        )  # of another net: nothing fits, nothing fails
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
    [one] = pl.circuit(net, "3:0", steps=0)
    assert "3 is fed by 0 through a group norm (2), which divides" in one.below.refused
    assert one.to_json()["made_of"]["refused"] == one.below.refused
    assert "logits:0" in [each.unit for each in one.above.fed.positive]  # what it feeds is kept
    with pytest.raises(pl.PellucidError, match="group norm"):
        pl.circuit(net, "3:0", sources=["0"])


class LinkedNet(nn.Module):
    """A batch norm listed as a layer of its own, a layer norm further up, and a softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)
        self.two, self.spread = nn.Conv2d(4, 5, 1), nn.LayerNorm([5, 8, 8])
        self.three, self.head, self.share = nn.Conv2d(5, 3, 1), nn.Linear(3, 2), nn.Softmax(1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.one(pixels)))
        x = torch.relu(self.spread(self.two(x)))
        return self.share(self.head(torch.relu(self.three(x)).mean((2, 3))))


def test_feeds_lead_through_a_batch_norm_to_the_end_and_end_by_name(tmp_path: Path) -> None:
    torch.manual_seed(4)
    module = LinkedNet().eval()
    module.norm.running_var.uniform_(0.5, 2)
    net = pl.load(module, input=pl.ImageInput(8), labels=["ant", "bee"])
    [one] = pl.circuit(net, "one:2", steps=0)
    assert one.above.targets == ("spread",)
    assert one.above.left_out_words == (
        "spread reads it through a layer norm (spread), which divides by the spread of what it is given"
    )
    assert one.above.why_not == "no layer reads it as a sum"
    [two] = pl.circuit(net, "two:2", steps=0)
    assert two.to_json()["feeds"]["left_out"][0]["layer"] == "spread"
    [three] = pl.circuit(net, "three:1", top=9, steps=0)
    assert three.above.targets == ("head",)
    weights = {one.label: one.value for one in three.above.fed.both}
    truth = module.head.weight[:, 1].detach().numpy()  # a mean over 64 equal weights: its length is an eighth
    assert weights["ant"] == pytest.approx(truth[0] / 8, rel=1e-4)
    assert weights["bee"] == pytest.approx(truth[1] / 8, rel=1e-4)
    with pytest.raises(pl.PellucidError, match="ask for the units of head, which it turns into shares"):
        pl.circuit(net, "logits:0", sources=["three"])
    words = np.asarray(one.plot().convert("L"))
    assert (words < 160).any(1).sum() > 40  # title, and both sentences


def test_feeds_through_a_batch_norm_are_those_of_both(tmp_path: Path) -> None:
    torch.manual_seed(5)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1),
        nn.ReLU(), nn.Flatten(),
    ).eval()  # fmt: skip
    module[3].running_var.uniform_(0.5, 2)
    [one] = pl.circuit(pl.load(module, input=pl.ImageInput(8)), "2:1", top=9, steps=0)
    assert one.above.targets == ("5",)
    scale = (module[3].weight / (module[3].running_var + module[3].eps).sqrt())[1]
    truth = (module[5].weight[:, 1, 0, 0] * scale).detach().numpy()
    found = {each.unit: each.value for each in one.above.fed.both}
    assert found == {f"5:{unit}": pytest.approx(value, rel=1e-4) for unit, value in enumerate(truth)}


def test_partners_have_pictures_without_an_atlas(chain: pl.Net) -> None:
    [one] = pl.circuit(chain, "three:0", pictures=3, steps=2)
    assert {"three:0", "two:0", "two:1"} <= one.pictures.keys()
    assert one.combination() is not None
    assert one.steps == 2
    [two] = pl.circuit(chain, "two:0", pictures=0)
    # the units below read the input: their weights on the pixels are their pictures, and cost nothing
    assert two.pictures["one:0"].getpixel((0, 0)) == (250, 128, 128)
    assert two.portraits.filters == {f"one:{unit}" for unit in range(4)}
    assert two.combination() is None
    assert two.steps == 0
    assert "two:0" not in two.pictures
    for wrong in ({"pictures": -1}, {"steps": 10**9}, {"top": 10**9}):
        with pytest.raises(pl.PellucidError, match="a whole number from"):
            pl.circuit(chain, "two:0", **wrong)


def test_a_survey_of_one_unit_says_what_it_lacks(chain: pl.Net, planted_photos: Path, tmp_path: Path) -> None:
    pl.survey(
        chain, planted_photos, tmp_path / "a.atlas", "three:0", kinds=["parts", "feeds"], settings=STEPS
    )
    pl.export(tmp_path / "a.atlas", tmp_path / "site")
    [page] = (tmp_path / "site/layer").glob("*/0.html")
    words = page.read_text()
    assert "no picture<" not in words
    assert "There are no pictures of them here: survey two as well to see some." in words
    assert "no optimum of a unit below is in this atlas: survey two as well to see their sum" in words
    with pl.Atlas.open(tmp_path / "a.atlas") as held:
        further = held.record("parts", "three", 0).figures["further_excited_by"].partners
        assert all(held.blob(each.picture.hash).image().size == (1, 1) for each in further)
    assert f"{further[0].picture.hash}.png" in words


def test_saved_and_as_json(chain: pl.Net, tmp_path: Path) -> None:
    found = pl.circuit(chain, "two:0-1", top=1, steps=0)
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
    [one] = pl.circuit(net, "features.4.squeeze:3", top=128, steps=0)
    weight = net.module.get_submodule("features.4.squeeze").weight[3, :, 0, 0].detach().numpy()
    found = {each.unit: each.value for each in (*one.below.weights.positive, *one.below.weights.negative)}
    for unit, value in enumerate(weight):
        address = f"features.3.expand1x1:{unit}" if unit < 64 else f"features.3.expand3x3:{unit - 64}"
        assert found.get(address, 0.0) == pytest.approx(value, rel=1e-5)


def test_a_mean_response_below_zero_has_a_minus(tmp_path: Path, planted_photos: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Flatten())
    with torch.no_grad():
        module[2].weight.zero_()
        module[2].weight[0, 1] = 1e-9
        module[2].bias.fill_(-240.7)
    net = pl.load(module, input=pl.ImageInput(8))
    pl.survey(net, planted_photos, tmp_path / "a.atlas", "2:0", kinds=["parts"], settings={"sample": 2})
    with pl.Atlas.open(tmp_path / "a.atlas") as held:
        figures = held.record("parts", "2", 0).figures
    assert figures["raised_by"].label == "part of the mean response of −240.7 over 2 items"


def rows_of(one: Circuit) -> list[Sequence[Partner]]:
    sides = (one.below.weights, one.below.further, one.above.fed)
    return [few for side in sides for few in (side.positive, side.negative) if few]


def test_every_row_of_a_circuit_has_pictures_and_the_sheet_says_what_would_draw_the_rest() -> None:
    torch.manual_seed(7)
    layers = [nn.Conv2d(3, 30, 3, padding=1), nn.ReLU(), nn.Conv2d(30, 30, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(30, 30, 3, padding=1), nn.ReLU(), nn.Conv2d(30, 30, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(30, 30, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(30 * 36, 2)]
    net = pl.load(nn.Sequential(*layers), input=pl.ImageInput(6))
    [usual] = pl.circuit(net, "6:2", steps=1)
    assert usual.without_picture == ()
    [one] = pl.circuit(net, "6:2", steps=1, pictures=24)
    drawn = one.pictures.keys() - {"6:2"} - one.portraits.filters
    assert len(drawn) == 24
    rows = rows_of(one)
    assert len(rows) == 6
    for few in rows:  # the strongest of each row have theirs
        assert few[0].unit in drawn
        assert few[1].unit in drawn
    by_weight = {each.unit for each in one.below.weights.both}
    assert len(drawn & by_weight) == 12
    every = {each.unit for few in rows for each in few}
    assert set(one.without_picture) == every - one.pictures.keys()
    assert one.to_json()["pictures_needed"] == one.needed == len(every)
    words = one._bare_words(one._rows())
    assert words == f"{len(every) - 24} partners without a picture: --pictures {len(every)} would draw them."
    [whole] = pl.circuit(net, "6:2", steps=1, pictures=one.needed)
    assert whole.without_picture == ()
    assert whole.needed == 0
    assert whole._bare_words(whole._rows()) is None
    [none] = pl.circuit(net, "6:2", steps=0)
    assert none.needed == len(every)
    assert none._bare_words(none._rows()).endswith(f"--pictures {len(every)} --steps 32 would draw them.")
