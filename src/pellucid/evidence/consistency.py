# SPDX-License-Identifier: Apache-2.0
"""Consistency: whether the climb of a unit finds the same maximum, and the same picture, from every random start."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import Climbed, Goal, Target, batch_size, climb
from pellucid.errors import InputError
from pellucid.evidence.climbing import SIGN_TEXT, aim_of, climb_settings, completed, known_settings
from pellucid.evidence.job import Given, Job, Progress, Settings, by_layer, shared_out
from pellucid.evidence.starts import Agreement, agreement
from pellucid.figures import Figure, Number, Picture, Table
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.models import Model, Net, opened
from pellucid.records import Kind, Panel, Provenance, Record, Unit, UnitQuery

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

KIND = Kind(
    name="consistency",
    title="Consistency",
    scope="unit",
    panels=(
        Panel(
            "From every start",
            "The same climb from different random noise. Look whether it is one thing each time: where the pictures "
            "fall into kinds, the unit looks for several things, and one optimum alone shows one of them.",
            ("starts", "values"),
        ),
        Panel(
            "How well they agree",
            "Equal values do not mean equal pictures, and pictures of any two units of a layer are somewhat alike: hold "
            "the similarity against the baseline. Textures that repeat look less alike to it than to the eye.",
            ("value_cv", "image_similarity", "baseline_similarity", "modes", "within_1pct"),
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


@dataclass(frozen=True, eq=False)
class Consistency:
    """One unit's climbs from several starts.

    `pictures` are (H, W, C) uint8, start by start; `values` what each reached, None where not finite; `diagnoses` None or the
    cause why one failed; `found` the figures as `pellucid.evidence.starts.Agreement` defines them.
    """

    unit: Target
    objective: str
    sign: str
    pictures: tuple[NDArray[np.uint8], ...] = field(repr=False)
    values: tuple[float | None, ...]
    diagnoses: tuple[str | None, ...]
    found: Agreement
    provenance: Provenance = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": str(self.unit),
            "objective": self.objective,
            "sign": self.sign,
            "starts": len(self.values),
            "value_cv": self.found.value_cv,
            "image_similarity": self.found.image_similarity,
            "baseline_similarity": self.found.baseline_similarity,
            "modes": self.found.modes,
            "within_1pct": self.found.within_1pct,
            "values": list(self.values),
            "diagnoses": list(self.diagnoses),
        }

    def plot(self) -> Image.Image:
        """The pictures of all starts on one sheet, each with its value, under what they have in common."""
        captions = [
            f"start {number}\n{diagnosis or value_words(value)}"
            for number, (value, diagnosis) in enumerate(zip(self.values, self.diagnoses, strict=True))
        ]
        tiles = [(_image(pixels), caption) for pixels, caption in zip(self.pictures, captions, strict=True)]
        columns = int(np.ceil(np.sqrt(len(tiles))))
        similar, baseline = (
            value_words(self.found.image_similarity),
            value_words(self.found.baseline_similarity),
        )
        said = f"{self.unit} {self.sign}  alike {similar}, others {baseline}, {self.found.modes} kinds"
        return contact_sheet(tiles, columns=columns, tile_px=max(144, tiles[0][0].width), title=said)

    def png(self) -> bytes:
        """The sheet as a PNG that carries its provenance."""
        return write_png(self.plot(), self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the sheet as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def save_pictures(self, directory: str | Path) -> list[Path]:
        """Write the picture of each start; the paths, start by start."""
        home, source = folder(directory), self.provenance.to_json()
        name = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{self.unit}")
        return [
            write(
                home / f"{name}-start-{number}.png",
                write_png(_image(pixels), {**source, "settings": {**source["settings"], "start": number}}),
            )
            for number, pixels in enumerate(self.pictures)
        ]

    def _repr_png_(self) -> bytes:
        return self.png()


class Consistencies(Sequence[Consistency]):
    """The consistency of several units, in the order asked; `seconds` is the time all took."""

    def __init__(self, units: Iterable[Consistency], seconds: float) -> None:
        self._units = tuple(units)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self._units)

    @overload
    def __getitem__(self, place: int) -> Consistency: ...
    @overload
    def __getitem__(self, place: slice) -> Consistencies: ...
    def __getitem__(self, place: int | slice) -> Consistency | Consistencies:
        return (
            Consistencies(self._units[place], self.seconds)
            if isinstance(place, slice)
            else self._units[place]
        )

    def __repr__(self) -> str:
        return f"<consistency of {len(self)} units in {self.seconds:.1f} s>"

    def table(self) -> Table:
        """One row for each unit."""
        rows: list[tuple[str | int | None, ...]] = []
        for one in self:
            found = one.found
            numbers = (found.value_cv, found.image_similarity, found.baseline_similarity)
            within = value_words(found.within_1pct)
            rows.append((str(one.unit), *map(value_words, numbers), found.modes, within))
        columns = ("unit", "value cv", "alike", "baseline", "kinds", "within 1 %")
        return Table(columns, tuple(rows))

    def save(self, directory: str | Path) -> list[list[Path]]:
        """The picture of each start, a sheet for each unit and all numbers as `consistency.json`; the paths of the pictures."""
        home = folder(directory)
        paths = []
        for one in self:
            paths.append(one.save_pictures(home))
            one.save(paths[-1][0].with_name(paths[-1][0].name.replace("-start-0", "-starts")))
        numbers = json.dumps([one.to_json() for one in self], allow_nan=False, indent=1)
        write(home / "consistency.json", numbers.encode())
        return paths

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


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
    asked : as for `optimize`; `sign` is `+` or `-`

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
    found: dict[Target, Consistency] = {}
    for done, job in enumerate(jobs, 1):
        found |= {one.unit: one for one in _measured(seen, job, complete)}
        if progress is not None:
            progress(done, len(jobs), "batches of starts")
    return Consistencies([found[unit] for unit in dict.fromkeys(chosen)], time.monotonic() - started)


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """Complete settings: `objective`, `sign`, `starts`, and those of `ClimbSettings`.

    Raises
    ------
    InputError : a setting that does not exist, or a value that makes no sense
    """
    complete = completed(net, asked, OWN, "consistency")
    if complete["sign"] == "both":  # what is asked of optima beside it
        complete["sign"] = "+"
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
    for index, one in zip(job.indices, _measured(net, job, settings), strict=True):
        yield Record(KIND.name, job.layer, index, _figures(one), one.provenance)


def _measured(net: Net, job: Job, settings: Settings) -> list[Consistency]:
    starts = settings["starts"]
    goals = [goal for index in job.indices for goal in _goals(Unit(job.layer, index), settings)]
    climbing = replace(climb_settings(settings), batch=job.full * starts)
    made = climb(net, goals, climbing)
    others = _references(net, net.weights_digest, job.layer, json.dumps(settings, sort_keys=True))
    versions = net.card()["versions"]
    found = []
    for turn, index in enumerate(job.indices):
        own = made[turn * starts : (turn + 1) * starts]
        unlike = [picture for other, picture in others.items() if other != index]
        found.append(_compared(net, own, unlike, settings, versions))
    return found


def _goals(unit: Unit, settings: Settings) -> list[Goal]:
    aim, sign = aim_of(unit, settings), 1 if settings["sign"] == "+" else -1
    about = unit if aim is None else aim.terms[0].unit
    return [Goal(about, sign, aim, start, settings["starts"]) for start in range(settings["starts"])]


@lru_cache(maxsize=16)
def _references(net: Net, weights: str, layer: str, settings: str) -> dict[int, NDArray[np.uint8]]:
    """First starts of some units of a layer, evenly spaced, by index: the same ones whichever units are asked."""
    complete = json.loads(settings)
    count = net.layer(layer).units
    indices = sorted({turn * count // REFERENCES for turn in range(min(REFERENCES, count))})
    goals = [replace(_goals(Unit(layer, index), complete)[0], pictures=1) for index in indices]
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


def _figures(one: Consistency) -> dict[str, Figure]:
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
        "value_cv": Number(found.value_cv, "spread of the values, sd over mean"),
        "image_similarity": Number(found.image_similarity, "pictures alike, −1 to 1"),
        "baseline_similarity": Number(found.baseline_similarity, "the same between different units"),
        "modes": Number(found.modes, "kinds of pictures"),
        "within_1pct": Number(share, "starts within 1 % of the best", "%"),
    }


def _mosaic(pictures: Sequence[NDArray[np.uint8]]) -> Image.Image:
    """All pictures row by row, nearly square, with hairlines of nothing between them."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    tiles = [_image(pixels) for pixels in pictures]
    across, down = tiles[0].width + GAP_PX, tiles[0].height + GAP_PX
    page = Image.new("RGB", (columns * across - GAP_PX, rows * down - GAP_PX), "#fdfcf9")
    for number, tile in enumerate(tiles):
        page.paste(tile, (number % columns * across, number // columns * down))
    return page


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., :3])
