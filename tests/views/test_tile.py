# SPDX-License-Identifier: Apache-2.0
"""What a layer page's text filter looks through: words that say what a unit is, no sentences."""

from __future__ import annotations

from pellucid.figures import Number
from pellucid.records import Kind, Panel, Provenance, Record
from pellucid.views.tile import tile

KIND = Kind("filters", "Filters", "unit", (Panel("Reading", "How it misleads.", ("family",)),), None, ())
SOURCE = Provenance("net", "0" * 64, "filters", {}, None, {}, "conv1")


def words_of(**figures: Number) -> list[str]:
    record = Record("filters", "conv1", 7, figures, SOURCE)
    return tile(7, "7", [KIND], {"filters": record}).words.split("\n")


def test_a_family_and_an_axis_are_found_by_name() -> None:
    said = words_of(
        family=Number("gabor", "family"),
        why=Number("a gabor explains 91 % of its energy, more than any other shape", "why"),
        axis=Number("red-cyan", "opponent axis"),
        norm=Number(1.5, "norm"),
        noisy=Number(False, "looks untrained"),
    )
    assert said == ["7", "gabor", "red-cyan"]


def test_a_true_value_is_found_by_its_label() -> None:
    assert words_of(noisy=Number(True, "looks untrained")) == ["7", "looks untrained"]
