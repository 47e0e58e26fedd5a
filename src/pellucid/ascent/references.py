# SPDX-License-Identifier: Apache-2.0
"""References: what the net answers to the given pictures, seen through the same transforms as the pictures made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pellucid.ascent.goal import Goal
from pellucid.ascent.transforms import warped

__all__ = ["References", "Run"]

Run = Callable[[Tensor], Mapping[str, Tensor]]


class References:
    """Responses to the given pictures of a batch of goals, one row for each goal; none where no goal has one.

    Without transforms each picture is run once, whatever the number of goals and steps.

    Parameters
    ----------
    goals : one for each row of the responses that they are compared with
    maps : (steps, N, 2, 3) as `view_maps` gives; None for no transforms
    gray : as for `warped`
    """

    def __init__(
        self,
        goals: Sequence[Goal],
        device: torch.device | str = "cpu",
        *,
        maps: Tensor | None = None,
        gray: bool = False,
    ) -> None:
        pictures = list(dict.fromkeys(goal.given for goal in goals if goal.given is not None))
        # A goal without one takes the first; nothing reads that.
        rows = [0 if goal.given is None else pictures.index(goal.given) for goal in goals]
        self._rows = torch.tensor(rows, device=device)
        self._pixels = None
        if pictures:
            self._pixels = torch.from_numpy(np.stack([each.pixels for each in pictures])).to(device)
        self._maps, self._gray = maps, gray
        self._kept: tuple[int, Mapping[str, Tensor]] | None = None

    def __call__(self, run: Run, step: int = 0) -> Mapping[str, Tensor]:
        """{layer: (N, K, *positions)} as seen at that step, without gradient."""
        if self._pixels is None:
            return {}
        if self._kept is None or (self._maps is not None and self._kept[0] != step):
            self._kept = step, self._responses(run, self._pixels, step)
        return self._kept[1]

    def _responses(self, run: Run, pixels: Tensor, step: int) -> Mapping[str, Tensor]:
        with torch.no_grad():
            if self._maps is not None:
                views = warped(pixels[self._rows], self._maps[step], gray=self._gray)
                found = run(views)
                return {layer: each.detach() for layer, each in found.items()}
            found = run(pixels)
            return {layer: each.detach()[self._rows] for layer, each in found.items()}
