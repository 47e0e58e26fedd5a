# SPDX-License-Identifier: Apache-2.0
"""Methods that read the gradient at the pixels: saliency, SmoothGrad, integrated gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor

from pellucid.attribution.scene import Found, Scene, baseline, over_channels
from pellucid.models.own_code import own_code

__all__ = ["integrated_gradients", "saliency", "smoothgrad"]

# Integrated gradients: Gauss-Legendre points in each piece of the way, and pieces at the start.
POINTS, FIRST_PIECES = 4, 8
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

    The way is cut into pieces, each integrated by itself, and those whose integral misses the difference at their ends most
    are cut in two, until all together miss by less than `tolerance` or `max_steps` gradients are spent.
    """
    start = baseline(str(settings["baseline"]), scene.pixels, scene.net)
    whole = scene.readout.values(torch.cat([start, scene.pixels]))
    change = float(whole[1] - whole[0])
    allowed = float(settings["tolerance"]) * max(abs(change), TINY)
    pieces = _integrated(
        scene, start, [(i / FIRST_PIECES, (i + 1) / FIRST_PIECES) for i in range(FIRST_PIECES)]
    )
    steps = POINTS * FIRST_PIECES
    while abs(sum(miss for _, _, miss in pieces)) > allowed:
        pieces.sort(key=lambda piece: abs(piece[2]), reverse=True)
        room = (int(settings["max_steps"]) - steps) // (2 * POINTS)
        worst = [piece for piece in pieces[: max(len(pieces) // 4, 1)] if piece[2]][:room]
        if not worst:
            break
        halves = [
            half
            for (low, high), _, _ in worst
            for half in ((low, (low + high) / 2), ((low + high) / 2, high))
        ]
        pieces = pieces[len(worst) :] + _integrated(scene, start, halves)
        steps += POINTS * len(halves)
    total = torch.stack([integral for _, integral, _ in pieces]).sum(0, keepdim=True)
    missed = float(total.sum()) - change
    return Found(
        over_channels(total, "sum"),
        extras={
            "baseline_response": float(whole[0]),
            "change": change,
            "residual": missed,
            "relative_residual": abs(missed) / abs(change) if change else None,
            "complete": abs(missed) <= allowed,
            "gradients": steps,
        },
    )


Piece = tuple[tuple[float, float], Tensor, float]


def _integrated(scene: Scene, start: Tensor, spans: list[tuple[float, float]]) -> list[Piece]:
    """Each span of the way with its integral (C, H, W) and by how much it misses the difference at its ends."""
    way = scene.pixels - start
    found: list[Piece] = []
    for place in range(0, len(spans), scene.batch):
        some = spans[place : place + scene.batch]
        low, high = (
            start + torch.tensor([span[end] for span in some], device=way.device).view(-1, 1, 1, 1) * way
            for end in (0, 1)
        )
        with own_code():
            integrals, misses = IntegratedGradients(scene.readout).attribute(
                high,
                low,
                n_steps=POINTS,
                method="gausslegendre",
                internal_batch_size=max(scene.batch, len(some)),
                return_convergence_delta=True,
            )
        rows = zip(some, integrals.detach(), misses.tolist(), strict=True)
        found += [(span, integral, miss) for span, integral, miss in rows]
    return found
