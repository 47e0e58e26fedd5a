# SPDX-License-Identifier: Apache-2.0
"""The agreement, as the founding text tells it, on free kernels and on the first layers of networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import EDGE, planted_net
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.cli import run
from pellucid.errors import InputError, UnknownName
from pellucid.figures.stamp import read_stamp

LAPLACIAN = "0 1 0; 1 -4 1; 0 1 0"


@pytest.mark.parametrize("level", range(0, 256, 5))
def test_the_laplacian_answers_nothing_on_a_flat_image(level: int) -> None:
    assert (pl.respond(Image.new("L", (9, 7), level), kernel=LAPLACIAN).maps == 0).all()


def test_the_laplacian_answers_the_step_where_upper_and_lower_half_differ() -> None:
    upper, lower = 51, 204
    pixels = np.repeat(np.array([upper, lower], np.uint8), 5)[:, None].repeat(12, 1)
    found = pl.respond(Image.fromarray(pixels), kernel=LAPLACIAN)
    step = (lower - upper) / 255
    wanted = np.zeros((8, 10))
    wanted[3], wanted[4] = step, -step  # rows 4 and 5 of the image: above the border, and below
    np.testing.assert_allclose(found.maps, wanted, atol=1e-12)
    assert found.to_json()["shape"] == [8, 10]
    assert found.probe.sum == pytest.approx(step)


def test_the_probe_is_patch_times_filter() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    found = pl.respond(image, kernel=LAPLACIAN, at=(4, 7))
    probe = found.to_json()["probe"]
    product = np.array(probe["patch"]) * np.array(probe["filter"])
    np.testing.assert_allclose(product, probe["product"])
    assert probe["sum"] == pytest.approx(product.sum()) == pytest.approx(found.maps[4, 7])


def normalized_net(padding: int) -> tuple[pl.Net, nn.Conv2d]:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 5, stride=2, padding=padding)
    image = pl.ImageInput(24, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    return pl.load(nn.Sequential(conv, nn.ReLU(inplace=True)).eval(), input=image), conv


@pytest.mark.parametrize("padding", [0, 2])
def test_a_unit_answers_as_the_layer_itself(padding: int) -> None:
    net, conv = normalized_net(padding)
    pixels = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    tensor = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None].float()
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (net.input.mean, net.input.std))
    with torch.no_grad():
        wanted = conv((tensor - mean) / std)[0, 3].numpy()
    for at in (None, (0, 0), (5, 6)):
        found = pl.respond(Image.fromarray(pixels), net=net, unit="0:3", at=at)
        np.testing.assert_allclose(found.maps, wanted, atol=1e-4)
        # At the corner the padding counts as well.
        assert found.probe.sum == pytest.approx(wanted[found.probe.y, found.probe.x], abs=1e-4)


def test_all_filters_of_the_first_layer_at_once() -> None:
    net, _ = normalized_net(0)
    found = pl.respond(Image.new("RGB", (24, 24), (10, 200, 30)), net=net)
    assert found.maps.shape == (5, 10, 10)
    assert found.to_json()["filters"] == 5


def test_the_edge_unit_is_strongest_on_the_edge() -> None:
    net = pl.load(planted_net(), input=pl.ImageInput(32))
    image = Image.new("RGB", (32, 32))
    image.paste((255, 255, 255), (16, 0, 32, 32))
    found = pl.respond(image, net=net, unit=f"conv:{EDGE}")
    assert found.probe.sum == pytest.approx(11.25)
    assert found.probe.x == 14


def test_figure_and_provenance(tmp_path: Path) -> None:
    found = pl.respond(Image.new("RGB", (30, 20), "red"), kernel="laplacian")
    stamp = read_stamp(found.save(tmp_path / "r.png"))
    assert stamp is not None
    assert stamp["kernel"] == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    assert found.save(tmp_path / "r.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"kernel": "0 1; 1"}, InputError, "row"),
        ({"kernel": "laplacien"}, InputError, "laplacian"),
        ({"kernel": np.ones((40, 40))}, InputError, "40x40"),
        ({}, InputError, "kernel"),
        ({"kernel": LAPLACIAN, "at": (99, 0)}, InputError, "99"),
    ],
)
def test_bad_input(more: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        pl.respond(Image.new("RGB", (16, 16)), **more)


def test_a_deeper_unit_and_a_bare_layer_are_refused() -> None:
    net = pl.load(planted_net(), input=pl.ImageInput(32))
    with pytest.raises(InputError, match="conv does"):
        pl.respond(Image.new("RGB", (32, 32)), net=net, unit="fc:0")
    with pytest.raises(InputError, match="LAYER:INDEX"):
        pl.respond(Image.new("RGB", (32, 32)), net=net, unit="conv")


def test_a_missing_picture() -> None:
    with pytest.raises(UnknownName, match="nothing"):
        pl.respond("nothing.jpg", kernel=LAPLACIAN)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (40, 30), "white").save(tmp_path / "white.png")
    picture = tmp_path / "r.png"
    assert (
        run(["respond", str(tmp_path / "white.png"), "--kernel", LAPLACIAN, "-o", str(picture), "--json"])
        == 0
    )
    import json

    document = json.loads(capsys.readouterr().out)
    assert document["shape"] == [28, 38]
    assert (document["min"], document["max"]) == (0, 0)
    assert document["picture"] == str(picture)
    assert set(document["probe"]) >= {"y", "x", "patch", "filter", "product", "sum"}


def check_refused(answer: Callable[[], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer() == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("extra", [["--kernel", "1 2; 3"], [], ["--kernel", LAPLACIAN, "--at", "7"]])
def test_the_command_refuses_in_one_line(
    extra: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "i.png")
    check_refused(
        lambda: run(["respond", str(tmp_path / "i.png"), *extra, "-o", str(tmp_path / "o.png")]), capsys
    )


def test_a_linear_layer_on_the_whole_image_has_one_response() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 2))
    net = pl.load(module, input="1x8x8", normalize="none")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    found = pl.respond(Image.fromarray(pixels), net=net, unit="1:3")
    wanted = module[1](torch.from_numpy(pixels / 255).float().reshape(1, -1))[0, 3].item()
    assert found.maps.shape == (1, 1)
    assert found.probe.sum == pytest.approx(wanted, abs=1e-5)
    assert found.probe.patch.shape == (8, 8)  # a gray patch has no axis of channels
    assert pl.respond(Image.fromarray(pixels), net=net).maps.shape == (5, 1, 1)
    assert found.plot().width > 0


class Tokens(nn.Module):
    """Patches laid out as a sequence before a linear layer weighs them, as in MLP-Mixer written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Linear(3 * 4 * 4, 6)
        self.fc = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        rows = x.reshape(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * 16)
        return self.fc(self.patches(rows).relu().mean(1))


