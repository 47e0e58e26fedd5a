# SPDX-License-Identifier: Apache-2.0
"""Kinds of evidence about units: one noun, one file; kinds never import one another.

A kind is a module with the names of `Evidence`. To add one: its file, its line in `EVIDENCE`, its test file, its docs page.
"""

from __future__ import annotations

import importlib
from typing import cast

from pellucid.errors import UnknownName, did_you_mean
from pellucid.evidence.job import Evidence, Given, Held, Job

__all__ = ["EVIDENCE", "USUAL", "Evidence", "Given", "Held", "Job", "evidence"]

# In the order in which a survey makes them and a page shows them: cheap and telling first.
EVIDENCE = {
    "filters": "pellucid.evidence.filters",
    "optimum": "pellucid.evidence.optimum",
    "examples": "pellucid.evidence.examples",
    "consistency": "pellucid.evidence.consistency",
    "tuning": "pellucid.evidence.tuning",
    "parts": "pellucid.evidence.parts",
    "feeds": "pellucid.evidence.feeds",
    "ablation": "pellucid.evidence.ablation",
}
# What a survey makes unless it is told: consistency climbs nine times as often, an ablation runs the data once for each unit.
USUAL = ("filters", "optimum", "examples")


def evidence(name: str) -> Evidence:
    """The kind of evidence of that name.

    Raises
    ------
    UnknownName : there is no such kind

    Examples
    --------
    >>> evidence("optimum").KIND.title
    'Optimum'
    """
    if name not in EVIDENCE:
        raise UnknownName(f"no kind of evidence is called {name!r}; {did_you_mean(name, EVIDENCE, 9)}")
    return cast(Evidence, importlib.import_module(EVIDENCE[name]))
