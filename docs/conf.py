# SPDX-License-Identifier: Apache-2.0
"""How the documentation is built: Sphinx with furo; the examples in it run at build (`make docs`)."""

import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

import pellucid
from pellucid.ascent import CANVASES
from pellucid.attribution import METHODS, map_pixels
from pellucid.data.tiles import PHOTOGRAPHS, load_photograph
from pellucid.evidence.optima import Optima
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.words import value_words
from pellucid.stimuli import FAMILIES, Frame, batteries

project = "Pellucid"
author = "The Pellucid authors"
copyright = "2026, the Pellucid authors"
version = release = pellucid.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "Pellucid"
exclude_patterns = ["_build"]
autodoc_typehints = "signature"
napoleon_numpy_docstring = True
doctest_test_doctest_blocks = ""  # examples in docstrings are run by the test suite
doctest_global_setup = "import pellucid as pl"


def draw_first_layer(app: object) -> None:
    """The figures of the page on the first layer, from the network and the code as they are now."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    drawn.mkdir(parents=True, exist_ok=True)
    photograph = load_photograph(next(one for one in PHOTOGRAPHS if one.name == "cat"))
    net = pellucid.load("demo")
    pellucid.filters(net).save(drawn / "filters.png")
    pellucid.respond(photograph, kernel="laplacian").save(drawn / "laplacian.png")
    pellucid.respond(photograph, net=net, unit="conv1:10").save(drawn / "unit.png")
    pellucid.respond(photograph, net=net).save(drawn / "responses.png")


def draw_optima(app: object) -> None:
    """The figures of the page on optimized inputs: one unit on every canvas, with several objectives, and in several pictures."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    net = pellucid.load("demo")

    def made(*asked: object, **settings: object) -> Optima:
        return pellucid.optimize(net, *asked, sign="+", **settings)

    canvases = [(made("conv5:9", canvas=canvas)[0], canvas) for canvas in CANVASES]
    aims = [
        (made("conv5:9")[0], "channel"),
        (made("conv5:9", objective="excitation")[0], "excitation"),
        (made("conv5:9@center")[0], "neuron"),
        (made("conv5", objective="layer")[0], "layer"),
        (made("logits:1")[0], "logit"),
    ]
    for name, pictures in (("canvases", canvases), ("objectives", aims)):
        tiles = [(one.image, f"{word}\n{value_words(one.activation)}") for one, word in pictures]
        sheet = contact_sheet(tiles, columns=len(tiles), tile_px=144)
        sheet.save(drawn / f"{name}.png")
    made("conv5:10", pictures=4).plot().save(drawn / "diversity.png")


