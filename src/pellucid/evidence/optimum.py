# SPDX-License-Identifier: Apache-2.0
"""The optimum: the input that excites a unit most, and the one that excites it least, made by optimization."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pellucid.ascent import (
    OBJECTIVES,
    Climbed,
    Goal,
    Objective,
    Target,
    batch_size,
    climb,
    climbs,
    ends_at_zero,
)
from pellucid.errors import InputError
from pellucid.evidence.climbing import SIGN_TEXT, SIGNS, aim_of, climb_settings, completed, known_settings
from pellucid.evidence.job import Given, Job, Progress, Settings, by_layer, shared_out
from pellucid.evidence.optima import Optima, Optimum
from pellucid.figures import Blob, Figure, Number, Picture
from pellucid.models import OUTPUT, Model, Net, opened
from pellucid.records import Kind, Layer, Panel, Provenance, Record, Unit, UnitQuery

__all__ = [
    "KIND",
    "NEEDS",
    "READS",
    "SETTINGS",
    "Optima",
    "Optimum",
    "no_negative",
    "optimize",
    "plan",
    "run",
    "settings",
    "units",
]

KIND = Kind(
    name="optimum",
    title="Optimum",
    scope="unit",
    panels=(
        Panel(
            "Optimized input",
            "Look for the texture or part that repeats, and compare it with the examples. It is one "
            "answer of many, its colors are exaggerated, and it lies outside the data: never believe it "
            "alone.",
            (
                "positive",
                "activation_positive",
                "diagnosis_positive",
                "negative",
                "activation_negative",
                "diagnosis_negative",
            ),
        ),
        Panel(
            "What it reached",
            "The objective's value on the picture as saved stands under it; here the same on the faint noise it "
            "started from. A large number alone does not make the picture meaningful.",
            (
                "initial_positive",
                "clipped_positive",
                "extreme_positive",
                "initial_negative",
                "clipped_negative",
                "extreme_negative",
            ),
        ),
    ),
    thumbnail="positive",
    sortable=("activation_positive", "activation_negative"),
)
NEEDS = "ascent"
READS = ()
OWN = {"objective": None, "sign": "both", "pictures": 1}
SETTINGS = known_settings(OWN)
PLAIN = ("channel", "logit", "neuron")
FORMAT_NOTE = "computed in float32: the network's own code does not run in"


def optimize(
    net: Model,
    *units: str | Unit | UnitQuery | Objective,
    progress: Progress | None = None,
    on_made: Callable[[Optimum], object] | None = None,
    **asked: Any,
) -> Optima:
    """Make the input that excites each unit most, and the one that excites it least.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    units : as `features.7:0-15,40`, `features.7:10@center`, `logits:tabby`; a bare layer means all its units; or objectives,
        as `channel("features.7", 10) + 0.5 * logit("tabby")`, or `channel("features.7", 10) * channel("features.7", 11)`
    asked : `objective` (`channel`, `excitation`, `neuron`, `layer`, `logit`, `probability`), `sign` (`+`, `-`, `both`),
        `pictures` (several different ones of each unit), `size` in pixels, `snapshots` (steps, or `all`), and what
        `pellucid.ascent.ClimbSettings` holds: `steps`, `canvas`, `transforms`, `copies`, `regularize`, `optimizer`,
        `learning_rate`, `stop`, `diversity`, `seed`, `batch`, `memory` (as `4GiB`), `statistics` of data as `measure` gives, and
        `constraint` and `held` of `pellucid.ascent`; what is left out has its default
    progress : called with (done, total, what) after each step of a batch, of `steps`, and after each batch, of `pictures` done
    on_made : called with each optimum as soon as its batch is done, so that an interruption loses no more than a batch

    Returns
    -------
    Optima: in the order asked; a rectified layer has no negative ones unless `sign` is `-`, which is refused

    Raises
    ------
    UnknownName : no such layer or unit
    InputError : a setting that does not exist, the negative side of a rectified layer, or a size beyond the memory

    References
    ----------
    Erhan et al. 2009, Visualizing higher-layer features of a deep network; Olah et al. 2017, Feature visualization.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.load("demo")
    >>> optima = pl.optimize(net, "conv2:3", sign="+", steps=8)
    >>> optima[0].activation > optima[0].initial
    True
    >>> pl.optimize(net, 0.5 * pl.channel("conv2", 3) + pl.logit(0), sign="+", steps=2)[0].objective
    '0.5 x channel conv2:3 + logit logits:0'
    """
    started = time.monotonic()
    seen = opened(net)
    complete = settings(seen, asked)
    goals = [goal for one in units for goal in _goals(seen, one, complete)]
    if not goals:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    wanted = list(dict.fromkeys(goals))
    found: dict[int, Optimum] = {}
    climbing = climb_settings(complete, asked)
    told = progress or _nobody
    told(0, len(wanted), "pictures")
    for batch, made in climbs(seen, wanted, climbing, on_step=lambda done, total: told(done, total, "steps")):
        for place, one in zip(batch.places, made, strict=True):
            found[place] = _optimum(seen, one, complete)
            if on_made is not None:
                on_made(found[place])
        told(len(found), len(wanted), "pictures")
    return Optima([found[place] for place in range(len(wanted))], time.monotonic() - started)


def _nobody(done: int, total: int, what: str) -> None:
    """Where no progress is asked for."""


def _goals(net: Net, asked: str | Unit | UnitQuery | Objective, settings: Settings) -> list[Goal]:
    """The goals of one thing asked: all its pictures with the first sign, then all with the second."""
    if isinstance(asked, Objective):
        return _goals_of(net, asked.terms[0].unit, asked, settings) if asked.terms else []
    if settings["objective"] == "layer":
        query = UnitQuery.parse(asked) if isinstance(asked, str) else asked
        aim = OBJECTIVES["layer"](query)
        return _goals_of(net, aim.terms[0].unit, aim, settings)
    goals = []
    for unit in net.units([asked]):
        chosen = aim_of(net, unit, settings)
        goals += _goals_of(net, unit if chosen is None else chosen.terms[0].unit, chosen, settings)
    return goals


def _goals_of(net: Net, unit: Target, aim: Objective | None, settings: Settings) -> list[Goal]:
    pictures = settings["pictures"]
    return [
        Goal(unit, sign, aim, picture, pictures)
        for sign in _signs(net, Goal(unit, 1, aim).aim, settings)
        for picture in range(pictures)
    ]


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """Complete settings: `objective`, `sign`, `pictures`, and those of `ClimbSettings`.

    Raises
    ------
    InputError : a setting that does not exist, or a value that makes no sense
    UnknownName : an objective, canvas, optimizer, regularizer or preset of transforms that does not exist
    """
    complete = completed(net, asked, OWN, "optimize")
    if not isinstance(complete["pictures"], int) or complete["pictures"] < 1:
        raise InputError(f"pictures {complete['pictures']}: at least 1 of each unit is needed")
    return complete


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """Units of one layer together, as many as the memory holds with all their signs."""
    if settings["pictures"] > 1 or settings["objective"] == "layer":
        raise InputError("a record holds one picture of one unit for each sign; ask optimize for others")
    climbing = climb_settings(settings)
    jobs: list[Job] = []
    for layer, indices in by_layer(units).items():
        signs = {goal.sign for goal in _goals(net, Unit(layer, indices[0]), settings)}
        together = batch_size(net, [layer], climbing)
        jobs += shared_out("optimum", layer, indices, max(1, together // len(signs)))
    return jobs


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each unit, with the picture of each sign."""
    asked = [_goals(net, Unit(job.layer, index), settings) for index in job.indices]
    climbing = dataclasses.replace(climb_settings(settings), batch=job.full * len(asked[0]))
    wanted = [goal for goals in asked for goal in goals]
    made = iter(climb(net, wanted, climbing, on_step=given.telling("steps")))
    for index, goals in zip(job.indices, asked, strict=True):
        optima = [_optimum(net, next(made), settings) for _ in goals]
        figures: dict[str, Figure] = {}
        for one in optima:
            figures |= _figures(one)
        if settings["sign"] == "both" and "negative" not in figures:
            figures["negative_note"] = Number(no_negative(net.layer(job.layer)), "negative")
        yield Record(KIND.name, job.layer, index, figures, optima[0].provenance)


