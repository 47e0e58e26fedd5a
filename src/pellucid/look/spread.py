# SPDX-License-Identifier: Apache-2.0
"""What a unit does over a whole data set, as an atlas keeps it: how rare a response is, and at which response to cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pellucid.figures import Blob, Strip
from pellucid.figures.words import value_words
from pellucid.look.tail import Tail, kept_maps, tail_from
from pellucid.store.peek import peek

__all__ = ["Spread", "share_words", "spread_from"]

Floats = NDArray[np.float64]

POINTS = 16  # that stand for a bar of which not every response is known; a bar is a factor of two's root wide


@dataclass(frozen=True, eq=False)
class Spread:
    """A unit's responses to a data set.

    Parameters
    ----------
    values, shares : (V,) ascending responses, and (V + 1,) the share of all spots that lie below the first, second, ... of them
    spots : positions drawn, one of each item
    peak_values, peak_shares : the same for the highest response of each item
    items : how many these are
    highest : the highest response anywhere in the data
    start : above it every position of the data is known, and `read_tail` reads them; None where they are not
    """

    values: Floats
    shares: Floats
    spots: int
    peak_values: Floats
    peak_shares: Floats
    items: int
    highest: float | None
    start: float | None = None
    read_tail: Callable[[], Tail | None] = field(default=lambda: None, repr=False)

    @cached_property
    def tail(self) -> Tail | None:
        """Every position of the data above `start`; read when first asked for, for it stands in a picture."""
        return None if self.start is None else self.read_tail()

    def share_below(self, responses: ArrayLike) -> Floats:
        """The share of the unit's spots that answer less, in 0..1, of the same shape.

        Exact where a bar of the atlas's histogram holds all its responses (nine at most, as the highest bars do); elsewhere
        read between the bar's edges.
        """
        return self.shares[np.searchsorted(self.values, np.asarray(responses, float), "left")]

    def peaks_below(self, responses: ArrayLike) -> Floats:
        """The share of the items whose highest response is less."""
        return self.peak_shares[np.searchsorted(self.peak_values, np.asarray(responses, float), "left")]

    def top_share(self, responses: ArrayLike) -> Floats:
        """The share of what the unit does that is at least so high, never told smaller than the data can tell.

        With c of n spots at or above a response that is (c + 1) / (n + 1), `finest` at least; above `start`, where every
        position is known, it is counted if that tells less.
        """
        values = np.asarray(responses, float)
        above = self.spots * (1 - self.share_below(values))
        shares = np.asarray((above + 1) / (self.spots + 1))
        if self.start is None or not (high := values > self.start).any() or (tail := self.tail) is None:
            return shares
        return np.where(high, np.minimum(tail.shares(values), shares), shares)

    @property
    def finest(self) -> float:
        """The smallest share that so many spots can tell: about so rare is what is above all of them, or rarer."""
        return 1 / (self.spots + 1)

    def order(self, responses: NDArray[np.float32]) -> Floats:
        """Numbers that put responses of different units in order: by share of spots below, then of peaks, then by the highest.

        The highest is the unit's own over the data, of which a response is so many times.
        """
        highest = self.highest or 0.0
        beyond = np.clip(responses / highest, -9, 9) if highest > 0 else 0.0
        # Each later one is too small to overtake a step of the one before.
        return self.share_below(responses) + 1e-9 * self.peaks_below(responses) + 1e-13 * beyond

    def at_share(self, share: float) -> float | None:
        """The lowest response that at most this share of the unit's spots reaches; None without spots."""
        if not len(self.values):
            return None
        place = int(np.searchsorted(self.shares, 1 - share - 1e-12, "left"))
        if 0 < place < len(self.values) and self.values[place - 1] == self.values[place]:
            place = int(np.searchsorted(self.values, self.values[place], "right"))  # behind all its equals
        return float(
            self.values[place] if place < len(self.values) else np.nextafter(self.values[-1], np.inf)
        )

    def cut(self, share: float) -> tuple[float, str] | None:
        """The response that only `share` of what the unit does reaches, and that in words; None without spots.

        Above `start`, where every position is known, positions are counted. Below it the spots tell, and where so many cannot
        tell a share so small, it is the response above all of them, and the words say the share that they can tell.
        """
        at = self.at_share(share)
        if at is None:
            return None
        drawn = at <= self.values[-1]
        tail = None if self.start is None or (drawn and at <= self.start) else self.tail
        known = None if tail is None else tail.cut(share)
        if known is not None:
            at, told = known
            if not told:
                return at, f"beyond all it did in {value_words(self.items)} images"
            bound = (
                f"at most the top {share_words(told)}" if told < share else f"the top {share_words(share)}"
            )
            return at, f"{bound} of what it does over the data"
        if drawn:
            return at, f"the top {share_words(share)} of what it does over the data"
        return at, (
            f"about the top {share_words(self.finest)} of what it does over the data, the finest that "
            f"{value_words(self.spots)} images can tell"
        )

    def standing(self, response: float) -> str:
        """A response in words: how rare it is, as far as the data can tell."""
        if self.highest is not None and response > self.highest:
            return f"beyond all it did in {value_words(self.items)} images"
        if not self.spots:
            return ""
        share = float(self.top_share(response))
        drawn = self.share_below(response) >= 1 and share >= self.finest
        return f"{'about the ' if drawn else ''}top {share_words(share)}"


