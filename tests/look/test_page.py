# SPDX-License-Identifier: Apache-2.0
"""The report in a real browser: what stands at a spot, what a unit shows, themes, phones; no complaint, nothing fetched."""

from __future__ import annotations

import base64
import json
import re
import struct

import pytest
from PIL import Image
from square_net import with_squares

import pellucid as pl
from pellucid.figures.words import value_words
from pellucid.look.plate import plate_of

HOSTILE = "</script><img src=x onerror=window.__p=1>.png"


@pytest.fixture(scope="module")
def reports(net, atlas, tmp_path_factory):
    """A photograph twice as large as what is fed of it, its report, and one of two images."""
    home = tmp_path_factory.mktemp("reports")
    wide = Image.fromarray(with_squares((9, 14, 0), (20, 2, 1))).resize((64, 64), Image.Resampling.NEAREST)
    wide.save(home / "one.png")
    how = {"layers": ["squares", "count"], "atlas": atlas, "groups": 2}
    one = pl.look(net, home / "one.png", methods=["gradcam", "guided_backprop"], **how)
    other = pl.look(net, with_squares((2, 2, 1)), methods=(), **how)
    named = type(other)(
        **{
            **vars(other),
            "image": type(other.image)(other.image.values, other.image.item, other.image.placement, HOSTILE),
        }
    )
    return {
        "one": one.save(home / "out", site=str(home / "site")),
        "two": one.beside(named).save(home / "two"),
        "look": one,
    }


@pytest.fixture
def open_page(browser):
    """Opens reports that must not complain, nor ask for anything."""
    contexts, complaints = [], []

    def start(path, **options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type in ("error", "warning") else 0,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url) if not request.url.startswith(("data:", path.as_uri())) else 0
            ),
        )
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('.unit-maps li').length > 0")
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


def frame(page, name: str) -> list[float]:
    rect = page.locator(f".stage rect.{name}").first
    return [float(rect.get_attribute(each)) for each in ("x", "y", "width", "height")]


def point(page, x: float, y: float) -> None:
    """Rest the pointer on the photograph at its own pixels."""
    stage = page.locator(".stage").first
    box = stage.bounding_box()
    page.mouse.move(box["x"] + x / 64 * box["width"], box["y"] + y / 64 * box["height"])


def test_a_spot_shows_its_field_and_the_units_that_fire_there(open_page, reports) -> None:
    page = open_page(reports["one"])
    page.select_option(".layer-choice", label="squares")
    point(page, 2 * (14 + 2), 2 * (9 + 2))  # the middle of the red square
    assert frame(page, "box") == [28, 18, 8, 8]  # the whole square, in the photograph's own pixels
    layer = reports["look"].layer("squares")
    assert page.locator(".firing .name").all_text_contents() == [
        str(unit) for unit in layer.tops.units[9 * 29 + 14].tolist()
    ]
    assert page.locator(".firing .said").first.text_content() == value_words(
        float(f"{layer.tops.responses[9 * 29 + 14, 0]:.4g}")
    )
    assert page.locator(".firing .looks-for").count() == 3
    assert page.locator(".firing a").first.get_attribute("href").endswith("site/layer/1/0.html")
    inner = frame(page, "cell")
    assert inner[0] <= 2 * 16 <= inner[0] + inner[2]


def test_every_cell_in_the_page_is_that_of_the_look(reports) -> None:
    data = re.search(r"window\.pellucidLook = (.*);\n", reports["one"].read_text())[1]
    squares = json.loads(data)["plates"][0]["layers"][0]
    tops = reports["look"].layer("squares").tops
    count = tops.units.size
    units = struct.unpack(f"<{count}I", base64.b64decode(squares["tops"]["units"]))
    responses = struct.unpack(f"<{count}f", base64.b64decode(squares["tops"]["responses"]))
    assert list(units) == tops.units.ravel().tolist()
    assert list(responses) == tops.responses.ravel().tolist()


def test_cells_part_the_photograph_within_what_was_fed_of_it(net) -> None:
    """Of a wide photograph the middle half is fed: there, and nowhere else, are cells."""
    wide = Image.new("RGB", (128, 64))
    found = pl.look(net, wide, layers=["squares"], methods=(), groups=0)
    plate = plate_of(found, site=None)
    [layer] = plate.layers
    assert plate.fed == (32, 0, 96, 64)
    assert (layer.data["across"][0], layer.data["across"][-1]) == (32, 96)
    assert (layer.data["down"][0], layer.data["down"][-1]) == (0, 64)
    assert layer.data["fields"]["x"][3] == [32 + 2 * 3, 32 + 2 * 7]
    assert layer.data["maps"]["x"][3] == pytest.approx(32 + 2 * (3 + 2), abs=0.01)


def test_arrow_keys_walk_from_cell_to_cell_and_a_click_stays(open_page, reports) -> None:
    page = open_page(reports["one"])
    page.select_option(".layer-choice", label="squares")
    point(page, 20, 20)
    page.mouse.down()
    page.mouse.up()
    before = frame(page, "box")
    page.mouse.move(5, 5)
    assert frame(page, "box") == before
    page.locator(".stage").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    after = frame(page, "box")
    assert [after[0] - before[0], after[1] - before[1]] == [2, 2]
    assert page.url == reports["one"].as_uri()


