# SPDX-License-Identifier: Apache-2.0
"""The climb: many canvases at once follow the gradient of their own objectives, each by its own random streams."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.ascent.ascend import Pace, ascend
from pellucid.ascent.canvas import Canvas
from pellucid.ascent.canvases import CANVASES, begin, canvas_of
from pellucid.ascent.constraint import Box
from pellucid.ascent.diagnosis import advice, diagnosis
from pellucid.ascent.facts import facts_of
from pellucid.ascent.goal import Goal
from pellucid.ascent.look import Look
from pellucid.ascent.memory import too_little
from pellucid.ascent.optimizers import OPTIMIZERS
from pellucid.ascent.plan import Batch, batches, checked, seen
from pellucid.ascent.precision import precision_of
from pellucid.ascent.readings import Scores
from pellucid.ascent.saved import saved
from pellucid.ascent.settings import ClimbSettings
from pellucid.ascent.streams import stream
from pellucid.ascent.transforms import TRANSFORMS
from pellucid.errors import InputError, NetworkFailure, did_you_mean
from pellucid.models import channels_together, tap
from pellucid.models.net import Net
from pellucid.models.shortage import out_of_memory

__all__ = ["Climbed", "climb", "climbs"]

# Called with (done, total): steps so far, and of all batches together.
OnStep = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Climbed:
    """One picture and how it came about.

    Parameters
    ----------
    picture : (H, W, C) uint8, as it is to be saved
    activation : the objective on that picture, without transforms, in float32; None where it is not finite. What several
        pictures of one objective share, and what regularizers take, is not in it.
    initial : the same on the start
    history : (T,) float32, the objective at each step taken, as the net saw it then through transforms
    clipped : share of channel values in the lowest or highest 2 % of the range
    diagnosis : None, or one of `DIAGNOSES`
    advice : what the diagnosis means here, or what else would help; empty for a sound picture
    snapshots : (step, picture) for each step of `settings.snapshots` that was taken
    micro_batch : pictures made together after memory ran out, so that the last bits may differ next time; None otherwise
    seconds : of the batch, shared among its pictures
    ends : the pixel values that 0 and 255 stand for in `picture`; other than 0 and 1 only where a constraint lets pixels
        leave that range
    transparency : (H, W) float32 in 0..1, low where the net did not look; None where the canvas does not tell
    extreme : the unit's response on that picture where it is largest, or of a lowered one smallest; None where the goal is no
        whole unit
    precision : the number format it was climbed in; `float32` where the network does not run in the one planned
    """

    goal: Goal
    picture: NDArray[np.uint8] = field(repr=False)
    activation: float | None
    initial: float | None
    history: NDArray[np.float32] = field(repr=False)
    clipped: float
    diagnosis: str | None
    advice: str
    snapshots: tuple[tuple[int, NDArray[np.uint8]], ...] = field(repr=False)
    micro_batch: int | None
    seconds: float
    ends: tuple[float, float] = (0.0, 1.0)
    transparency: NDArray[np.float32] | None = field(default=None, repr=False)
    extreme: float | None = None
    precision: str = "float32"


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
    InputError : a rectified layer is to be lowered, a size that the net does not accept, or more than the memory holds
    NetworkFailure : the network's own code fails, in float32 too

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
    if settings.optimizer is not None:
        _named(OPTIMIZERS, settings.optimizer, "optimizer")
    planned = batches(net, checked(net, goals), settings)
    total = len(planned) * settings.steps
    for number, batch in enumerate(planned):
        told = 0

        def count(step: int, before: int = number * settings.steps) -> None:
            nonlocal told
            told = step
            if on_step is not None:
                on_step(before + step, total)

        with torch.inference_mode(False), torch.enable_grad():  # whatever the caller has switched off
            results = _in_some_format(net, batch, settings, count)
        if told < settings.steps:  # it stopped early
            count(settings.steps)
        yield batch, results


Entry = TypeVar("Entry")


def _named(table: Mapping[str, Entry], name: str, what: str) -> Entry:
    if name not in table:
        raise InputError(f"there is no {what} {name!r}; {did_you_mean(name, table)}")
    return table[name]


def _in_some_format(
    net: Net, batch: Batch, settings: ClimbSettings, on_step: Callable[[int], None]
) -> list[Climbed]:
    """The pictures of one batch; in float32 where the network's own code does not run in a shorter format."""
    planned = precision_of(settings.precision, net.device)
    if planned != "float32":
        with suppress(NetworkFailure):
            return _within_memory(net, batch, replace(settings, precision=planned), on_step)
    return _within_memory(net, batch, replace(settings, precision="float32"), on_step)


