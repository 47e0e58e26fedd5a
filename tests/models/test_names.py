# SPDX-License-Identifier: Apache-2.0
"""Names of layers and units as people write them, and the answers when there is no such thing."""

from __future__ import annotations

import pytest
import torch
from nets import planted_net, residual_net
from torch import nn

from pellucid.errors import InputError, UnknownName
from pellucid.models import Net, load
from pellucid.records import Unit, UnitQuery


@pytest.fixture(scope="module")
def net() -> Net:
    labels = ["tabby, tabby cat", "crane"]
    return load(planted_net(), input="3x32x32", normalize="none", labels=labels)


def units(net: Net, *queries: str | Unit | UnitQuery) -> list[str]:
    return [str(unit) for unit in net.units(queries)]


def test_units_of_all_forms(net: Net) -> None:
    assert units(net, "conv:3,0-1") == ["conv:3", "conv:0", "conv:1"]
    assert units(net, "fc") == ["fc:0", "fc:1"]
    assert units(net, "conv:1@5,6", "conv:1@center", "conv:1") == ["conv:1@5,6", "conv:1@center", "conv:1"]
    assert units(net, "logits:crane", "logits:tabby, tabby cat") == ["logits:1", "logits:0"]
    assert units(net, Unit("conv", 2), UnitQuery("conv", (2, 3))) == ["conv:2", "conv:3"]
    assert net.units("conv:0") == [Unit("conv", 0)]
    assert units(net, ["conv:0", ("fc:1", Unit("conv", 2))]) == ["conv:0", "fc:1", "conv:2"]


def test_units_of_several_layers_stand_by_commas(net: Net) -> None:
    layers = [layer for layer in net.layers() if layer.units > 3]
    one, other = layers[0].name, layers[1].name
    found = net.units([f"{one}:0-1,3,{other}:2"])
    assert [str(unit) for unit in found] == [f"{one}:0", f"{one}:1", f"{one}:3", f"{other}:2"]


def test_a_comma_in_a_label_parts_nothing() -> None:
    net = load(
        nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()), input="3x1x1", labels=["tabby, cat: gray", "0"]
    )
    assert [unit.index for unit in net.units(["logits:tabby, cat: gray"])] == [0]
    assert [str(unit) for unit in net.units(["logits:tabby, cat: gray,0:1"])] == ["logits:0", "0:1"]


def test_what_names_no_unit_is_told(net: Net) -> None:
    with pytest.raises(InputError, match=r"3 names no unit; write text as features\.7:3"):
        net.units(["conv:1", 3])


def test_layers_show_themselves(net: Net) -> None:
    lines = repr(net.layers()).splitlines()
    assert lines[0].split() == ["layer", "kind", "grid", "units", "sees", "stride"]
    assert lines[1].split()[:2] == ["conv", "Conv2d"]
    assert len(lines) == len(net.layers()) + 1
    assert "<td>conv</td>" in net.layers()._repr_html_()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("conv:4", "conv has 4 units, 4 was asked; they run from 0 to 3"),
        ("conv:2-7", "they run from 0 to 3"),
        ("cov:1", "no layer 'cov'; did you mean conv?"),
        ("conv:1@28,0", r"grid of 28x28 \(positions from 0\), 28,0 was asked"),
        ("conv:1@3", "3 was asked"),
        ("fc:1@0", "fc has no positions"),
        ("fc:1@center", "fc has no positions"),
        ("logits:cran", "no label 'cran'; did you mean crane"),
        ("conv:crane", "only logits has class names"),
    ],
)
def test_units_that_do_not_exist(net: Net, query: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        net.units([query])
    assert "\n" not in str(caught.value)


def test_a_label_that_stands_twice_is_refused_with_its_indices() -> None:
    net = load(planted_net(), input="3x32x32", normalize="none", labels=["crane", "crane"])
    with pytest.raises(UnknownName, match="'crane' stands 2 times: write logits:0 or logits:1"):
        net.units(["logits:crane"])


def test_labels_are_needed_for_a_label() -> None:
    net = load(planted_net(), input="3x32x32", normalize="none")
    with pytest.raises(InputError, match="has no labels; write logits:INDEX"):
        net.units(["logits:crane"])


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, lambda module: torch.compile(module, backend="eager"), lambda module: module]
)
def test_wrappers_are_looked_through(wrap: object) -> None:
    net = load(wrap(residual_net()), input="3x8x8", normalize="none")
    assert net.name == "ResidualNet"
    for prefix in ("", "module.", "_orig_mod.", "model.", "module._orig_mod."):
        assert net.layer(f"{prefix}relu#2").name == "relu#2"


def test_lucents_underscores() -> None:
    module = nn.Sequential()
    module.add_module("layer1", nn.Sequential(nn.Conv2d(3, 2, 1)))
    net = load(module, input="3x8x8", normalize="none")
    assert units(net, "layer1_0:1") == ["layer1.0:1"]


def test_ambiguous_underscores_are_refused() -> None:
    module = nn.Sequential()
    module.add_module("a_b", nn.Sequential(nn.Conv2d(3, 2, 1)))
    module.add_module("a", nn.Sequential())
    module.a.add_module("b_0", nn.Identity())
    net = load(module, input="3x8x8", normalize="none")
    with pytest.raises(UnknownName, match=r"could be a_b\.0 or a\.b_0"):
        net.layer("a_b_0")
