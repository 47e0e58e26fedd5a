# SPDX-License-Identifier: Apache-2.0
"""How the documentation is built: Sphinx with furo; the examples in it run at build (`make docs`)."""

from pathlib import Path

import pellucid
from pellucid.data.tiles import PHOTOGRAPHS, load_photograph

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


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", draw_first_layer)  # type: ignore[attr-defined]