def no_negative(layer: Layer) -> str:
    """Why a rectified layer has no negative optimum, and who has."""
    fed_by = f"; the layers that feed it have one: {', '.join(layer.fed_by)}" if layer.fed_by else ""
    return f"{layer.name} ends in its own ReLU and is never below 0, so it has no negative optimum{fed_by}"


def _signs(net: Net, aim: Objective, settings: Settings) -> tuple[int, ...]:
    """The signs to climb; both means only those that lead somewhere, as the positive one where a layer is rectified."""
    signs = SIGNS[settings["sign"]]
    leading = tuple(sign for sign in signs if not ends_at_zero(net, aim, sign))
    return leading if settings["sign"] == "both" and leading else signs


def _optimum(net: Net, one: Climbed, settings: Settings) -> Optimum:
    """What was climbed, with its provenance."""
    goal, steps = one.goal, len(one.history)
    made_with = {
        **settings,
        "objective": str(goal.aim),
        "sign": SIGN_TEXT[goal.sign],
        "size": list(one.picture.shape[:2]),
        "steps": steps,
        "picture": goal.picture,
    }
    if any(each.vector for each in goal.aim.readings):
        made_with["terms"] = [term.to_json() for term in goal.aim.terms]
    if one.precision != settings["precision"]:
        made_with |= {"precision": one.precision, "format_note": f"{FORMAT_NOTE} {settings['precision']}"}
    if one.ends != (0.0, 1.0):
        made_with["ends"] = list(one.ends)
    if one.micro_batch is not None:
        made_with |= {"micro_batch": one.micro_batch, "note": "memory ran out: not bit-reproducible"}
    source = Provenance(
        net.name,
        net.weights_digest,
        "optimum",
        made_with,
        settings["seed"],
        net.card()["versions"],
        str(goal.unit),
    )
    return Optimum(
        unit=goal.unit,
        objective=_short(goal.aim),
        sign=SIGN_TEXT[goal.sign],
        pixels=one.picture,
        activation=one.activation,
        initial=one.initial,
        history=tuple(float(value) for value in one.history),
        steps=steps,
        seconds=one.seconds,
        seed=settings["seed"],
        clipped=one.clipped,
        diagnosis=one.diagnosis,
        advice=one.advice,
        provenance=source,
        label=_label(net, goal),
        picture=goal.picture,
        snapshots=one.snapshots,
        micro_batch=one.micro_batch,
        ends=one.ends,
        transparency=one.transparency,
        extreme=one.extreme,
        format_note=made_with.get("format_note", ""),
    )


