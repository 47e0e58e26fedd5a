# SPDX-License-Identifier: Apache-2.0
"""Examples against planted answers, and against NumPy on the real network over the real photographs."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD, EDGE
from PIL import Image, ImageDraw

import pellucid as pl
from pellucid.data import open_source
from pellucid.errors import InputError
from pellucid.figures.stamp import read_stamp
from pellucid.records import Unit


@pytest.fixture(scope="module")
def found(planted: pl.Net, planted_photos: Path) -> object:
    return pl.examples(planted, planted_photos, "conv")


def test_the_planted_item_and_position_are_on_top(found: object) -> None:
    best = found[EDGE].bands["max"][0]
    assert best.item == "edge.png"
    assert best.response == pytest.approx(11.25)
    # The kernel's edge lies between its columns 1 and 2: at 20 it stands where x + 2 = 20; the first row of all ties.
    assert best.position == (0, 18)
    assert best.box == (18, 0, 23, 5)


def test_the_color_unit_tells_red_from_green(found: object) -> None:
    bands = found[COLOR].bands
    assert (bands["max"][0].item, bands["max"][0].response) == ("red.png", 25.0)
    assert (bands["min"][0].item, bands["min"][0].response) == ("green.png", -25.0)


def test_ties_go_to_the_earlier_item(found: object) -> None:
    names = [example.item for example in found[COLOR].bands["max"][1:]]
    assert names == ["edge.png", *[f"gray-{number}.png" for number in range(7)]]


def test_the_dead_unit_is_named_dead(found: object) -> None:
    assert found[DEAD].stats.dead
    assert not found[EDGE].stats.dead


def test_the_broken_file_is_skipped_with_its_reason(found: object) -> None:
    assert found.items == 14
    assert [item for item, _ in found.skipped] == ["broken.png"]
    assert found.skipped[0][1]


def test_the_bands_run_from_strongest_to_opposite(found: object) -> None:
    assert list(found[COLOR].bands) == ["max", "slightly_positive", "near_zero", "slightly_negative", "min"]
    # Away from red, green and the edge all pictures are gray, and this unit answers 0 to them.
    assert {example.response for example in found[COLOR].bands["near_zero"]} == {0.0}
    assert [example.item for example in found[COLOR].bands["slightly_positive"]] == ["red.png"]
    assert [example.item for example in found[COLOR].bands["slightly_negative"]] == ["green.png"]
    assert [(level.count, level.examples[0].item) for level in found[COLOR].levels if level.low > 0] == [
        (1, "red.png")
    ]
    assert sum(level.count for level in found[COLOR].levels) == sum(found[COLOR].histogram.counts) == 13


def test_a_rectified_layer_has_no_negative_band_and_says_who_has(
    planted: pl.Net, planted_photos: Path
) -> None:
    [one] = pl.examples(planted, planted_photos, "relu:0")
    assert list(one.bands) == ["max", "slightly_positive", "near_zero"]
    assert "troughs" not in one.peaks
    for name in ("min", "slightly_negative"):
        assert "conv" in one.figures[f"{name}_note"].value


def test_response_maps_are_those_of_the_items(planted: pl.Net, planted_photos: Path, found: object) -> None:
    strip = found[EDGE].items["max"].maps
    assert (strip.width, strip.height, strip.count, strip.full) == (28, 28, 9, 11.25)
    colors = np.asarray(strip.image(0)).astype(int)
    assert (colors[:, 18] == colors[0, 18]).all()  # the edge runs from top to bottom
    assert (np.abs(colors - colors[0, 18]).sum(-1) == 0).sum() == 28
    assert strip.blob in set(found[EDGE].items["min"].blobs())  # one file for all bands


def test_what_excites_a_unit_by_class(planted: pl.Net, tmp_path: Path) -> None:
    shades = {"red": (255, 0, 0), "green": (0, 255, 0), "gray": (90, 90, 90)}
    for name, shade in shades.items():
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("RGB", (32, 32), shade).save(tmp_path / name / f"{number}.png")
    source = open_source(tmp_path)
    [one] = pl.examples(planted, source, f"conv:{COLOR}", per_class=True)
    assert one.classes.top == (("red", 25.0), ("gray", 0.0), ("green", -25.0))
    assert one.classes.selectivity == 1.0
    assert {name: (best.item, best.response) for name, best in one.classes.best.items()} == {
        "gray": ("gray/0.png", 0.0),
        "green": ("green/0.png", -25.0),
        "red": ("red/0.png", 25.0),
    }
    assert one.to_json()["classes"]["best"][2]["class"] == "red"
    assert pl.examples(planted, source, f"conv:{COLOR}")[0].classes.best == {}


def test_classes_of_data_that_has_none_are_refused(planted: pl.Net, planted_photos: Path) -> None:
    with pytest.raises(InputError, match="has no classes"):
        pl.examples(planted, planted_photos, "conv:0", per_class=True)


def test_the_optimum_has_a_place_on_the_histogram_of_peaks(found: object) -> None:
    peaks = found[EDGE].figures["peaks"]
    assert peaks.placed == (("optimum", "optimum", "extreme_positive"),)
    assert peaks.marks == (("the highest real one", 11.25),)
    assert peaks.standing(22.5) == "2 times the highest real one, above all 13"


def test_what_cannot_be_relied_on_is_said_in_the_result(planted: pl.Net) -> None:
    pixels = np.zeros((4, 32, 32, 3), np.uint8)
    found = pl.examples(planted, [(each, place / 2) for place, each in enumerate(pixels)], "conv:0")
    assert found.notes == ("the labels are float, no whole numbers or words: there are no classes",)
    assert found.notes[0] in repr(found)
    assert found.to_json()["notes"] == list(found.notes)
    assert found[0].figures["caution"].value == found.notes[0]
    assert found[:1].notes == found.notes


def test_all_numbers_of_a_unit_stand_in_one_place(found: object) -> None:
    stats = found[COLOR].stats
    assert (stats.count, stats.max, stats.spots) == (13 * 28 * 28, 25.0, 13)
    assert stats.to_json() == found[COLOR].to_json()["stats"]
    assert stats.quantiles["p50"] == 0.0


def test_a_page_says_of_quantiles_no_more_than_the_positions_drawn_tell(found: object) -> None:
    table = found[COLOR].figures["quantiles"]
    assert table.columns == ("share of responses below", "1 %", "5 %", "25 %", "50 %", "75 %", "95 %", "99 %")
    value, low, high = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    # Thirteen positions tell where the median lies, and not where the outermost quantiles do.
    assert low["50 %"] <= value["50 %"] <= high["50 %"]
    assert value["99 %"] is None
    assert high["99 %"] is None
    assert low["1 %"] is None


def test_sheets_are_titled_and_carry_their_provenance(found: object, tmp_path: Path) -> None:
    one = found[EDGE]
    path = one.save(tmp_path / "edge")
    assert path.name == "edge.png"
    stamp = read_stamp(path)
    assert (stamp["unit"], stamp["method"], stamp["settings"]["items"]) == (f"conv:{EDGE}", "examples", 14)
    assert str(tmp_path) not in json.dumps(stamp)
    untitled = sum(Image.open(io.BytesIO(band.png())).height for band in one.items.values() if band.items)
    assert one.plot().height > untitled
    assert repr(one).startswith(f"<examples of conv:{EDGE}: 9 max, ")


def test_all_units_on_one_sheet(found: object) -> None:
    sheet = Image.open(io.BytesIO(found._repr_png_()))
    assert sheet.size == found.plot().size
    assert read_stamp(found._repr_png_())["units"] == [str(unit.unit) for unit in found]


def test_the_names_of_units_are_written_out_on_the_sheet_of_all(
    found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    draw = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda pen, at, words, *more, **how: (written.append(words), draw(pen, at, words, *more, **how)),
    )
    deep = dataclasses.replace(found[EDGE], unit=Unit("features.12.expand3x3", 214))
    type(found)([deep], 14, ()).plot()
    assert {"features.12.", "expand3x3:214"} <= set(written)
    assert not any("…" in words for words in written)


def test_saved_sheets_and_numbers(found: object, tmp_path: Path) -> None:
    numbers = json.loads(found.save(tmp_path).read_text())
    assert numbers["units"][EDGE]["bands"]["max"][0]["item"] == "edge.png"
    with Image.open(tmp_path / "conv-0.png") as sheet:
        assert sheet.width > 500


def brute_force(real_data: Path, layer: str) -> tuple[list[str], np.ndarray]:
    """All responses (N, K, h, w) of a SqueezeNet layer to the photographs, by torchvision's own preprocessing and module."""
    import torchvision
    from safetensors.torch import load_file

    net = torchvision.models.squeezenet1_0()
    weights = load_file(real_data / "squeezenet" / "squeezenet1_0.safetensors")
    net.load_state_dict({name: weight.float() for name, weight in weights.items()})
    net.eval()
    for module in net.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    recipe = torchvision.models.SqueezeNet1_0_Weights.IMAGENET1K_V1.transforms()
    kept: list[torch.Tensor] = []
    net.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2].detach()))
    names = sorted((path.name for path in (real_data / "photos").iterdir()), key=str.encode)
    for start in range(0, len(names), 32):
        chosen = names[start : start + 32]
        batch = torch.stack(
            [recipe(Image.open(real_data / "photos" / name).convert("RGB")) for name in chosen]
        )
        padded = torch.cat(
            [batch, batch.new_zeros(32 - len(batch), *batch.shape[1:])]
        )  # the same batch shape
        with torch.inference_mode():
            net(padded)
        kept[-1] = kept[-1][: len(batch)].clone()
    return names, torch.cat(kept).numpy()