def _within_memory(
    net: Net, batch: Batch, settings: ClimbSettings, on_step: Callable[[int], None]
) -> list[Climbed]:
    """The pictures of one batch; of its halves, one after the other, where memory runs out."""
    try:
        return _climbed(net, batch, settings, on_step)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        if batch.capacity == batch.group:
            raise too_little(batch.size) from error
    # Out of the handler, so that nothing of the failed climb is kept alive by its traceback.
    if net.device.type == "cuda":
        torch.cuda.empty_cache()
    made = []
    for half in batch.halves():
        for one in _within_memory(net, half, settings, on_step):
            made.append(replace(one, micro_batch=one.micro_batch or half.capacity))
    return made


def _climbed(
    net: Net, batch: Batch, settings: ClimbSettings, on_step: Callable[[int], None]
) -> list[Climbed]:
    """The pictures of one batch."""
    started = time.perf_counter()
    goals = batch.padded
    canvas = _canvas(net, batch, settings)
    start = saved(canvas)
    kept = {0: start.pixels} if 0 in settings.snapshots else {}

    def keep(step: int) -> None:
        if step in settings.snapshots:
            kept[step] = saved(canvas).pixels
        on_step(step)

    layers = Scores(goals).layers
    transforms = TRANSFORMS[settings.transforms](seen(net, layers), min(batch.size))
    with tap(net, layers, grad=True) as run:
        look = Look(
            channels_together(net, layers, run), canvas, goals, settings=settings, transforms=transforms
        )
        trail = ascend(
            look, canvas, look.signs, pace=_pace(canvas, settings, transforms.identity), on_step=keep
        )
    pictures = saved(canvas)
    facts = facts_of(net, batch, trail, start, pictures)
    priced = bool(settings.regularize) or (batch.group > 1 and settings.diversity != 0)
    boxed = isinstance(settings.constraint, Box)
    facts = [
        replace(fact, priced=priced or goal.kept is not None, boxed=boxed)
        for fact, goal in zip(facts, batch.goals, strict=True)
    ]
    looked = canvas.transparency()
    if looked is None:
        looked = look.transparency()
    seconds = (time.perf_counter() - started) / len(batch.goals)
    return [
        Climbed(
            goal,
            pictures.pixels[row],
            _number(fact.final),
            _number(fact.initial),
            trail.history[row, : fact.steps].numpy(),
            fact.clipped,
            diagnosis(fact),
            advice(fact),
            tuple((step, kept[step][row]) for step in sorted(kept) if step <= fact.steps),
            None,
            seconds,
            (float(pictures.ends[row, 0]), float(pictures.ends[row, 1])),
            None if looked is None else looked[row].cpu().numpy(),
            fact.extreme,
            precision_of(settings.precision, net.device),
        )
        for row, (goal, fact) in enumerate(zip(batch.goals, facts, strict=True))
    ]


def _canvas(net: Net, batch: Batch, settings: ClimbSettings) -> Canvas:
    streams = [stream(settings.seed, str(goal), "start") for goal in batch.padded]
    canvas = canvas_of(net.input, batch.size, streams, settings, device=net.device)
    begin(canvas, [goal.start for goal in batch.padded])
    return canvas


def _pace(canvas: Canvas, settings: ClimbSettings, still: bool) -> Pace:
    """What is asked, and for the rest what suits the canvas, and a look that is `still` or moves from step to step."""
    rate = canvas.learning_rate if settings.learning_rate is None else settings.learning_rate
    usual = "gradient" if canvas.optimizer == "spectral" and not still else canvas.optimizer
    return Pace(
        settings.steps,
        settings.optimizer or usual,
        rate,
        settings.stop,
        settings.copies,
        settings.cooling or 0.0,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