def test_tokens_in_rows_are_a_map() -> None:
    torch.manual_seed(0)
    module = Tokens()
    net = pl.load(module, input="3x12x16", normalize="none")
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    found = pl.respond(Image.fromarray(pixels), net=net, unit="patches:2", at=(2, 1))
    assert found.maps.shape == (3, 4)
    assert found.probe.box == (4, 8, 8, 12)
    assert found.probe.sum == pytest.approx(found.maps[2, 1], abs=1e-5)


def test_an_array_with_the_nets_channels_and_a_picture_without() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 3, 3)
    net = pl.load(nn.Sequential(conv), input="4x9x9", normalize="none")
    pixels = np.random.default_rng(0).random((9, 9, 4))
    found = pl.respond(pixels, net=net, unit="0:1")
    wanted = conv(torch.from_numpy(pixels).float().permute(2, 0, 1)[None])[0, 1].detach().numpy()
    np.testing.assert_allclose(found.maps, wanted, atol=1e-5)
    with pytest.raises(InputError, match="takes 4 channels; a picture has red, green and blue"):
        pl.respond(Image.new("RGB", (9, 9)), net=net)
    with pytest.raises(InputError, match=r"fed 9x9x4"):
        pl.respond(pixels[..., :3], net=net)
    with pytest.raises(InputError, match=r"0\.\.1"):
        pl.respond(pixels * 255, net=net)


def test_a_position_in_the_address() -> None:
    net, _ = normalized_net(0)
    image = Image.new("RGB", (24, 24), (10, 200, 30))
    probe = pl.respond(image, net=net, unit="0:3@4,5").probe
    assert (probe.y, probe.x) == (4, 5)
    assert pl.respond(image, net=net, unit="0:3@center").probe.y == 5
    with pytest.raises(InputError, match="name one position"):
        pl.respond(image, net=net, unit="0:3@4,5", at=(1, 1))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"kernel": LAPLACIAN, "unit": "0:3"}, "goes with a model"),
        ({"net": True, "pad": "zero"}, "goes with a kernel"),
        ({"net": True, "color": True}, "goes with a kernel"),
        ({"net": True, "at": (0, 0)}, "goes with one unit"),
        ({"net": True, "unit": "0:0-3"}, "is 4 units"),
    ],
)
def test_options_that_do_not_go_together_are_refused(more: dict[str, object], words: str) -> None:
    net, _ = normalized_net(0)
    asked = {**more, "net": net} if "net" in more else more
    with pytest.raises(InputError, match=words):
        pl.respond(Image.new("RGB", (24, 24)), **asked)


def test_what_a_relu_cuts_off_is_black() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    with torch.no_grad():
        module[0].weight.fill_(1).mul_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        module[0].bias.zero_()
    net = pl.load(module, input="3x8x8", normalize="none")
    found = pl.respond(Image.new("RGB", (8, 8), "white"), net=net)
    labels = [mark.words for mark in found.page.marks if hasattr(mark, "words")]
    assert any("which 1 cuts off" in words for words in labels)
    assert {"0 · 3", "1 · silent"} <= set(labels)
    assert found.maps.min() == -3  # the numbers stay as the layer gives them


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_at_the_border_the_patch_is_what_the_padding_makes_of_the_image(mode: str) -> None:
    """Every position's sum is the response, and the patch is cut from the image as torch pads it."""
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 2, 5, stride=2, padding=2, padding_mode=mode)
    net = pl.load(torch.nn.Sequential(conv), input=pl.ImageInput((12, 17)))
    image = np.random.default_rng(0).random((12, 17, 3))
    fed = torch.from_numpy(image).permute(2, 0, 1)[None]
    padded = torch.nn.functional.pad(fed, (2,) * 4, mode={"zeros": "constant"}.get(mode, mode))[0].numpy()
    for y, x in np.ndindex(6, 9):
        found = pl.respond(image, net=net, unit="0:1", at=(y, x))
        np.testing.assert_allclose(
            found.probe.patch, padded[:, 2 * y : 2 * y + 5, 2 * x : 2 * x + 5], atol=1e-12
        )
        assert found.probe.to_json()["sum"] == pytest.approx(float(found.maps[y, x]), abs=1e-5)


def test_a_kernel_of_ragged_rows_is_refused() -> None:
    for kernel in ([[0, 1], [1]], [["a", "b"]]):
        with pytest.raises(InputError, match="no rectangle of numbers"):
            pl.respond(np.zeros((8, 8), np.uint8), kernel=kernel)
