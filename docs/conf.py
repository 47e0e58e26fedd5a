# SPDX-License-Identifier: Apache-2.0
"""How the documentation is built: Sphinx with furo; the examples in it run at build (`make docs`)."""

import pellucid

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
