# SPDX-License-Identifier: Apache-2.0
"""The optimum: the input that excites a unit most, and the one that excites it least, made by optimization."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.ascent import (
    CANVASES,
    DIAGNOSES,
    OBJECTIVES,
    TRANSFORMS,
    ClimbSettings,
    Goal,
    batch_size,
    best_precision,
    climb,
)
from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.evidence.job import Job, Progress, Settings, by_layer, shared_out
from pellucid.figures import Blob, Figure, Number, Picture
from pellucid.figures.file import folder, picture_path, write
from pellucid.figures.sheet import contact_sheet
from pellucid.figures.stamp import write_png
from pellucid.figures.words import value_words
from pellucid.models import Model, Net, opened
from pellucid.records import Kind, Layer, Panel, Provenance, Record, Unit, UnitQuery
from pellucid.scan import Scanned

__all__ = ["KIND", "NEEDS", "Optima", "Optimum", "optimize", "plan", "run", "settings", "units"]

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
                "initial_negative",
                "clipped_negative",
            ),
        ),
    ),
    thumbnail="positive",
    sortable=("activation_positive", "activation_negative"),
)
NEEDS = "ascent"
SIGNS = {"+": (1,), "-": (-1,), "both": (1, -1)}
SIGN_TEXT = {1: "+", -1: "-"}
MOST_TILES = 1024  # of a sheet that can still be opened and looked at


@dataclass(frozen=True)
class Optimum:
    """One optimized input.

    `pixels` is (H, W, C) uint8, sRGB; `activation` the unit's objective on exactly these pixels, `initial` the same at the
    start, both in the unit's own response, None where that is not finite; `history` one value a step, under
    transforms; `clipped` in 0..1.
    """

    unit: Unit
    objective: str
    sign: str
    pixels: NDArray[np.uint8]
    activation: float | None
    initial: float | None
    history: tuple[float, ...]
    steps: int
    seconds: float
    seed: int
    clipped: float
    diagnosis: str | None
    provenance: Provenance

    @property
    def word(self) -> str:
        """`positive` or `negative`."""
        return "positive" if self.sign == "+" else "negative"

    @property
    def advice(self) -> str:
        """What the diagnosis means and what would help; empty when there is none."""
        return "" if self.diagnosis is None else DIAGNOSES[self.diagnosis]

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image."""
        return Image.fromarray(self.pixels[..., 0] if self.pixels.shape[-1] == 1 else self.pixels[..., :3])

    def png(self) -> bytes:
        """The picture as a PNG that carries its provenance."""
        return write_png(self.image, self.provenance.to_json())

    def save(self, path: str | Path) -> Path:
        """Write the picture as a PNG that carries its provenance."""
        return write(picture_path(path), self.png())

    def plot(self) -> Image.Image:
        """The picture under its unit, sign and activation."""
        return contact_sheet(
            [(self.image, self.caption)], tile_px=max(192, self.image.width), title=self.provenance.net
        )

    @property
    def caption(self) -> str:
        """Two short lines: unit and sign, then what it reached or why it failed."""
        return f"{self.unit} {self.sign}\n{self.diagnosis or value_words(self.activation)}"

    def __repr__(self) -> str:
        return f"<optimum of {self.unit} {self.sign}: {self.diagnosis or value_words(self.activation)}>"

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": str(self.unit),
            "objective": self.objective,
            "sign": self.sign,
            "activation": self.activation,
            "initial": self.initial,
            "steps": self.steps,
            "seconds": round(self.seconds, 4),
            "seed": self.seed,
            "clipped": self.clipped,
            "diagnosis": self.diagnosis,
        }

    def _repr_png_(self) -> bytes:
        return self.png()


