# SPDX-License-Identifier: Apache-2.0
"""The climb: many canvases at once follow the gradient of their own objectives, each by its own random streams."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.ascent.ascend import Trail, ascend
from pellucid.ascent.canvas import Canvas, CanvasShape
from pellucid.ascent.diagnosis import Facts, diagnosis
from pellucid.ascent.fourier import FourierCanvas
from pellucid.ascent.objective import Goal, Scores
from pellucid.ascent.pictures import clipped_share, fed, shown
from pellucid.ascent.plan import Batch, batches, checked, has_room
from pellucid.ascent.precision import arithmetic, best_precision
from pellucid.ascent.probes import answers
from pellucid.ascent.settings import ClimbSettings
from pellucid.ascent.streams import stream
from pellucid.ascent.transforms import TRANSFORMS, view_maps, warped
from pellucid.errors import InputError, did_you_mean
from pellucid.models.net import Net
from pellucid.models.taps import tap

__all__ = ["CANVASES", "Climbed", "climb", "climbs"]

CANVASES: Mapping[str, Callable[..., Canvas]] = {"fourier": FourierCanvas}

# Called with (done, total): steps so far, and of all batches together.
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Climbed:
    """One picture and how it came about.

    Parameters
    ----------
    picture : (H, W, C) uint8, as it is to be saved
    activation : the objective on that picture, without transforms, in float32; None where it is not finite
    initial : the same on the start
    history : (T,) float32, the objective at each step as the net saw it then, through transforms
    clipped : share of channel values in the lowest or highest 2 % of the range
    diagnosis : None, or one of `DIAGNOSES`
    seconds : of the batch, shared among its pictures
    """

    goal: Goal
    picture: NDArray[np.uint8] = field(repr=False)
    activation: float | None
    initial: float | None
    history: NDArray[np.float32] = field(repr=False)
    clipped: float
    diagnosis: str | None
    seconds: float


def climb(
    net: Net, goals: Sequence[Goal], settings: ClimbSettings | None = None, *, on_step: OnStep | None = None
) -> list[Climbed]:
    """One picture for each goal, in the order of the goals.

    Parameters
    ----------
    net : Net; it is left as it was
    goals : Sequence[Goal], of any layers
    settings : ClimbSettings, the defaults if None
    on_step : called with (done, total) after each step

    Raises
    ------
    UnknownName : a layer, unit, canvas or transform that is not there
    InputError : a rectified layer is to be lowered, or a size that the net does not accept

    Examples
    --------
    >>> from pellucid.models import ImageInput, load
    >>> from pellucid.records import Unit
    >>> net = load(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 5)), input=ImageInput(16))
    >>> [found] = climb(net, [Goal(Unit("0", 1))], ClimbSettings(steps=8))
    >>> found.picture.shape, found.activation > found.initial
    ((16, 16, 3), True)
    """
    found: dict[int, Climbed] = {}
    for batch, results in climbs(net, goals, settings, on_step=on_step):
        found.update(zip(batch.places, results, strict=True))
    return [found[place] for place in range(len(goals))]


def climbs(
    net: Net, goals: Sequence[Goal], settings: ClimbSettings | None = None, *, on_step: OnStep | None = None
) -> Iterator[tuple[Batch, list[Climbed]]]:
    """The same batch by batch, so that a caller who is interrupted keeps what is done."""
    settings = settings or ClimbSettings()
    _named(TRANSFORMS, settings.transforms, "transforms")
    _named(CANVASES, settings.canvas, "canvas")
    planned = batches(net, checked(net, goals), settings)
    total = len(planned) * settings.steps
    for number, batch in enumerate(planned):

        def count(step: int, before: int = number * settings.steps) -> None:
            if on_step is not None:
                on_step(before + step, total)

        with torch.inference_mode(False), torch.enable_grad():  # whatever the caller has switched off
            results = _climbed(net, batch, settings, count)
        yield batch, results


Entry = TypeVar("Entry")


def _named(table: Mapping[str, Entry], name: str, what: str) -> Entry:
    if name not in table:
        raise InputError(f"there is no {what} {name!r}; {did_you_mean(name, table)}")
    return table[name]


def _climbed(
    net: Net, batch: Batch, settings: ClimbSettings, on_step: Callable[[int], None]
) -> list[Climbed]:
    """The pictures of one batch."""
    started = time.perf_counter()
    goals = batch.padded
    scores = Scores(goals, net.device)
    canvas = _canvas(net, batch, settings)
    start = shown(canvas.pictures())
    with tap(net, scores.layers, grad=True) as run:
        trail = ascend(
            _look(lambda views: scores(run(views)), canvas, goals, settings),
            canvas,
            torch.tensor([goal.sign for goal in goals], dtype=torch.float32, device=net.device),
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            on_step=on_step,
        )
    pictures = shown(canvas.pictures())
    facts = _facts(net, batch, trail, start, pictures)
    seconds = (time.perf_counter() - started) / len(batch.goals)
    return [
        Climbed(
            goal,
            picture,
            _number(fact.final),
            _number(fact.initial),
            history.numpy(),
            fact.clipped,
            diagnosis(fact),
            seconds,
        )
        for goal, picture, history, fact in zip(batch.goals, pictures, trail.history, facts, strict=False)
    ]


def _canvas(net: Net, batch: Batch, settings: ClimbSettings) -> Canvas:
    shape = CanvasShape(net.input.channels, *batch.size)
    streams = [stream(settings.seed, str(goal), "start") for goal in batch.padded]
    return CANVASES[settings.canvas](shape, streams, device=net.device)


def _look(
    score: Callable[[Tensor], Tensor], canvas: Canvas, goals: Sequence[Goal], settings: ClimbSettings
) -> Callable[[int], Tensor]:
    """From a step's number to each goal's objective, as the net sees the canvas then."""
    transforms = TRANSFORMS[settings.transforms]
    device = canvas.variables[0].device
    precision = settings.precision or best_precision(device)
    streams = [stream(settings.seed, str(goal), "transforms") for goal in goals]
    maps = None if transforms.identity else view_maps(transforms, streams, settings.steps).to(device)

    def look(step: int) -> Tensor:
        views = canvas.pictures()
        if maps is not None:
            views = warped(views, maps[step], gray=transforms.pad > 0)
        with arithmetic(precision, device):
            return score(views.contiguous(memory_format=torch.channels_last))

    return look


def _facts(
    net: Net, batch: Batch, trail: Trail, start: NDArray[np.uint8], pictures: NDArray[np.uint8]
) -> list[Facts]:
    """What the pictures themselves tell, in float32 and without transforms."""
    goals = batch.padded
    scores = Scores(goals, net.device)
    silent = [row for row in range(len(batch.goals)) if not trail.reached[row]]
    with tap(net, scores.layers) as run:
        initial, final = (scores(run(fed(each, net.device))).tolist() for each in (start, pictures))
        awake = answers(run, [goals[row] for row in silent], CanvasShape(net.input.channels, *batch.size))
    mute = {row for row, answered in zip(silent, awake, strict=True) if not answered}
    room = all(has_room(net, layer, batch.size) for layer in scores.layers)
    return [
        Facts(
            initial=initial[row],
            final=final[row],
            sign=goal.sign,
            finite=bool(trail.finite[row]),
            reached=bool(trail.reached[row]),
            answers=row not in mute,
            clipped=clipped_share(pictures[row]),
            room=room,
        )
        for row, goal in enumerate(batch.goals)
    ]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