def _label(net: Net, goal: Goal) -> str | None:
    """The name of the class that a unit of the output stands for."""
    if net.labels is None or goal.unit.layer != OUTPUT or not isinstance(goal.unit, Unit):
        return None
    return net.labels[goal.unit.index]


def _short(aim: Objective) -> str:
    """The objective's name where it says all beside the unit, otherwise its words."""
    [first, *others] = aim.terms
    plain = first.weight == 1 and not (first.factors or others or aim.constant)
    return first.kind if plain and first.kind in OBJECTIVES else str(aim)


def _figures(one: Optimum) -> dict[str, Figure]:
    word = one.word
    width, height = one.image.size
    said = f"input optimized to {'raise' if one.sign == '+' else 'lower'} {one.unit}"
    # What is no plain mean of the unit's responses is not taken for one.
    reached = "activation" if one.objective in PLAIN else f"activation ({one.objective})"
    figures: dict[str, Figure] = {
        f"activation_{word}": Number(one.activation, f"{reached}, {word}"),
        f"initial_{word}": Number(one.initial, f"at the start, {word}"),
        f"extreme_{word}": Number(
            one.extreme, f"{'highest' if one.sign == '+' else 'lowest'} response in it"
        ),
        f"clipped_{word}": Number(round(100 * one.clipped, 2), f"clipped, {word}", "%"),
    }
    if one.diagnosis is not None:
        figures[f"diagnosis_{word}"] = Number(f"{one.diagnosis}: {one.advice}", f"diagnosis, {word}")
    return {word: Picture(Blob.of(one.png()), width, height, said), **figures}
