# SPDX-License-Identifier: Apache-2.0
"""Methods that read the gradient at the pixels: saliency, SmoothGrad, integrated gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor

from pellucid.attribution.scene import Found, Scene, baseline, over_channels
from pellucid.models.own_code import own_code

__all__ = ["integrated_gradients", "saliency", "smoothgrad"]

FIRST_PIECES = 16  # of the way of integrated gradients
TINY = 1e-12


def saliency(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The gradient's largest magnitude over the channels (Simonyan 2013, section 3)."""
    with own_code():
        gradient = Saliency(scene.readout).attribute(scene.pixels.clone().requires_grad_(), abs=False)
    return Found(over_channels(gradient, "largest"))


def smoothgrad(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The mean gradient of noisy copies, its largest magnitude over the channels (Smilkov 2017)."""
    spread = float(settings["noise"]) * float(scene.pixels.max() - scene.pixels.min())
    if spread == 0:  # one color: nothing to be noisy in proportion to
        return saliency(scene, settings)
    torch.manual_seed(scene.seed)
    with own_code():
        mean = NoiseTunnel(Saliency(scene.readout)).attribute(
            scene.pixels.clone().requires_grad_(),
            nt_type="smoothgrad",
            nt_samples=int(settings["samples"]),
            nt_samples_batch_size=min(scene.batch, int(settings["samples"])),
            stdevs=spread,
            abs=False,
        )
    return Found(over_channels(mean, "largest"), extras={"noise_sd": spread})


def integrated_gradients(scene: Scene, settings: Mapping[str, Any]) -> Found:
    """The gradient along the straight way from the baseline, times the way, summed over channels (Sundararajan 2017, eq. 1).

    The way is cut into pieces, each with the gradient at its middle. By how much a piece misses is known, for the response at
    its ends is. Those that miss most are cut in three, where the middle third keeps its gradient, until all together miss by
    less than `tolerance` or `max_steps` gradients are spent. Behind ReLUs the way has a bend wherever a unit turns on, and
    rules of higher order gain nothing: on photographs Gauss-Legendre takes twice as many gradients.
    """
    start = baseline(str(settings["baseline"]), scene.pixels, scene.net)
    cuts = [place / FIRST_PIECES for place in range(FIRST_PIECES + 1)]
    ends = _responses(scene, start, [0.0, 1.0, *cuts[1:-1]])
    change = ends[1.0] - ends[0.0]
    allowed = float(settings["tolerance"]) * max(abs(change), TINY)
    pieces = [
        _Piece.of(low, high, slope, ends)
        for (low, high), slope in zip(pairwise(cuts), _slopes(scene, start, _middles(cuts)), strict=True)
    ]
    steps = FIRST_PIECES
    while abs(sum(piece.miss for piece in pieces)) > allowed:
        pieces.sort(key=lambda piece: abs(piece.miss), reverse=True)
        room = (int(settings["max_steps"]) - steps) // 2
        worst = [piece for piece in pieces[: max(len(pieces) // 4, 1)] if piece.miss][:room]
        if not worst:
            break
        thirds = [
            [piece.low + third * piece.length / 3 for third in range(3)] + [piece.high] for piece in worst
        ]
        ends |= _responses(scene, start, [cut for cuts in thirds for cut in cuts[1:-1]])
        outer = iter(_slopes(scene, start, [middle for cuts in thirds for middle in _middles(cuts)[::2]]))
        pieces = pieces[len(worst) :]
        for piece, cuts in zip(worst, thirds, strict=True):
            for (low, high), slope in zip(
                pairwise(cuts), (next(outer), piece.slope, next(outer)), strict=True
            ):
                pieces.append(_Piece.of(low, high, slope, ends))
        steps += 2 * len(worst)
    total = torch.zeros_like(pieces[0].slope, dtype=torch.float64)
    for piece in pieces:
        total += piece.slope.double() * piece.length
    values = total.float().cpu().numpy()
    missed = float(values.sum(dtype="float64")) - change
    return Found(
        values,
        extras={
            "baseline_response": ends[0.0],
            "change": change,
            "residual": missed,
            "relative_residual": abs(missed) / abs(change) if change else None,
            "complete": abs(missed) <= allowed,
            "gradients": steps,
        },
    )


@dataclass(frozen=True, eq=False)
class _Piece:
    """A piece of the way with `slope` (H, W), the gradient at its middle times the whole way, and by how much it misses."""

    low: float
    high: float
    slope: Tensor
    miss: float

    @classmethod
    def of(cls, low: float, high: float, slope: Tensor, ends: Mapping[float, float]) -> _Piece:
        given = float(slope.sum(dtype=torch.float64)) * (high - low)
        return cls(low, high, slope, given - (ends[high] - ends[low]))

    @property
    def length(self) -> float:
        return self.high - self.low


def _middles(cuts: Sequence[float]) -> list[float]:
    return [(low + high) / 2 for low, high in pairwise(cuts)]


def _responses(scene: Scene, start: Tensor, places: Sequence[float]) -> dict[float, float]:
    """The response at places of the way, which runs from 0 to 1."""
    found: dict[float, float] = {}
    for first in range(0, len(places), scene.batch):
        some = places[first : first + scene.batch]
        found |= zip(some, scene.readout.values(_along(scene, start, some)).tolist(), strict=True)
    return found


def _slopes(scene: Scene, start: Tensor, places: Sequence[float]) -> Iterator[Tensor]:
    """(H, W) for each place: the gradient there times the whole way, summed over the channels."""
    method = IntegratedGradients(scene.readout)
    for first in range(0, len(places), scene.batch):
        here = _along(scene, start, places[first : first + scene.batch])
        half = (scene.pixels - start) / 2
        # Of a way that is one step long, around the place: its middle.
        with own_code():
            found = method.attribute(
                here + half, here - half, n_steps=1, method="gausslegendre", internal_batch_size=len(here)
            )
        yield from found.detach().sum(1)


def _along(scene: Scene, start: Tensor, places: Sequence[float]) -> Tensor:
    shares = torch.tensor(places, dtype=start.dtype, device=start.device).view(-1, 1, 1, 1)
    return start + shares * (scene.pixels - start)
