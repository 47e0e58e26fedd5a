# SPDX-License-Identifier: Apache-2.0
"""Tuning: what a unit answers to gratings, edges, curves, colors and other stimuli that one understands."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.ascent import ClimbSettings, Goal, climb
from pellucid.data import fed
from pellucid.errors import InputError, did_you_mean
from pellucid.evidence.exemplars import UnitExamples
from pellucid.evidence.job import Given, Held, Job, Progress, Settings, by_layer
from pellucid.evidence.moved import Moved, Subject, moved
from pellucid.evidence.optima import Optimum
from pellucid.evidence.probing import Probed, Site, probe, site_of
from pellucid.evidence.tuning_figures import KIND, tuning_figures
from pellucid.evidence.tunings import Tuning, Tunings
from pellucid.figures import Blob, Figure, Item, Items, Picture
from pellucid.models import Model, Net, opened
from pellucid.models.net import versions
from pellucid.records import Provenance, Record, Unit, UnitQuery
from pellucid.stimuli import FAMILIES, Family, Flat, batteries, left_out, reading_of, tabled

__all__ = [
    "KIND",
    "NEEDS",
    "READS",
    "SETTINGS",
    "Tuning",
    "Tunings",
    "plan",
    "run",
    "settings",
    "tuning",
    "units",
]

NEEDS = "stimuli"
READS = ("optimum", "examples")
DEFAULTS = {
    "families": None,
    "orientations": None,
    "phases": 6,
    "hues": 36,
    "tuning_batch": 16,
    "moved": True,
}
SETTINGS = frozenset(DEFAULTS)
# The fewest and the most that can be asked: finer steps than a degree of orientation or hue show nothing more.
BOUNDS = {"orientations": (3, 180), "phases": (3, 72), "hues": (6, 360), "tuning_batch": (1, 4096)}


def tuning(
    net: Model,
    *units: str | Unit | UnitQuery,
    optima: Iterable[Optimum] = (),
    examples: Iterable[UnitExamples] = (),
    climb_own: bool = False,
    progress: Progress | None = None,
    **asked: Any,
) -> Tunings:
    """Show units stimuli that one understands, and read what each is tuned to.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    units : as `features.7:0-15`; a bare layer means all its units, which costs no more than one of them
    optima, examples : what `optimize` and `examples` gave of the same units: these pictures are turned, shifted and scaled, and
        the response is plotted
    climb_own : make the optimum of each unit for that where none is given
    asked : `families` (names of `pellucid.stimuli.FAMILIES`, all by default), `orientations`, `phases` and `hues` (how many),
        `tuning_batch` (pictures run at once)
    progress : called with (done, total, what) after each batch

    Returns
    -------
    Tunings: in the order asked; `[0].verdict` says in words what the first unit prefers, `[0].reading` all numbers

    Raises
    ------
    UnknownName : no such layer, unit or family
    InputError : a setting that does not exist, or makes no sense

    References
    ----------
    Harris et al. 2020, How convolutional neural network architecture biases learned opponency and color tuning (gratings, hues,
    opponency); Cammarata et al. 2020, Curve detectors (curves, turned examples); Schubert et al. 2021, High-low frequency
    detectors.

    Examples
    --------
    >>> import pellucid as pl
    >>> [one] = pl.tuning("demo", "conv1:10", families=["grating", "edge"], phases=4)
    >>> 0 <= one.reading.wave.orientation_deg < 180
    True
    """
    started = time.monotonic()
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    complete = settings(seen, asked)
    own = {one.unit: one for one in optima if one.sign == "+" and one.ends == (0.0, 1.0)}
    real = {one.unit: one for one in examples}

    def subjects(unit: Unit) -> Iterator[Subject]:
        if unit in own:
            yield Subject("optimum", own[unit].pixels)
        elif climb_own:
            yield Subject("optimum", climb(seen, [Goal(unit)], ClimbSettings())[0].picture)
        if unit in real:
            yield from _example(seen, real[unit].items.get("max"), lambda blob: blob)

    found: dict[Unit, Tuning] = {}
    shown = 0
    jobs = plan(seen, chosen, complete)
    for turn, job in enumerate(jobs):
        report = None if progress is None else _report(progress, turn, len(jobs))
        probed, left = _probed(seen, job, complete, report)
        shown = sum(map(len, probed.batteries))
        for index in job.indices:
            unit = Unit(job.layer, index)
            moves = tuple(moved(seen, unit, one, batch=complete["tuning_batch"]) for one in subjects(unit))
            found[unit] = _tuning(seen, probed, unit, left, moves, complete)
            if moves and progress is not None:
                progress(len(found), len(set(chosen)), "units with pictures moved")
    return Tunings([found[unit] for unit in dict.fromkeys(chosen)], time.monotonic() - started, shown)


def _report(progress: Progress, turn: int, jobs: int) -> Callable[[int, int], None]:
    return lambda done, total: progress(turn * total + done, jobs * total, "stimuli")


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """Complete settings: `families`, `orientations`, `phases`, `hues`, `tuning_batch`, and whether pictures are `moved`.

    Raises
    ------
    InputError : a setting that does not exist, or a value that makes no sense
    UnknownName : no such family
    """
    for name in asked:
        if name not in SETTINGS:
            raise InputError(f"tuning has no setting {name!r}; {did_you_mean(name, sorted(SETTINGS), 24)}")
    complete = {**DEFAULTS, **{name: value for name, value in asked.items() if value is not None}}
    wanted = FAMILIES if complete["families"] is None else complete["families"]
    if isinstance(wanted, str):
        wanted = [part.strip() for part in wanted.split(",")]
    complete["families"] = [family.name for family in tabled(tuple(wanted))]
    if not complete["families"]:
        raise InputError(f"no family of stimuli was asked; there are {', '.join(FAMILIES)}")
    for name, (fewest, most) in BOUNDS.items():
        value = complete[name]
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not fewest <= value <= most:
            raise InputError(f"{name} {value!r}: a whole number from {fewest} to {most} is needed")
    complete["moved"] = bool(complete["moved"])
    return complete


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """One job for each layer: all its units are read from the same pictures."""
    return [
        Job(f"tuning/{layer}", layer, indices, len(indices)) for layer, indices in by_layer(units).items()
    ]


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each unit: best stimuli, curves, opponency, verdict, and its own pictures moved."""
    probed, left = _probed(net, job, settings, given.telling("stimuli"))
    for done, index in enumerate(job.indices, 1):
        unit = Unit(job.layer, index)
        subjects = _held_subjects(net, unit, given.held) if settings["moved"] else ()
        moves = tuple(moved(net, unit, one, batch=settings["tuning_batch"]) for one in subjects)
        one = _tuning(net, probed, unit, left, moves, settings)
        yield Record(KIND.name, job.layer, index, tuning_figures(one), one.provenance)
        given.tell(done, len(job.indices), "units tuned")


