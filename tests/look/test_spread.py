# SPDX-License-Identifier: Apache-2.0
"""How rare a response is, read from what an atlas keeps: ties, zeros, full bars, and numbers asked out of long text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pellucid.look.spread import spread_from
from pellucid.records import canonical_json
from pellucid.store.peek import peek


def record(counts, edges, shown, responses, *, zeros=0.0, peaks=((), ()), highest=9.0) -> str:
    """The text of an `examples` record with these numbers, among names that could be taken for its keys."""
    hostile = ['x","responses":[9],"y', '{"shown":[7]}', "\\", ',"histogram":{']
    figures = {
        "dead": {"type": "number", "value": False, "label": hostile[0], "unit": ""},
        "histogram": {
            "type": "levels",
            "counts": counts,
            "edges": edges,
            "names": [hostile[place % 4] for place in range(len(responses))],
            "responses": responses,
            "shown": shown,
            "x_label": hostile[3],
        },
        "maximum": {"type": "number", "value": highest, "label": "maximum", "unit": ""},
        "peaks": {
            "type": "histogram",
            "edges": list(peaks[0]),
            "counts": list(peaks[1]),
            "x_label": hostile[1],
        },
        "zeros": {"type": "number", "value": zeros, "label": "zeros", "unit": "%"},
    }
    return canonical_json({"figures": figures, "provenance": None})


def test_equal_responses_are_not_below() -> None:
    spread = spread_from(record([2, 3], [1.0, 2.0, 4.0], [2, 3], [1.5, 1.25, 3.0, 2.5, 2.5]))
    below = {0.5: 0, 1.25: 0, 1.5: 1, 1.6: 2, 2.5: 2, 2.6: 4, 3.0: 4, 3.1: 5}
    for response, count in below.items():
        assert spread.share_below(response) == pytest.approx(count / 5)
        assert spread.top_share(response) == pytest.approx((6 - count) / 6)
    assert spread.standing(3.0) == "top 33 %"
    assert spread.standing(3.1) == "about the top 17 %"  # above all five: no more can be told
    assert spread.standing(9.5) == "beyond all it did in 0 images"
    cuts = {0.2: 3.0, 0.5: 3.0, 0.6: 2.5, 0.8: 1.5, 1.0: 1.25}
    for share, cut in cuts.items():
        assert spread.at_share(share) == cut
        assert 1 - spread.share_below(cut) <= share + 1e-9
    assert spread.at_share(0.1) > 3.0
    assert 1 - spread.share_below(spread.at_share(0.1)) == 0


def test_a_share_too_small_to_tell_is_told_as_the_smallest_that_can_be() -> None:
    """Forty spots and a share of a thousandth: the cut is above all of them, and the words must not say 0.1 %."""
    spots = [float(spot) for spot in range(1, 41)]
    spread = spread_from(record([1] * 40, [*spots, 41.0], [1] * 40, spots, highest=90.0))
    at, words = spread.cut(0.05)
    assert (at, words) == (39.0, "the top 5 % of what it does over the data")
    for share in (0.02, 0.001):
        at, words = spread.cut(share)
        assert at == pytest.approx(40.0)
        assert at > 40.0
        assert words == (
            "about the top 2.4 % of what it does over the data, the finest that 40 images can tell"
        )
    assert spread_from(record([], [], [], [])).cut(0.1) is None


def test_zeros_lie_at_zero_and_not_around_it() -> None:
    known = [0.0] * 7 + [0.02, -0.03]
    spread = spread_from(record([80, 20], [-0.05, 0.05, 0.07], [9, 9], [*known, *[0.06] * 9], zeros=60.0))
    assert spread.share_below(0.0) == pytest.approx(0.10)  # half of the twenty that are not zero
    assert spread.share_below(1e-9) == pytest.approx(0.70)
    assert spread.share_below(0.049) == pytest.approx(0.80)
    assert spread.share_below(0.06) == pytest.approx(0.90)  # in the middle of a bar of twenty
    assert spread.share_below(1) == 1


def test_order_goes_by_spots_then_peaks_then_the_highest() -> None:
    text = record([1], [1.0, 2.0], [1], [1.5], peaks=([1.0, 2.0, 4.0], [10, 10]), highest=8.0)
    order = spread_from(text).order(np.float32([1.0, 1.6, 3.0, 5.0, 6.0]))
    assert (np.diff(order) > 0).all()


def test_a_record_without_levels_has_no_spread() -> None:
    assert spread_from("") is None
    assert spread_from(canonical_json({"figures": {"mean": {"value": 1.0}}})) is None


def test_peek_finds_what_parsing_finds() -> None:
    text = record([2], [1.0, 2.0], [2], [1.5, 1.25])
    parsed = json.loads(text)["figures"]
    for name in ("counts", "edges", "names", "responses", "shown", "x_label"):
        assert peek(text, "histogram", name) == parsed["histogram"][name]
    assert peek(text, "maximum", "value") == 9.0
    assert peek(text, "absent") is None
    assert peek(text, "zeros", "absent") is None