def test_a_unit_is_shown_large_as_heat_and_as_mask(open_page, reports) -> None:
    page = open_page(reports["one"])
    page.select_option(".layer-choice", label="squares")
    assert page.locator(".large").is_hidden()
    page.locator(".unit-maps button[value='0']").click()
    assert page.locator(".large figcaption").text_content().startswith("squares:0: ")
    color = """(where) => { const canvas = document.querySelector('.large canvas');
        const at = canvas.getContext('2d').getImageData(
            Math.round(where[0] / 64 * canvas.width), Math.round(where[1] / 64 * canvas.height), 1, 1).data;
        return [at[0], at[1], at[2]]; }"""
    page.wait_for_function("document.querySelector('.large canvas').width > 0")
    hot, cold = page.evaluate(color, [32, 22]), page.evaluate(color, [60, 60])
    assert hot[0] > 180 > cold[0]
    page.select_option(".mode-choice", "mask")
    assert page.locator(".cut").is_visible()
    assert page.evaluate(color, [32, 22]) == pytest.approx([255, 0, 0], abs=12)
    page.locator(".unit-maps button[value='0']").click()
    assert page.locator(".large").is_hidden()


def test_layers_turn_by_key_and_the_rarest_come_first_when_asked(open_page, reports) -> None:
    page = open_page(reports["one"])
    page.select_option(".layer-choice", label="squares")
    page.locator(".layer-choice").evaluate("each => each.blur()")
    page.keyboard.press("]")
    assert page.locator(".layer-choice option:checked").text_content() == "count"
    assert page.locator(".order-label").is_hidden()  # the atlas knows nothing of it
    page.keyboard.press("[")
    page.select_option(".order-choice", "rare")
    layer, cell = reports["look"].layer("squares"), page.locator(".where").text_content()
    row, column = map(int, re.match(r"Cell (\d+), (\d+)", cell).groups())
    assert page.locator(".firing .name").all_text_contents() == [
        str(unit) for unit in layer.rare.units[row * 29 + column].tolist()
    ]


def test_cautions_outputs_and_groups_stand_on_the_page(open_page, reports) -> None:
    page = open_page(reports["one"])
    words = page.inner_text("main")
    assert "failed the sanity checks of Adebayo et al. 2018" in words
    assert "Grad-CAM" in words
    assert "red" in page.locator("table").first.inner_text()
    assert page.locator("h2", has_text="Units that fire together in squares").count() == 1


def test_curves_stand_on_the_page_once_and_words_of_a_table_are_whole(net, browser, tmp_path) -> None:
    found = pl.look(
        net,
        with_squares((9, 14, 0)),
        layers=["squares"],
        methods=["guided_backprop"],
        groups=0,
        faithfulness=True,
    )
    report = found.save(tmp_path / "out")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    headings = page.locator("h3").all_text_contents()
    assert "insertion" not in headings
    assert "insertion AUC" in page.inner_text("main")
    lines = page.locator("td", has_text=re.compile("^highest$")).evaluate(
        "each => { const range = document.createRange(); range.selectNodeContents(each); return range.getClientRects().length; }"
    )
    assert lines == 1
    page.close()


def test_two_images_of_one_net_turn_and_choose_together(open_page, reports) -> None:
    page = open_page(reports["two"])
    choices = page.locator(".layer-choice")
    choices.nth(0).select_option(label="count")
    assert [each.evaluate("e => e.selectedOptions[0].textContent") for each in choices.all()] == [
        "count",
        "count",
    ]
    choices.nth(1).select_option(label="squares")
    page.locator(".unit-maps").nth(0).locator("button[value='1']").click()
    assert page.locator(".large:visible").count() == 2
    assert page.evaluate("window.__p") is None
    assert "onerror" in page.locator("h1").inner_text()  # the name is told, and only told


@pytest.mark.parametrize("which", ["one", "two"])
def test_a_phone_needs_no_sideways_scroll(open_page, reports, which) -> None:
    page = open_page(reports[which], viewport={"width": 360, "height": 640}, has_touch=True)
    page.locator(".firing button").first.click()
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_tap_stands_on_a_spot(open_page, reports) -> None:
    page = open_page(reports["one"], viewport={"width": 360, "height": 640}, has_touch=True)
    page.select_option(".layer-choice", label="squares")
    page.locator(".stage").scroll_into_view_if_needed()
    box = page.locator(".stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 22 / 64 * box["height"])
    assert frame(page, "box") == [28, 18, 8, 8]


def test_themes_follow_the_system_and_turn(open_page, reports) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = open_page(reports["one"], color_scheme="light")
    dark = open_page(reports["one"], color_scheme="dark")
    bright, dim = light.evaluate(ground), dark.evaluate(ground)
    assert bright != dim
    light.click("#theme-button")
    assert light.evaluate(ground) == dim


def test_it_reads_without_scripts(open_page, reports, browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(reports["one"].as_uri())
    assert page.locator("table").first.is_visible()
    assert not page.locator(".chooser").first.is_visible()
    assert "all numbers stand in look.json" in page.inner_text("main")
    context.close()
