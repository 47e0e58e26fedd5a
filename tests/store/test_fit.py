# SPDX-License-Identifier: Apache-2.0
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

from pellucid.figures import FIGURES, Blob, Item, Strip
from pellucid.records import Kind, Layer, Panel, Provenance
from pellucid.store.fit import fits


@dataclass(frozen=True)
class Leaf:
    kind: ClassVar[str] = "leaf"
    size: int


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (float, [1.5, 2, -0.0], [NAN, INF, -INF, True, "1", None, 2**63]),
        (int, [0, -(2**63), 2**63 - 1], [1.0, True, 2**63, "1"]),
        (str, ["", "ü\0\n\U0001f600"], ["\ud800", b"x", 1, None]),
        (bool, [True], [1, None]),
        (bytes, [b""], ["", None]),
        (int | None, [None, 3], [3.5, "x"]),
        (float | int | bool | str | None, [True, "x", None, 1, 1.5], [NAN, [], {}]),
        (
            tuple[float, ...],
            [(), (1.0, 2), [1.0], (1.0,) * 500],
            [(NAN,), (1.0,) * 500 + (INF,), ("a",), "ab", 1.0],
        ),
        (tuple[int, int], [(1, 2)], [(1,), (1, 2, 3), (1, 2.0)]),
        (tuple[str, float], [("a", 1.0)], [(1.0, "a"), ("a",)]),
        (tuple[tuple[float, ...], ...], [((1.0,), ())], [(1.0,), (("a",),)]),
        (Literal["unit", "layer"], ["unit"], ["Unit", 1, [], None]),
        (dict[str, int], [{}, {"a": 1}], [{1: 1}, {"a": "b"}, [("a", 1)]]),
        (Any, [{"a": [1, None, 2**99, 1.5, "x", True]}], [NAN, {"a": [INF]}, {1: 2}, "\ud800", object()]),
        (Leaf, [Leaf(1)], [Leaf("1"), 1, {"size": 1}]),
        (Leaf | None, [None, Leaf(1)], [Leaf(1.5)]),
    ],
)
def test_what_fits(annotation, right, wrong):
    assert [value for value in right if not fits(value, annotation)] == []
    assert [value for value in wrong if fits(value, annotation)] == []


@pytest.mark.parametrize(
    "annotation", [*FIGURES.values(), Blob, Item, Strip, Kind, Layer, Panel, Provenance], ids=str
)
def test_there_is_a_rule_for_all_that_an_atlas_keeps(annotation):
    assert not fits(None, annotation)


def test_an_annotation_without_a_rule_is_a_bug():
    with pytest.raises(TypeError, match="no rule"):
        fits({1}, set[int])
