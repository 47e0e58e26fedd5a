# SPDX-License-Identifier: Apache-2.0
"""A look: what each step sees of the canvas, and what of it is to rise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pellucid.ascent.canvas import Canvas
from pellucid.ascent.diversity import Apart, likeness
from pellucid.ascent.goal import Goal
from pellucid.ascent.keeping import Keeping
from pellucid.ascent.precision import arithmetic, precision_of
from pellucid.ascent.readings import Scores
from pellucid.ascent.references import References
from pellucid.ascent.regularizers import price
from pellucid.ascent.settings import ClimbSettings
from pellucid.ascent.streams import stream
from pellucid.ascent.transforms import Transforms, view_maps, warped
from pellucid.ascent.transparency import transparency_of

__all__ = ["Look"]

# What is kept costs a way back more at each step that notes where the net looks; one in so many tells the same.
NOTED_EVERY = 4


class Look:
    """From a step's number to each goal's objective and to what is to rise: both (N,), as the net sees the canvas then.

    What is to rise is the objective with its goal's sign, less the price of the picture, less what it shares with the other
    pictures of the same objective, and less what it pays for leaving what is kept.

    Parameters
    ----------
    run : from pixels (V, C, H, W) in 0..1 to {layer: response (V, K, *positions)}
    goals : one for each item of the canvas
    """

    def __init__(
        self,
        run: Callable[[Tensor], Mapping[str, Tensor]],
        canvas: Canvas,
        goals: Sequence[Goal],
        *,
        settings: ClimbSettings,
        transforms: Transforms,
    ) -> None:
        self._run = run
        self._canvas = canvas
        self._settings = settings
        self._gray = transforms.pad > 0
        self._device = canvas.variables[0].device
        self._precision = precision_of(settings.precision, self._device)
        views = [goal for goal in goals for _ in range(settings.copies)]
        self._scores = Scores(views, self._device)
        self._diverse = goals[0].aim.layers[0] if goals[0].pictures > 1 and settings.diversity != 0 else None
        self._pictures = goals[0].pictures
        self._apart = None
        if self._diverse is not None and settings.diversity is None:
            self._apart = Apart(goals, settings.steps, self._device)
        self.signs = torch.tensor([goal.sign for goal in goals], dtype=torch.float32, device=self._device)
        self._maps = None if transforms.identity else self._drawn(transforms, goals)
        self._references = References(views, self._device, maps=self._maps, gray=self._gray)
        self._keeping = Keeping(
            goals, self._device, steps=settings.steps, mean_of_copies=self._mean_of_copies
        )
        self._looked: Tensor | None = None

    def _drawn(self, transforms: Transforms, goals: Sequence[Goal]) -> Tensor:
        """The maps of all steps: copies of a goal stand together, and the first sees what it would see alone."""
        names = ["transforms", *(f"transforms {copy}" for copy in range(1, self._settings.copies))]
        streams = [stream(self._settings.seed, str(goal), name) for goal in goals for name in names]
        return view_maps(transforms, streams, self._settings.steps).to(self._device)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        pictures = self._canvas.pictures()
        views = pictures
        if self._settings.copies > 1:
            views = views.repeat_interleave(self._settings.copies, 0)
        if self._maps is not None:
            views = warped(views, self._maps[step], gray=self._gray)
        with arithmetic(self._precision, self._device):
            given = self._references(self._run, step)
            responses = self._run(views)
            values = self._mean_of_copies(self._scores(responses, given))
        wanted = self.signs * values
        if self._diverse is not None:
            wanted = wanted - self._price_of_sharing(step, values, responses[self._diverse])
        if self._keeping:
            self._note(step, values, pictures)
            worth = self.signs * values
            wanted = wanted - self._keeping.price(step, worth, responses, given, self._canvas.variables)
        if self._settings.regularize:
            wanted = wanted - price(self._settings.regularize, pictures)
        return values, wanted

    def transparency(self) -> Tensor | None:
        """Where the net looked for what was to rise: (N, H, W) in 0..1; None where nothing is kept."""
        return None if self._looked is None else transparency_of(self._looked)

    def _note(self, step: int, values: Tensor, pictures: Tensor) -> None:
        """Add up how strongly each pixel is asked for, whatever is kept."""
        if step % NOTED_EVERY or not values.requires_grad:
            return
        [slope] = torch.autograd.grad(values.sum(), [pictures], retain_graph=True)
        looked = slope.abs().mean(1).nan_to_num(0, 0, 0)
        self._looked = looked if self._looked is None else self._looked + looked

    def _price_of_sharing(self, step: int, values: Tensor, responses: Tensor) -> Tensor:
        """(N,) what each picture pays: by the weight asked, or by what it can afford."""
        if self._apart is None:
            return (self._settings.diversity or 0.0) * self._shared(responses)
        return self._apart.price(step, values) * self._shared(responses, self._apart)

    def _mean_of_copies(self, values: Tensor) -> Tensor:
        """(N,) from (N * copies,)."""
        copies = self._settings.copies
        return values if copies == 1 else values.view(-1, copies).mean(1)

    def _shared(self, responses: Tensor, apart: Apart | None = None) -> Tensor:
        """What each picture shares with the others of its objective, first copy with first copy and so on: (N,)."""
        by_copy = responses.reshape(-1, self._settings.copies, *responses.shape[1:]).transpose(0, 1)
        shared = by_copy if apart is None else [apart.others(each) for each in by_copy]
        alone = apart is not None
        return torch.stack([likeness(each, self._pictures, alone=alone) for each in shared]).mean(0)