class Optima(Sequence[Optimum]):
    """Optimized inputs in the order asked, each unit's positive one before its negative one."""

    def __init__(self, optima: Iterable[Optimum], seconds: float) -> None:
        self._optima = tuple(optima)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self._optima)

    @overload
    def __getitem__(self, place: int) -> Optimum: ...
    @overload
    def __getitem__(self, place: slice) -> Optima: ...
    def __getitem__(self, place: int | slice) -> Optimum | Optima:
        return Optima(self._optima[place], self.seconds) if isinstance(place, slice) else self._optima[place]

    def __repr__(self) -> str:
        return f"<{len(self)} optima in {self.seconds:.1f} s>"

    def plot(self) -> Image.Image:
        """The pictures on one sheet, each with its unit, sign and activation; the first 1,024 of them."""
        layers = list(dict.fromkeys(one.unit.layer for one in self))
        side = max((one.image.width for one in self), default=96)
        return contact_sheet(
            [(one.image, one.caption) for one in self[:MOST_TILES]],
            tile_px=max(96, min(192, side)),
            title=f"{self[0].provenance.net} {', '.join(layers)}",
        )

    def png(self) -> bytes:
        """The sheet as a PNG that carries what all its pictures have in common, and their units."""
        source = self[0].provenance.to_json()
        return write_png(
            self.plot(), {**source, "unit": None, "units": [f"{one.unit} {one.sign}" for one in self]}
        )

    def sheets(self) -> dict[str, Optima]:
        """The sheets by file name: one for each layer, and for each 1,024 pictures of one."""
        layers: dict[str, list[Optimum]] = {}
        for one in self:
            layers.setdefault(one.unit.layer, []).append(one)
        found: dict[str, Optima] = {}
        for layer, optima in layers.items():
            name = "sheet" if len(layers) == 1 else f"sheet-{_safe(layer)}"
            for start in range(0, len(optima), MOST_TILES):
                part = f"-{start // MOST_TILES + 1}" if len(optima) > MOST_TILES else ""
                found[name + part] = Optima(optima[start : start + MOST_TILES], self.seconds)
        return found

    def save(self, directory: str | Path) -> list[Path]:
        """One PNG for each picture, and `sheet.png` for all, or a sheet for each layer; the paths of the pictures, in order."""
        home = folder(directory)
        paths = [one.save(home / f"{_file_name(one)}.png") for one in self]
        for name, part in self.sheets().items():
            write(home / f"{name}.png", part.png())
        return paths

    def _repr_png_(self) -> bytes:
        return self.png()