def draw_look(app: object) -> None:
    """The figures of the page on looking at an image: units of a layer on a photograph, with optima as their pictures."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    photograph = load_photograph(next(one for one in PHOTOGRAPHS if one.name == "cat"))
    net, atlas = pellucid.load("demo"), drawn / "look.atlas"
    pellucid.survey(
        net, "demo", atlas, "conv4", kinds=["optimum", "examples"], settings={"sign": "+", "steps": 96}
    )
    found = pellucid.look(net, photograph, layers=["conv4"], atlas=atlas, methods=(), groups=0)
    found.sheet("conv4").save(drawn / "look.png")
    found.mask(f"conv4:{found.layer('conv4').peak_order()[0]}").save(drawn / "mask.png")


def draw_tuning(app: object) -> None:
    """The figures of the page on tuning: the families with what varies in them, one stimulus of each, and one unit's sheet."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    frame = Frame((64, 64), 3, (32.0, 32.0), 64.0)
    shown = batteries(list(FAMILIES.values()), frame)
    rows = [
        f"* - {battery.family.title} (``{battery.family.name}``)\n     - "
        + "; ".join(
            f"{axis.title}: {_listed(values)}"
            for axis, values in zip(battery.family.axes, battery.values, strict=True)
        )
        for battery in shown
    ]
    table = ".. list-table::\n   :header-rows: 1\n\n   * - family\n     - what varies (for a field of 64 pixels)\n   "
    (drawn / "families.rst").write_text(table + "\n   ".join(rows) + "\n")
    tiles = []
    for battery in shown:
        for place in (len(battery) // 5, len(battery) * 4 // 7):
            pixels = (battery.at(place).pixels(frame).transpose(1, 2, 0) * 255).round().astype("uint8")
            tiles.append((Image.fromarray(pixels), battery.family.title))
    contact_sheet(tiles, columns=11, tile_px=96).save(drawn / "stimuli.png")
    pellucid.tuning("demo", "conv2:3")[0].save(drawn / "tuning.png")


def _listed(values: tuple[float | str, ...]) -> str:
    """All of a few values, or the ends of many."""
    words = [value if isinstance(value, str) else value_words(float(f"{value:.3g}")) for value in values]
    return ", ".join(words) if len(words) <= 8 else f"{words[0]}, {words[1]} … {words[-1]}"


def draw_attributions(app: object) -> None:
    """The figures of the page on attribution: one method as a page, all of them on a sheet, and a cascade."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    photograph = load_photograph(next(one for one in PHOTOGRAPHS if one.name == "cat"))
    net = pellucid.load("demo")
    found = pellucid.attribute(net, photograph, "conv5:9", methods=METHODS)
    tiles = [
        (
            Image.fromarray(map_pixels(one.values, signed=one.signed)).resize((192, 192), 0),
            one.title,
        )
        for one in found
    ]
    contact_sheet([(Image.fromarray(found[0].picture), "the image"), *tiles], columns=3, tile_px=224).save(
        drawn / "methods.png"
    )
    next(one for one in found if one.method == "occlusion").save(drawn / "attribution.png")
    pellucid.cascade(net, photograph, "logits:3", stages=6).save(drawn / "cascade.png")


def draw_remade(app: object) -> None:
    """The figures of the page on inversion: one photograph remade in each way."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    drawn.mkdir(parents=True, exist_ok=True)
    photograph = load_photograph(next(one for one in PHOTOGRAPHS if one.name == "cat"))
    net = pellucid.load("demo")
    pellucid.invert(net, photograph, "conv1", "conv3", "conv5").plot().save(drawn / "inversions.png")
    pellucid.caricature(net, photograph, "conv3", "conv5").plot().save(drawn / "caricatures.png")
    strengths = [
        pellucid.accentuate(net, photograph, "conv5:9", strength=each)[0] for each in (0.3, 1.0, 3.0)
    ]
    tiles = [(one.image, f"strength {one.strength:g}\n{one.caption.splitlines()[1]}") for one in strengths]
    contact_sheet(tiles, columns=len(tiles), tile_px=192).save(drawn / "accentuations.png")
    pellucid.activation_grid(net, photograph, "conv5", cells=6).plot().save(drawn / "grid.png")


def draw_one_unit(app: object) -> None:
    """The figures of the page that follows one unit: its optimum and examples, its parts, what breaks without it."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    net = pellucid.load("demo")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one_unit.atlas"
        parts = pellucid.circuit(net, "conv5:9", steps=0)[0].below.weights
        below = [part.unit for part in (*parts.positive, *parts.negative)]
        pellucid.survey(net, None, path, "conv5:9", *below, kinds=["optimum"], sign="+")
        with pellucid.Atlas.open(path) as atlas:
            [one] = pellucid.circuit(net, "conv5:9", atlas=atlas, steps=0)
            one.plot_parts().save(drawn / "one_unit_parts.png")
            own = one.pictures["conv5:9"]
    examples = pellucid.examples(net, "demo", "conv5:9")[0].items["max"].items[:5]
    tiles = [(own, "optimum"), *((item.tiles()[0], value_words(item.response)) for item in examples)]
    contact_sheet(tiles, columns=6, tile_px=144).save(drawn / "one_unit_optimum.png")
    pellucid.tuning(net, "conv5:9")[0].save(drawn / "one_unit_tuning.png")
    pellucid.ablate(net, "demo", "conv5:9", sample=64).plot().save(drawn / "one_unit_without.png")


DRAWINGS = (
    draw_first_layer,
    draw_optima,
    draw_look,
    draw_attributions,
    draw_remade,
    draw_tuning,
    draw_one_unit,
)


def draw(app: Any) -> None:
    """All figures, where pages are built. The builder that runs the examples shows none, and comes after."""
    drawn = Path(__file__).with_name("_build") / "drawn"
    if app.builder.format == "html" or not drawn.is_dir():
        for drawing in DRAWINGS:
            drawing(app)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", draw)
