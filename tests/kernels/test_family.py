# SPDX-License-Identifier: Apache-2.0
"""The rules one by one, each at its own border."""

from dataclasses import replace

import pytest

from pellucid.kernels.family import FAMILIES, GROUPS, Signs, family_of

GRAY_GABOR = Signs(
    dead=False,
    noisy=False,
    chroma=0.1,
    shape="gabor",
    r2=0.85,
    adjusted_r2=0.83,
    cycles=2,
    spread=0.5,
    small=False,
)


@pytest.mark.parametrize(
    ("change", "family"),
    [
        ({}, "gabor"),
        ({"shape": "edge"}, "edge"),
        ({"shape": "blob"}, "blob"),
        ({"shape": "center-surround"}, "blob"),
        ({"adjusted_r2": 0.59}, "other"),
        ({"chroma": None}, "gabor"),
        ({"chroma": 0.26, "cycles": 1.4}, "color contrast"),
        ({"chroma": 0.9, "cycles": 1.6}, "gabor"),
        ({"chroma": 0.9, "cycles": 1.6, "adjusted_r2": 0.5}, "color contrast"),
        ({"chroma": 0.9, "cycles": 1.6, "shape": "edge"}, "color contrast"),
        ({"spread": 1.3}, "other"),
        ({"spread": 1.3, "r2": 0.95}, "gabor"),
        ({"noisy": True, "chroma": 0.7}, "noise"),
        ({"noisy": True, "dead": True}, "dead"),
        ({"small": True, "shape": "line", "adjusted_r2": 0.55}, "line"),
        ({"small": True, "shape": "average", "adjusted_r2": 0.55, "spread": 1.5}, "blob"),
        ({"small": True, "shape": "edge", "adjusted_r2": 0.45}, "other"),
        ({"small": True, "shape": "center", "chroma": 0.7}, "color contrast"),
    ],
)
def test_each_rule_at_its_border(change: dict[str, object], family: str) -> None:
    assert family_of(replace(GRAY_GABOR, **change))[0] == family
    assert family in FAMILIES


def test_the_evidence_is_in_the_words() -> None:
    assert family_of(GRAY_GABOR)[1] == "a gabor explains 85 % of it"
    colored = family_of(replace(GRAY_GABOR, chroma=0.5, cycles=1, shape="edge"))[1]
    assert colored == "50 % of its energy is color; an edge explains 85 % of it"
    assert "rim" in family_of(replace(GRAY_GABOR, spread=1.4))[1]
    assert "at best, a gabor explains 85 %" in family_of(replace(GRAY_GABOR, adjusted_r2=0.2))[1]


def test_every_family_falls_into_a_published_group() -> None:
    assert set(GROUPS.values()) == {"gabor", "color contrast", "other"}