@pytest.mark.slow  # the scan's own test does it on each run; this one goes the whole way to the examples
@pytest.mark.timeout(600)
@pytest.mark.parametrize("layer", ["features.4.squeeze", "features.7.expand3x3"])
def test_bands_and_statistics_equal_numpy_on_squeezenet(real_data: Path, layer: str) -> None:
    names, responses = brute_force(real_data, layer)
    net = pl.load(
        "torchvision/squeezenet1_0",
        weights=real_data / "squeezenet" / "squeezenet1_0.safetensors",
        normalize="imagenet",
    )
    found = pl.examples(net, real_data / "photos", layer)
    items, count, height, width = responses.shape
    assert len(found) == count
    for unit, one in enumerate(found):
        maps = responses[:, unit].reshape(items, -1)
        for name, sign in (("max", 1), ("min", -1)):
            signed = sign * maps
            peaks, places = signed.max(1), signed.argmax(1)
            order = np.lexsort((np.arange(items), -peaks))[:9]
            band = one.bands[name]
            assert [example.item for example in band] == [names[row] for row in order]
            assert [example.position for example in band] == [
                tuple(divmod(int(places[row]), width)) for row in order
            ]
            np.testing.assert_allclose([example.response for example in band], sign * peaks[order], rtol=1e-5)
        exact = maps.astype(np.float64)
        assert one.stats.count == exact.size
        assert one.stats.mean == pytest.approx(exact.mean(), rel=1e-6, abs=1e-9)
        assert one.stats.variance == pytest.approx(exact.var(), rel=1e-6)
        assert (one.stats.min, one.stats.max) == (pytest.approx(exact.min()), pytest.approx(exact.max()))
        assert one.stats.zero_share == pytest.approx((exact == 0).mean())
    assert height == width


def test_boxes_are_the_receptive_field_in_the_item(real_data: Path) -> None:
    net = pl.load(
        "torchvision/squeezenet1_0",
        weights=real_data / "squeezenet" / "squeezenet1_0.safetensors",
        normalize="imagenet",
    )
    found = pl.examples(net, real_data / "photos", "features.0:0-3")
    for one in found:
        for example in one.bands["max"]:
            with Image.open(real_data / "photos" / example.item) as image:
                width, height = image.size
            # A 7x7 kernel of stride 2 without padding; shorter side to 256, center crop 224.
            resized = (int(256 * width / min(width, height)), int(256 * height / min(width, height)))
            left, top = (round((side - 224) / 2) for side in resized)
            y, x = example.position
            wanted = (
                (2 * x + left) * width / resized[0],
                (2 * y + top) * height / resized[1],
                (2 * x + 7 + left) * width / resized[0],
                (2 * y + 7 + top) * height / resized[1],
            )
            rounded = (int(wanted[0]), int(wanted[1]), int(np.ceil(wanted[2])), int(np.ceil(wanted[3])))
            np.testing.assert_allclose(example.box, rounded, atol=1)
