# SPDX-License-Identifier: Apache-2.0
"""Whether a map names the pixels that count: insertion and deletion curves (Petsiuk et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.attribution.aim import Aim
from pellucid.attribution.readout import reading, responses
from pellucid.attribution.scene import baseline
from pellucid.figures import Curve
from pellucid.models import OUTPUT, Net

__all__ = ["Faithfulness", "faithfulness"]

Floats = NDArray[np.float64]

SCORES = {
    "probability": "probability of the class",
    "share": "response, 0 for the image emptied and 1 for the image itself",
}
NOTHING = 1e-9  # of a response's size: no change to be shared out
SUM_SLACK = 1e-4  # of outputs that are probabilities already


@dataclass(frozen=True)
class Faithfulness:
    """Two games with one map: pixels in the map's order appear on the blurred image, and vanish from the image.

    `shares` (steps + 1) of pixels changed, 0..1; `insertion`, `deletion` the score after each. `score` says what is
    counted: `probability` of the class where the aim is one class; otherwise `share`, the aim's response less that of the
    emptied image, as a share of the whole difference, for each game by its own empty image. AUCs by trapezoids: high insertion
    and low deletion are good. None where image and empty image have the same response, so that there is nothing to share out.
    """

    shares: tuple[float, ...]
    insertion: tuple[float, ...] | None
    deletion: tuple[float, ...] | None
    insertion_auc: float | None
    deletion_auc: float | None
    score: str

    def curves(self) -> dict[str, Curve]:
        """Both games as figures."""
        words = SCORES[self.score]
        games = {"insertion": (self.insertion, "shown"), "deletion": (self.deletion, "removed")}
        return {
            name: Curve(self.shares, curve, f"share of pixels {what}", words)
            for name, (curve, what) in games.items()
            if curve is not None
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "shares": list(self.shares),
            "insertion": None if self.insertion is None else list(self.insertion),
            "deletion": None if self.deletion is None else list(self.deletion),
            "insertion_auc": self.insertion_auc,
            "deletion_auc": self.deletion_auc,
        }


def faithfulness(
    net: Net, aim: Aim, pixels: Tensor, maps: Sequence[NDArray[np.float32]], *, steps: int, batch: int
) -> list[Faithfulness]:
    """How each map fares, for one image (1, C, H, W) and maps (H, W); about as many pixels change at every step.

    The image is emptied to the color that the net's normalization makes zero (deletion), and starts from a blur of
    11 x 11 px, sigma 5 (insertion), as in the paper's own code. Pixels of equal value go row by row.
    """
    removed, blurred = (baseline(name, pixels, net) for name in ("mean", "blur"))
    area = pixels.shape[2] * pixels.shape[3]
    counts = [round(step * area / min(steps, area)) for step in range(min(steps, area) + 1)]
    orders = [np.argsort(-values.reshape(-1), kind="stable") for values in maps]
    with _scoring(net, aim, pixels) as (scored, score):
        whole, empty, blank = scored(torch.cat([pixels, removed, blurred]))
        inner = [(order, count) for order in orders for count in counts[1:-1]]
        shown, gone = (
            _played(scored, inner, start, end, batch).reshape(len(maps), -1)
            for start, end in ((blurred, pixels), (pixels, removed))
        )
    shares = tuple(count / area for count in counts)
    found = []
    for insertion, deletion in zip(shown, gone, strict=True):
        games = [np.array([blank, *insertion, whole]), np.array([whole, *deletion, empty])]
        curves: list[Floats | None] = [*games]
        if score == "share":
            curves = [_as_shares(game, low, whole) for game, low in zip(games, (blank, empty), strict=True)]
        areas = [_area(shares, curve) for curve in curves]
        rows = [None if curve is None else tuple(float(value) for value in curve) for curve in curves]
        found.append(Faithfulness(shares, rows[0], rows[1], areas[0], areas[1], score))
    return found


@contextmanager
def _scoring(net: Net, aim: Aim, pixels: Tensor) -> Iterator[tuple[Callable[[Tensor], Floats], str]]:
    """A function from images (N, C, H, W) to scores (N,), and which score that is."""
    place = aim.class_index
    layer = net.layer(OUTPUT)
    if place is None or layer.grid or layer.units < 2:
        with reading(net, aim) as readout:
            yield lambda images: readout.values(images).double().numpy(), "share"
        return
    with responses(net, (OUTPUT,)) as run, torch.no_grad():
        first = run(pixels)[OUTPUT].double()
        # A network that ends in its own softmax answers with probabilities.
        already = bool(first.min() >= 0) and abs(float(first.sum()) - 1) < SUM_SLACK

        def probabilities(images: Tensor) -> Floats:
            outputs = run(images)[OUTPUT].double()
            own: Floats = (outputs if already else outputs.softmax(1))[:, place].cpu().numpy()
            return own

        yield probabilities, "probability"


def _played(
    scored: Callable[[Tensor], Floats],
    states: Sequence[tuple[NDArray[np.int64], int]],
    start: Tensor,
    end: Tensor,
    batch: int,
) -> Floats:
    """(len(states),) scores of `start` with the first `count` pixels of each order taken from `end`."""
    scores = [np.empty(0)]
    for first in range(0, len(states), batch):
        some = states[first : first + batch]
        taken = np.zeros((len(some), start.shape[2] * start.shape[3]), np.bool_)
        for row, (order, count) in zip(taken, some, strict=True):
            row[order[:count]] = True
        where = torch.from_numpy(taken).view(len(some), 1, *start.shape[2:]).to(start.device)
        scores.append(scored(torch.where(where, end, start)))
    return np.concatenate(scores)


def _as_shares(curve: Floats, empty: float, whole: float) -> Floats | None:
    """The curve from 0 at the empty image to 1 at the whole one; None where both have the same response."""
    change = whole - empty
    return None if abs(change) <= NOTHING * max(abs(whole), abs(empty)) else (curve - empty) / change


def _area(shares: Sequence[float], curve: Floats | None) -> float | None:
    """The area under the curve, by trapezoids."""
    if curve is None:
        return None
    widths = np.diff(np.asarray(shares))
    return float((widths * (curve[1:] + curve[:-1]) / 2).sum())
