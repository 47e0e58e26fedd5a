# SPDX-License-Identifier: Apache-2.0
"""An atlas that knows some units of a layer: loud units that it does not know must not lie buried behind those it does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.errors import InputError
from pellucid.look.layer_look import LayerLook
from pellucid.look.plate import plate_of

UNITS = 80


@pytest.fixture(scope="module")
def net() -> pl.Net:
    """One layer of eighty units: unit k sees the mean of the red channel times k + 1, less a constant."""
    module = nn.Sequential(nn.Conv2d(3, UNITS, 2, stride=2), nn.ReLU(), nn.Conv2d(UNITS, 2, 1))
    with torch.no_grad():
        module[0].weight.zero_()
        module[0].weight[:, 0] = (torch.arange(UNITS).view(-1, 1, 1) + 1.0) / 4
        module[0].bias.fill_(-0.25)
    return pl.load(module.eval(), input=pl.ImageInput(16))


@pytest.fixture(scope="module")
def partial(net, photos, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("partial") / "some.atlas"
    pl.survey(net, photos, path, "0:0-3", kinds=["examples"])
    return path


@pytest.fixture(scope="module")
def found(net, partial) -> pl.Look:
    pixels = np.random.default_rng(0).random((16, 16, 3))
    return pl.look(net, pixels, layers=["0"], atlas=partial, methods=(), groups=0)


def test_units_go_by_what_is_known_of_all(net, found, photos, tmp_path) -> None:
    layer = found.layer("0")
    assert not layer.by_rarity
    assert layer.peak_order() == list(range(UNITS))[::-1]  # the loudest first, whatever the atlas knows
    sheet = found.sheet("0", most=79).svg({})
    assert "with the highest peak" in sheet
    assert "where the atlas knows" in sheet
    assert sheet.count("not in the atlas") == 76  # of the seventy-nine shown three are known
    whole = tmp_path / "whole.atlas"
    pl.survey(net, photos, whole, "0", kinds=["examples"])
    other = pl.look(net, found.image, layers=["0"], atlas=whole, methods=(), groups=0)
    assert other.layer("0").by_rarity
    by = other.layer("0").order.max(1)
    assert other.layer("0").peak_order() == np.argsort(-by, kind="stable").tolist()
    assert "whose answer is rarest for them" in other.sheet("0").svg({})


def test_two_looks_are_told_apart_by_what_is_known_of_all(net, found, partial) -> None:
    dark = pl.look(net, np.zeros((16, 16, 3)), layers=["0"], atlas=partial, methods=(), groups=0)
    assert [unit for unit, _, _ in found.beside(dark).differences("0")] == list(range(79, 67, -1))


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(found, share) -> None:
    with pytest.raises(InputError, match="it runs from 0 to 1"):
        found.mask("0:3", share)


def test_at_a_cell_the_unknown_come_last_and_the_loudest_of_them_first(found) -> None:
    layer = found.layer("0")
    cell = int(layer.maps[3].argmax())
    rare = LayerLook(layer.layer, layer.maps, layer.places, layer.entries, (), 8).rare
    units = rare.units[cell].tolist()
    assert sorted(units[:4]) == [0, 1, 2, 3]
    assert units[4:] == [79, 78, 77, 76]


def test_what_is_silent_comes_after_all_that_fires_known_or_not(found) -> None:
    layer = found.layer("0")
    maps = layer.maps.copy()
    maps[[0, 1]] = -np.abs(maps[[0, 1]]) - 0.01  # known, and silent now
    units = LayerLook(layer.layer, maps, layer.places, layer.entries, (), 80).rare.units
    cell = int((maps > 0).sum(0).argmax())
    firing = [bool(maps[unit, cell] > 0) for unit in units[cell]]
    assert not maps[0, cell] > 0
    assert firing == sorted(firing, reverse=True)
    assert units[cell].tolist().index(79) < units[cell].tolist().index(0)


def test_the_page_says_what_is_known_and_how_units_are_put_in_order(found, tmp_path) -> None:
    [layer] = plate_of(found, site=None).layers
    assert "The atlas knows 4 of its 80 units" in layer.data["words"]
    assert "One position of each of its 40 images tells no share finer than 2.4 %" in layer.data["words"]
    assert layer.data["pictures"]["kinds"] == dict.fromkeys(range(4), "strongest example")
    assert not layer.data["byRarity"]
    assert layer.data["finest"] == pytest.approx(1 / 41)
    page = found.save(tmp_path / "out").read_text()
    assert "of a unit that the atlas does not know, its map over this image stands there instead" in page
    bare = pl.look(pl.load("demo"), np.zeros((96, 96, 3)), layers=["conv2"], methods=(), groups=0)
    page = bare.save(tmp_path / "bare").read_text()
    assert "what they look for an atlas shows" in page
    assert "what the atlas shows it to look for" not in page
    data = json.loads(re.search(r"window\.pellucidLook = (.*);\n", page)[1])
    assert not data["plates"][0]["pictured"]


def test_a_reader_sees_order_colors_and_kinds_of_pictures(found, browser, tmp_path) -> None:
    report = found.save(tmp_path / "out")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelectorAll('.unit-maps li').length > 0")
    maps = page.locator(".unit-maps button")
    assert page.locator(".sort-choice").input_value() == "peak"
    assert maps.first.get_attribute("value") == "79"
    assert maps.count() == 60
    assert page.locator(".count").text_content().startswith("The first 60 of 80 maps.")
    page.locator(".more").click()
    assert maps.count() == UNITS
    assert page.locator(".more").is_hidden()
    grid = page.locator(".unit-maps")
    assert grid.evaluate("each => each.scrollHeight <= each.clientHeight + 1")  # nothing is cut off
    page.select_option(".sort-choice", "rarest")
    assert sorted(int(maps.nth(place).get_attribute("value")) for place in range(4)) == [0, 1, 2, 3]
    page.select_option(".sort-choice", "index")
    assert [maps.nth(place).get_attribute("value") for place in range(3)] == ["0", "1", "2"]
    assert page.locator(".legend").inner_text() == (
        "blue: below zero\nwhite: zero\nred: above zero"
        if (found.layer("0").maps.min(1) < 0).all()
        else "blue: below zero\nwhite: zero\nred: above zero\nof one sign, dark: its lowest\nlight: its highest"
    )
    assert set(page.locator(".firing .kind").all_text_contents()) <= {"its map here", "strongest example"}
    assert page.locator(".firing .kind").count() == 4
    page.locator(".unit-maps button[value='79']").click()
    ticks = page.locator(".color-scale .ticks span").all_text_contents()
    assert len(ticks) in (2, 3)
    assert float(ticks[-1].replace("\u2212", "-")) == pytest.approx(
        np.abs(found.layer("0").maps[79]).max(), rel=1e-2
    )
    page.close()