def _probed(
    net: Net, job: Job, settings: Settings, on_batch: Callable[[int, int], None] | None = None
) -> tuple[Probed, dict[str, str]]:
    """The responses of a layer to all stimuli that its input can show, and the families that it cannot."""
    site = site_of(net, job.layer)
    families = _families(settings)
    shown = batteries(families, site.frame)
    probed = probe(net, site, shown, batch=settings["tuning_batch"], on_batch=on_batch)
    return probed, left_out(families, site.frame)


def _families(settings: Settings) -> list[Family]:
    counts = {name: settings[name] for name in ("orientations", "phases", "hues")}
    return tabled(tuple(settings["families"]), **counts)


def _tuning(
    net: Net,
    probed: Probed,
    unit: Unit,
    left: Mapping[str, str],
    moves: tuple[Moved, ...],
    settings: Settings,
) -> Tuning:
    flat = probed.flat[unit.index]
    responses = {name: table[:, unit.index].astype(np.float64) for name, table in probed.responses.items()}
    broken = sum(int((~np.isfinite(values)).sum()) for values in responses.values())
    if broken or not all(np.isfinite([flat.black, *flat.gray.values()])):
        flat = Flat({where: _finite(gray) for where, gray in flat.gray.items()}, _finite(flat.black))
        responses = {
            name: np.where(np.isfinite(values), values, flat.gray["center"])
            for name, values in responses.items()
        }
    reading = reading_of(list(probed.batteries), responses, flat)
    boxes = {
        name: _box(net, probed.site, unit, probed.position(name, family.place, unit.index))
        for name, family in reading.families.items()
    }
    source = Provenance(net.name, net.weights_digest, "tuning", settings, None, versions(), str(unit))
    return Tuning(unit, reading, probed.site.frame, boxes, left, moves, source, broken)


def _finite(value: float) -> float:
    """The value, or 0 for one that is no finite number."""
    return value if math.isfinite(value) else 0.0


def _box(net: Net, site: Site, unit: Unit, position: tuple[int, ...]) -> tuple[int, int, int, int]:
    """What a unit sees at a position, within the picture."""
    height, width = net.input.size
    whole = (0, 0, width, height)
    if site.center is None or site.layer.receptive_field is None:
        return whole
    x0, y0, x1, y1 = net.fields(unit.layer).box(unit.index, position)
    box = (max(x0, 0), max(y0, 0), min(x1, width), min(y1, height))
    return box if box[0] < box[2] and box[1] < box[3] else whole


def _held_subjects(net: Net, unit: Unit, held: Held | None) -> Iterator[Subject]:
    """The unit's optimum and best example, as far as the atlas has them."""
    if held is None:
        return
    optimum = held.record(READS[0], unit.layer, unit.index)
    picture = None if optimum is None else optimum.figures.get("positive")
    source = None if optimum is None else optimum.provenance
    # Under a constraint a picture's 0 and 255 stand for other values than 0 and 1.
    plain = source is None or not source.settings.get("constraint")
    if isinstance(picture, Picture) and plain and net.input.channels in (1, 3):
        mode = "RGB" if net.input.channels == 3 else "L"
        pixels = np.asarray(held.blob(picture.blob.hash).image().convert(mode))
        yield Subject("optimum", pixels.reshape(*pixels.shape[:2], net.input.channels))
    examples = held.record(READS[1], unit.layer, unit.index)
    band = None if examples is None else examples.figures.get("max")
    yield from _example(net, band, lambda blob: held.blob(blob.hash))


def _example(net: Net, band: Figure | None, read: Callable[[Blob], Blob]) -> Iterator[Subject]:
    """The best example of a band, as the net is fed its preview."""
    first: Item | None = band.items[0] if isinstance(band, Items) and band.items else None
    if first is None or first.preview is None or net.input.channels not in (1, 3):
        return
    try:
        pixels, _ = fed(read(first.preview).image().convert("RGB"), net.input.recipe)
    except InputError:  # too narrow to be fed
        return
    yield Subject("example", pixels)
