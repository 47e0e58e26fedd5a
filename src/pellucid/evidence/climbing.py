# SPDX-License-Identifier: Apache-2.0
"""What a user may set of a climb, completed and checked the same way for every kind of evidence that climbs."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pellucid.ascent import (
    CANVASES,
    OBJECTIVES,
    OPTIMIZERS,
    STOPS,
    TRANSFORMS,
    ClimbSettings,
    Mahalanobis,
    NormBall,
    Objective,
    Target,
    best_precision,
    bytes_of,
    constraint_as,
    regularize_as,
)
from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.evidence.job import Settings
from pellucid.models.net import Net
from pellucid.records import Unit

__all__ = ["SIGNS", "SIGN_TEXT", "aim_of", "climb_settings", "completed", "known_settings"]

SIGNS = {"+": (1,), "-": (-1,), "both": (1, -1)}
SIGN_TEXT = {1: "+", -1: "-"}
TABLES: dict[str, Collection[str]] = {
    "objective": OBJECTIVES,
    "canvas": CANVASES,
    "transforms": TRANSFORMS,
    "optimizer": OPTIMIZERS,
    "stop": STOPS,
}
# In a ball each climb runs until it has settled, on a quadratic's sharpest bends after some hundreds of steps.
BALLS, BALL_STEPS = (NormBall, Mahalanobis), 1000
CLIMBING = frozenset(field.name for field in dataclasses.fields(ClimbSettings))


def known_settings(own: Iterable[str]) -> frozenset[str]:
    """The names of what may be set: those of a kind's own, and those of every climb."""
    return CLIMBING | frozenset(own)


def completed(net: Net, asked: Settings, own: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """All settings as JSON values: those in `own` with their defaults, and those of `ClimbSettings`.

    Raises
    ------
    InputError : a setting that does not exist, or a value that makes no sense
    UnknownName : an objective, canvas, optimizer, regularizer or preset of transforms that does not exist
    """
    known = known_settings(own)
    for name in asked:
        if name not in known:
            raise InputError(f"{kind} has no setting {name!r}; {did_you_mean(name, sorted(known), 24)}")
    given = {**own, **{name: value for name, value in asked.items() if value is not None}}
    if given["sign"] not in SIGNS:
        raise InputError(f"sign {given['sign']!r}: write +, - or both")
    for what, table in TABLES.items():
        if given.get(what) is not None and given[what] not in table:
            raise UnknownName(
                f"no {what} is called {given[what]!r}; {did_you_mean(str(given[what]), table, 9)}"
            )
    wishes = _typed({name: value for name, value in given.items() if name in CLIMBING})
    # Written out, so that a survey that goes on elsewhere computes in the same number format.
    wishes.setdefault("precision", best_precision(net.device))
    climbing = ClimbSettings(**wishes)
    if max(climbing.snapshots, default=0) > climbing.steps:
        raise InputError(
            f"a snapshot after {max(climbing.snapshots)} steps of {climbing.steps}; ask for earlier ones"
        )
    return {**{name: given[name] for name in own}, **climbing.to_json()}


def climb_settings(settings: Settings, values: Settings | None = None) -> ClimbSettings:
    """What of completed settings is about the climb; `values` holds what JSON does not, as statistics."""
    given = dict(values or {})
    if given.get("constraint") is not None:
        given["constraint"] = constraint_as(given["constraint"])
    return ClimbSettings.from_json({name: settings[name] for name in settings if name in CLIMBING}, given)


def aim_of(net: Net, target: Target, settings: Settings) -> Objective | None:
    """The objective that the settings name, of a unit; None for the unit's plain one.

    Where nothing bends before a layer, a unit's plain mean over its positions is that of the whole picture: whatever an edge
    filter gains on one side of an edge it loses on the other, and what is left are flat color and the border. There
    `excitation` is climbed, unless a constraint asks for the exact maximum.
    """
    if settings["objective"] is not None:
        return OBJECTIVES[settings["objective"]](target)
    whole = isinstance(target, Unit) and target.position is None and net.layer(target.layer).grid
    if whole and settings.get("constraint") is None and net.is_straight(target.layer):
        return OBJECTIVES["excitation"](target)
    return None


def _typed(wishes: dict[str, Any]) -> dict[str, Any]:
    """What a user writes in short, written out as `ClimbSettings` takes it."""
    if "memory" in wishes:
        wishes["memory"] = bytes_of(wishes["memory"])
    if isinstance(wishes.get("size"), int):
        wishes["size"] = (wishes["size"], wishes["size"])
    if "regularize" in wishes:
        wishes["regularize"] = regularize_as(wishes["regularize"])
    if "constraint" in wishes:
        wishes["constraint"] = constraint_as(wishes["constraint"])
        # What a constraint is for is the exact maximum, and that is in the input itself, not in shifted views of it.
        wishes.setdefault("canvas", "pixels")
        wishes.setdefault("transforms", "none")
        wishes.setdefault("precision", "float32")
        if isinstance(wishes["constraint"], BALLS):
            wishes.setdefault("stop", "flat")
            wishes.setdefault("steps", BALL_STEPS)
    if "held" in wishes:
        wishes.setdefault("size", wishes["held"].size)
    if "snapshots" in wishes:
        wishes["snapshots"] = _snapshots(wishes["snapshots"], wishes.get("steps", ClimbSettings.steps))
    return wishes


def _snapshots(asked: str | Iterable[int], steps: int) -> tuple[int, ...]:
    if asked == "all":
        return tuple(range(steps + 1))
    try:
        return tuple(sorted({int(step) for step in (asked.split(",") if isinstance(asked, str) else asked)}))
    except (TypeError, ValueError):
        raise InputError(f"snapshots {asked!r}: write steps, as 0,8,32, or all") from None