def _safe(name: str) -> str:
    """A layer's name as a part of a file's name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name)


def _file_name(one: Optimum) -> str:
    return f"{_safe(one.unit.layer)}-{one.unit.index}-{one.word}"


def optimize(
    net: Model,
    *units: str | Unit | UnitQuery,
    progress: Progress | None = None,
    **asked: Any,
) -> Optima:
    """Make the input that excites each unit most, and the one that excites it least.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    units : as `features.7:0-15,40`, `logits:tabby`; a bare layer means all its units
    asked : `objective` (`channel`, `logit`), `sign` (`+`, `-`, `both`), `steps`, `size` in pixels, `canvas` (`fourier`),
        `transforms` (`lucid`, `distill2017`, `none`), `seed`, `batch`; what is left out has its default
    progress : called with (done, total, what) after each step of a batch

    Returns
    -------
    Optima: in the order asked; a rectified layer has no negative ones unless `sign` is `-`, which is refused

    Raises
    ------
    UnknownName : no such layer or unit
    InputError : a setting that does not exist, or the negative side of a rectified layer

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
    """
    started = time.monotonic()
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    complete = settings(seen, asked)
    jobs = plan(seen, chosen, complete)
    found: dict[Unit, list[Optimum]] = {}
    for place, job in enumerate(jobs):
        for one in _climbed(seen, job, complete, _steps(progress, place, len(jobs))):
            found.setdefault(one.unit, []).append(one)
    return Optima([one for unit in dict.fromkeys(chosen) for one in found[unit]], time.monotonic() - started)


def _steps(progress: Progress | None, place: int, jobs: int) -> Callable[[int, int], None] | None:
    """What a climb calls after each step, so that one bar runs over all jobs."""
    if progress is None:
        return None

    def report(step: int, steps: int) -> None:
        progress(place * steps + step, jobs * steps, "steps")

    return report


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """Complete settings: `objective`, `sign`, and those of `ClimbSettings`.

    Raises
    ------
    InputError : a setting that does not exist, or a value that makes no sense
    UnknownName : an objective, canvas or preset of transforms that does not exist
    """
    climbing = {field.name for field in dataclasses.fields(ClimbSettings)}
    known = {"objective", "sign", *climbing}
    for name in asked:
        if name not in known:
            raise InputError(f"optimize has no setting {name!r}; {did_you_mean(name, known, 12)}")
    given = {name: value for name, value in asked.items() if value is not None}
    sign, objective = given.get("sign", "both"), given.get("objective")
    if sign not in SIGNS:
        raise InputError(f"sign {sign!r}: write +, - or both")
    for what, table in (("objective", OBJECTIVES), ("canvas", CANVASES), ("transforms", TRANSFORMS)):
        if what in given and given[what] not in table:
            raise UnknownName(
                f"no {what} is called {given[what]!r}; {did_you_mean(str(given[what]), table, 9)}"
            )
    wishes = {name: value for name, value in given.items() if name in climbing}
    if isinstance(wishes.get("size"), int):
        wishes["size"] = (wishes["size"], wishes["size"])
    # Written out, so that a survey that goes on elsewhere computes in the same number format.
    wishes.setdefault("precision", best_precision(net.device))
    return {"objective": objective, "sign": sign, **ClimbSettings(**wishes).to_json()}


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """Units of one layer together, as many as the memory holds with all their signs."""
    climbing = _climbing(settings)
    jobs: list[Job] = []
    for layer, indices in by_layer(units).items():
        together = climbing.batch or batch_size(net, [layer], climbing)
        jobs += shared_out("optimum", layer, indices, max(1, together // len(_signs(net, layer, settings))))
    return jobs


def run(net: Net, job: Job, settings: Settings, scanned: Scanned | None) -> Iterable[Record]:
    """One record for each unit, with the picture of each sign."""
    made: dict[Unit, list[Optimum]] = {}
    for one in _climbed(net, job, settings, None):
        made.setdefault(one.unit, []).append(one)
    for unit, optima in made.items():
        figures: dict[str, Figure] = {}
        for one in optima:
            figures |= _figures(one)
        if settings["sign"] == "both" and "negative" not in figures:
            figures["negative_note"] = Number(_no_negative(net.layer(unit.layer)), "negative")
        yield Record(KIND.name, unit.layer, unit.index, figures, optima[0].provenance)


def _no_negative(layer: Layer) -> str:
    """Why a rectified layer has no negative optimum, and who has."""
    fed_by = f"; the layers that feed it have one: {', '.join(layer.fed_by)}" if layer.fed_by else ""
    return f"{layer.name} ends in its own ReLU and is never below 0, so it has no negative optimum{fed_by}"


def _climbing(settings: Settings) -> ClimbSettings:
    return ClimbSettings.from_json(
        {name: settings[name] for name in settings if name not in ("objective", "sign")}
    )


def _signs(net: Net, layer: str, settings: Settings) -> tuple[int, ...]:
    """The signs to climb; both means only the positive one where a layer has no negative side."""
    signs = SIGNS[settings["sign"]]
    return (1,) if net.layer(layer).rectified and settings["sign"] == "both" else signs


def _climbed(
    net: Net, job: Job, settings: Settings, on_step: Callable[[int, int], None] | None
) -> Iterator[Optimum]:
    signs = _signs(net, job.layer, settings)
    objective = None if settings["objective"] is None else OBJECTIVES[settings["objective"]]
    goals = [
        Goal(unit, sign, None if objective is None else objective(unit))
        for unit in (Unit(job.layer, index) for index in job.indices)
        for sign in signs
    ]
    climbing = dataclasses.replace(_climbing(settings), batch=job.full * len(signs))
    versions = net.card()["versions"]
    for one in climb(net, goals, climbing, on_step=on_step):
        source = Provenance(
            net.name,
            net.weights_digest,
            "optimum",
            {
                **settings,
                "objective": str(one.goal.aim),
                "sign": SIGN_TEXT[one.goal.sign],
                "size": list(one.picture.shape[:2]),
            },
            climbing.seed,
            versions,
            str(one.goal.unit),
        )
        yield Optimum(
            unit=one.goal.unit,
            objective=one.goal.aim.terms[0].kind,
            sign=SIGN_TEXT[one.goal.sign],
            pixels=one.picture,
            activation=one.activation,
            initial=one.initial,
            history=tuple(float(value) for value in one.history),
            steps=climbing.steps,
            seconds=one.seconds,
            seed=climbing.seed,
            clipped=one.clipped,
            diagnosis=one.diagnosis,
            provenance=source,
        )


def _figures(one: Optimum) -> dict[str, Figure]:
    word = one.word
    height, width = one.pixels.shape[:2]
    said = f"input optimized to {'raise' if one.sign == '+' else 'lower'} {one.unit}"
    figures: dict[str, Figure] = {
        f"activation_{word}": Number(one.activation, f"activation, {word}"),
        f"initial_{word}": Number(one.initial, f"at the start, {word}"),
        f"clipped_{word}": Number(round(100 * one.clipped, 2), f"clipped, {word}", "%"),
    }
    if one.diagnosis is not None:
        figures[f"diagnosis_{word}"] = Number(f"{one.diagnosis}: {one.advice}", f"diagnosis, {word}")
    return {word: Picture(Blob.of(one.png()), width, height, said), **figures}
