# SPDX-License-Identifier: Apache-2.0
"""Examples against planted answers, and against NumPy on the real network over the real photographs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import COLOR, DEAD, EDGE
from PIL import Image

import pellucid as pl
from pellucid.figures.stamp import read_stamp


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


def test_a_rectified_layer_has_no_negative_band(planted: pl.Net, planted_photos: Path) -> None:
    assert set(pl.examples(planted, planted_photos, "relu:0")[0].bands) == {"max"}


def test_sheets_are_titled_and_carry_their_provenance(found: object, tmp_path: Path) -> None:
    one = found[EDGE]
    path = one.save(tmp_path / "edge")
    assert path.name == "edge.png"
    stamp = read_stamp(path)
    assert (stamp["unit"], stamp["method"], stamp["settings"]["items"]) == (f"conv:{EDGE}", "examples", 14)
    assert str(tmp_path) not in json.dumps(stamp)
    untitled = sum(Image.open(io.BytesIO(band.png())).height for band in one.items.values())
    assert one.plot().height > untitled
    assert repr(one) == f"<examples of conv:{EDGE}: 9 max, 9 min>"


def test_all_units_on_one_sheet(found: object) -> None:
    sheet = Image.open(io.BytesIO(found._repr_png_()))
    assert sheet.size == found.plot().size
    assert read_stamp(found._repr_png_())["units"] == [str(unit.unit) for unit in found]


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