def share_words(share: float) -> str:
    """A share to two digits: more of them would say more than the data can."""
    return f"{value_words(float(f'{100 * share:.2g}'))} %"


def spread_from(
    text: str, cells: int = 0, sheet: Callable[[Blob], Image.Image] | None = None
) -> Spread | None:
    """The spread that an `examples` record tells, as the text an atlas keeps; None where it holds no histogram of levels.

    `cells` are the layer's positions, and `sheet` gives the picture of a blob, in which the maps of the strongest items stand.
    """
    counts, edges = peek(text, "histogram", "counts"), peek(text, "histogram", "edges")
    responses, shown = peek(text, "histogram", "responses"), peek(text, "histogram", "shown")
    if counts is None or shown is None:
        return None
    values, shares = _cumulated(_spots(edges, counts, responses, shown, peek(text, "zeros", "value") or 0.0))
    peak_edges, peak_counts = peek(text, "peaks", "edges") or [], peek(text, "peaks", "counts") or []
    peak_values, peak_shares = _cumulated(_even(peak_edges, peak_counts))
    highest = peek(text, "maximum", "value")
    items = sum(peak_counts)
    kept = None if sheet is None else kept_maps(text, items, cells)
    return Spread(
        values,
        shares,
        sum(counts),
        peak_values,
        peak_shares,
        items,
        None if highest is None else float(highest),
        None if kept is None else kept[1],
        partial(_tail, sheet, kept, items),
    )


def _tail(
    sheet: Callable[[Blob], Image.Image] | None, kept: tuple[Strip, float] | None, items: int
) -> Tail | None:
    return None if sheet is None or kept is None else tail_from(kept[0], sheet(kept[0].blob), kept[1], items)


# A response and how many spots it stands for.
_Weighed = list[tuple[float, float]]


def _spots(
    edges: Sequence[float],
    counts: Sequence[int],
    responses: Sequence[float],
    shown: Sequence[int],
    zeros_percent: float,
) -> _Weighed:
    """Responses that stand for the spots: those in a bar of nine or fewer are all known."""
    found: _Weighed = []
    first = 0
    for bar, (count, known) in enumerate(zip(counts, shown, strict=True)):
        if known == count:
            found += [(response, 1.0) for response in responses[first : first + known]]
        else:
            low, high = edges[bar], edges[bar + 1]
            if low <= 0 < high:
                found += _faint(responses[first : first + known], count, sum(counts) * zeros_percent / 100)
            else:
                found += _points(low, high, count)
        first += known
    return found


def _faint(known: Sequence[float], count: int, zeros: float) -> _Weighed:
    """What stands for the bar around zero, which is wide and seldom even: the zeros, and of the rest those drawn by chance."""
    rest = [response for response in known if response]
    flat = count if not rest else min(count, round(zeros))
    return [(0.0, float(flat))] * bool(flat) + [(each, (count - flat) / len(rest)) for each in rest]


def _even(edges: Sequence[float], counts: Sequence[int]) -> _Weighed:
    """Values spread evenly between edges."""
    bars = (_points(edges[bar], edges[bar + 1], count) for bar, count in enumerate(counts))
    return [each for bar in bars for each in bar]


def _points(low: float, high: float, count: int) -> _Weighed:
    points = min(count, POINTS)
    step = (high - low) / max(points, 1)
    return [(low + step * (place + 0.5), count / points) for place in range(points)]


def _cumulated(weighed: _Weighed) -> tuple[Floats, Floats]:
    """The values ascending, and the share that lies below each and below none."""
    weighed.sort()
    table = np.array(weighed, float).reshape(-1, 2)
    sums = np.concatenate([[0.0], np.cumsum(table[:, 1])])
    return np.ascontiguousarray(table[:, 0]), sums / max(float(sums[-1]), 1.0)
