# SPDX-License-Identifier: Apache-2.0
"""Consistency: whether the climb of a unit finds the same maximum, and the same picture, from every random start."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import Climbed, Goal, Target, batch_size, channel, climb, ends_at_zero
from pellucid.errors import InputError
from pellucid.evidence.climbing import SIGN_TEXT, SIGNS, aim_of, climb_settings, completed, known_settings
from pellucid.evidence.consistencies import Consistencies, Consistency, start_image
from pellucid.evidence.job import Given, Job, Progress, Settings, by_layer, shared_out
from pellucid.evidence.starts import agreement
from pellucid.figures import Figure, Number, Picture, Table
from pellucid.figures.words import value_words
from pellucid.models import Model, Net, opened
from pellucid.records import Kind, Panel, Provenance, Record, Unit, UnitQuery

Told = Callable[[int, int], None]

__all__ = [
    "KIND",
    "NEEDS",
    "READS",
    "SETTINGS",
    "Consistencies",
    "Consistency",
    "consistency",
    "plan",
    "run",
    "settings",
    "units",
]

MEASURES = ("value_cv", "image_similarity", "baseline_similarity", "modes", "within_1pct")
KIND = Kind(
    name="consistency",
    title="Consistency",
    scope="unit",
    panels=(
        Panel(
            "From every start",
            "The same climb from different random noise. Look whether it is one thing each time: where the pictures "
            "fall into kinds, the unit looks for several things, and one optimum alone shows one of them.",
            ("starts", "values", "starts_negative", "values_negative"),
        ),
        Panel(
            "How well they agree",
            "Equal values do not mean equal pictures, and pictures of any two units of a layer are somewhat alike: hold "
            "the similarity against the baseline. Textures that repeat look less alike to it than to the eye.",
            tuple(f"{name}{side}" for side in ("", "_negative") for name in MEASURES),
        ),
    ),
    sortable=("value_cv", "image_similarity", "modes", "within_1pct"),
)
NEEDS = "ascent"
READS = ()
STARTS = 9  # as in the paper
OWN = {"objective": None, "sign": "+", "starts": STARTS}
SETTINGS = known_settings(OWN)
REFERENCES = 6  # other units of the layer, for what any two pictures of it have in common
GAP_PX = 2


def consistency(
    net: Model,
    *units: str | Unit | UnitQuery,
    starts: int = STARTS,
    progress: Progress | None = None,
    **asked: Any,
) -> Consistencies:
    """Climb each unit from several random starts, and measure how well values and pictures agree.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    units : as `features.7:0-15,40`; a bare layer means all its units
    starts : how many, at least 2; the first is the one that `optimize` makes
    progress : called with (done, total, what) after each unit's batch
    asked : as for `optimize`; `sign` is `+` when left out; with `both` a unit's negative side follows its positive one, unless
        its layer is rectified

    Raises
    ------
    UnknownName : no such layer or unit
    InputError : a setting that does not exist, or makes no sense here

    References
    ----------
    Erhan et al. 2009, who found the maximum reliably from each of nine starts and judged it by eye.

    Examples
    --------
    >>> import pellucid as pl
    >>> [one] = pl.consistency("demo", "conv2:3", starts=3, steps=4)
    >>> len(one.pictures), 0 <= one.found.within_1pct <= 1
    (3, True)
    """
    started = time.monotonic()
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    complete = settings(seen, {**asked, "starts": starts})
    jobs = plan(seen, chosen, complete)
    found: dict[Target, list[Consistency]] = {}
    for done, job in enumerate(jobs, 1):
        for sides in _measured(seen, job, complete):
            found[sides[0].unit] = sides
        if progress is not None:
            progress(done, len(jobs), "batches of starts")
    ordered = [one for unit in dict.fromkeys(chosen) for one in found[unit]]
    return Consistencies(ordered, time.monotonic() - started)


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """Complete settings: `objective`, `sign`, `starts`, and those of `ClimbSettings`.

    Raises
    ------
    InputError : a setting that does not exist, or a value that makes no sense
    """
    complete = completed(net, asked, OWN, "consistency")
    if not isinstance(complete["starts"], int) or complete["starts"] < 2:
        raise InputError(f"starts {complete['starts']}: at least 2 are needed to compare, 9 is the default")
    if complete["objective"] == "layer":
        raise InputError("consistency is of units; ask for the objective channel, or leave it out")
    return {**complete, "diversity": 0.0}


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """Units of one layer together, as many as the memory holds with all their starts."""
    jobs: list[Job] = []
    for layer, indices in by_layer(units).items():
        together = batch_size(net, [layer], climb_settings(settings))
        jobs += shared_out("consistency", layer, indices, max(1, together // settings["starts"]))
    return jobs


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each unit: all its pictures, what each reached, and how well they agree."""
    measured = _measured(net, job, settings, given.telling("steps of starts"))
    for index, sides in zip(job.indices, measured, strict=True):
        figures = _figures(sides[0])
        for one in sides[1:]:
            figures |= {f"{name}_negative": figure for name, figure in _figures(one, ", negative").items()}
        yield Record(KIND.name, job.layer, index, figures, sides[0].provenance)


