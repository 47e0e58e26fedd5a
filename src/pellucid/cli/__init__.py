# SPDX-License-Identifier: Apache-2.0
"""The command line: one command, one public function. Results on standard output, everything else on standard error.

A command is a file of its own; to add one: its file, and its name in `COMMANDS`.
"""

from __future__ import annotations

import importlib

from pellucid.cli.running import main, run

__all__ = ["COMMANDS", "main", "run"]

# In the order in which --help lists them.
COMMANDS = (
    "demo",
    "layers",
    "filters",
    "respond",
    "attribute",
    "cascade",
    "optimize",
    "examples",
    "look",
    "consistency",
    "tuning",
    "invert",
    "caricature",
    "accentuate",
    "circuit",
    "ablate",
    "survey",
    "export",
    "serve",
    "store",
    "show",
    "doctor",
)

for _name in COMMANDS:
    importlib.import_module(f"pellucid.cli.{_name}")