def _measured(net: Net, job: Job, settings: Settings, on_step: Told | None = None) -> list[list[Consistency]]:
    """For each unit of the job one value, or with both signs the positive side and, where there is one, the negative."""
    if settings["sign"] != "both":
        return [[one] for one in _measured_side(net, job, settings, on_step)]
    lone = aim_of(net, Unit(job.layer, job.indices[0]), settings) or channel(job.layer, job.indices[0])
    signs = [sign for sign in ("+", "-") if not ends_at_zero(net, lone, SIGNS[sign][0])]
    sides = [_measured_side(net, job, {**settings, "sign": sign}, on_step) for sign in signs]
    return [list(each) for each in zip(*sides, strict=True)]


def _measured_side(net: Net, job: Job, settings: Settings, on_step: Told | None = None) -> list[Consistency]:
    starts = settings["starts"]
    goals = [goal for index in job.indices for goal in _goals(net, Unit(job.layer, index), settings)]
    climbing = replace(climb_settings(settings), batch=job.full * starts)
    made = climb(net, goals, climbing, on_step=on_step)
    others = _references(net, net.weights_digest, job.layer, json.dumps(settings, sort_keys=True))
    versions = net.card()["versions"]
    found = []
    for turn, index in enumerate(job.indices):
        own = made[turn * starts : (turn + 1) * starts]
        unlike = [picture for other, picture in others.items() if other != index]
        found.append(_compared(net, own, unlike, settings, versions))
    return found


def _goals(net: Net, unit: Unit, settings: Settings) -> list[Goal]:
    aim, sign = aim_of(net, unit, settings), 1 if settings["sign"] == "+" else -1
    about = unit if aim is None else aim.terms[0].unit
    return [Goal(about, sign, aim, start, settings["starts"]) for start in range(settings["starts"])]


@lru_cache(maxsize=16)
def _references(net: Net, weights: str, layer: str, settings: str) -> dict[int, NDArray[np.uint8]]:
    """First starts of some units of a layer, evenly spaced, by index: the same ones whichever units are asked."""
    complete = json.loads(settings)
    count = net.layer(layer).units
    indices = sorted({turn * count // REFERENCES for turn in range(min(REFERENCES, count))})
    goals = [replace(_goals(net, Unit(layer, index), complete)[0], pictures=1) for index in indices]
    made = climb(net, goals, replace(climb_settings(complete), batch=len(goals)))
    return {index: one.picture for index, one in zip(indices, made, strict=True)}


def _compared(
    net: Net,
    made: Sequence[Climbed],
    others: Sequence[NDArray[np.uint8]],
    settings: Settings,
    versions: dict[str, str],
) -> Consistency:
    """The starts of one unit held against each other and against other units."""
    goal = made[0].goal
    how = {**settings, "objective": str(goal.aim), "size": list(made[0].picture.shape[:2])}
    source = Provenance(
        net.name, net.weights_digest, "consistency", how, settings["seed"], versions, str(goal.unit)
    )
    pictures = tuple(one.picture for one in made)
    values = tuple(one.activation for one in made)
    return Consistency(
        unit=goal.unit,
        objective=goal.aim.terms[0].kind,
        sign=SIGN_TEXT[goal.sign],
        pictures=pictures,
        values=values,
        diagnoses=tuple(one.diagnosis for one in made),
        found=agreement(values, pictures, others, sign=goal.sign),
        provenance=source,
    )


def _figures(one: Consistency, side: str = "") -> dict[str, Figure]:
    """The figures of one side; `side` stands behind the name of each number."""
    found = one.found
    share = None if found.within_1pct is None else 100 * found.within_1pct
    said = f"inputs optimized for {one.unit} from {len(one.values)} starts, row by row"
    rows = tuple(
        (number, "-" if value is None else value_words(value), diagnosis or "")
        for number, (value, diagnosis) in enumerate(zip(one.values, one.diagnoses, strict=True))
    )
    return {
        "starts": Picture.of(_mosaic(one.pictures), one.provenance.to_json(), alt=said),
        "values": Table(("start", "reached", ""), rows),
        "value_cv": Number(found.value_cv, "spread of the values, sd over mean" + side),
        "image_similarity": Number(found.image_similarity, "likeness of its pictures, at most 1" + side),
        "baseline_similarity": Number(found.baseline_similarity, "likeness of other units' pictures" + side),
        "modes": Number(found.modes, "distinct pictures" + side),
        "within_1pct": Number(share, "starts within 1\u00a0% of the best" + side, "%"),
    }


def _mosaic(pictures: Sequence[NDArray[np.uint8]]) -> Image.Image:
    """All pictures row by row, nearly square, with hairlines of nothing between them."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    tiles = [start_image(pixels) for pixels in pictures]
    across, down = tiles[0].width + GAP_PX, tiles[0].height + GAP_PX
    page = Image.new("RGB", (columns * across - GAP_PX, rows * down - GAP_PX), "#fdfcf9")
    for number, tile in enumerate(tiles):
        page.paste(tile, (number % columns * across, number // columns * down))
    return page
