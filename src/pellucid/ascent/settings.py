# SPDX-License-Identifier: Apache-2.0
"""How to climb: everything a picture depends on beside the net, the goal and the version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from pellucid.ascent.constraint import Box, Constraint, Mahalanobis, NormBall, constraint_of
from pellucid.ascent.held import Held
from pellucid.ascent.regularizers import Regularize, regularize_as
from pellucid.ascent.statistics import ImageStatistics
from pellucid.ascent.stopping import STOPS
from pellucid.errors import InputError, did_you_mean

__all__ = ["ClimbSettings"]

# Settings that are values of their own; JSON keeps their words and digests, and leaves out what is None.
VALUES = ("constraint", "held", "statistics")
NUMBERS: Mapping[str, type] = {
    **dict.fromkeys(("steps", "copies", "seed", "batch", "memory"), Integral),
    **dict.fromkeys(("learning_rate", "cooling", "diversity"), Real),
}
OPTIONAL = ("batch", "learning_rate", "cooling", "diversity")


@dataclass(frozen=True)
class ClimbSettings:
    """Settings of a climb; what is None is worked out from the net, the same way each time.

    Parameters
    ----------
    steps : updates of the canvas; with another stop than `fixed`, at most so many
    size : (height, width) in pixels; None for a size from the layer's receptive field
    canvas, transforms : names in `CANVASES` and `TRANSFORMS`; `fitted` is lucid's, weaker on pictures smaller than 96 pixels
    copies : views of each picture that one step looks at; the objective is their mean
    regularize : (name in `REGULARIZERS`, weight) pairs, subtracted from what is climbed
    optimizer : a name in `OPTIMIZERS`; None for what suits the canvas
    learning_rate : of the optimizer, in units of the canvas's variables; None for what suits the canvas
    cooling : the share of the steps, the last ones, over which the learning rate falls to zero; None for none
    stop : a name in `STOPS`: after fixed steps, or each picture once its objective is flat
    snapshots : steps after which pictures are kept; 0 is the start
    diversity : the weight of what pictures of one objective share, where a goal asks for several; lucid's is 100. None: the
        first one pays nothing, and each other as much as it can and still gain nine tenths of what the first does
    seed : of all random streams
    batch : pictures made together, the last batch padded to as many; None for as many as `memory` holds
    memory : bytes that a batch may take
    precision : a name in `PRECISIONS`; None for the best on the net's device
    constraint : where inputs may lie; for canvas `pixels`
    held : what of the picture may not change; `size` is the size of its picture
    statistics : of the user's data, as `measure` gives; the canvas varies as that data does

    Raises
    ------
    InputError : a number out of its range
    """

    steps: int = 96
    size: tuple[int, int] | None = None
    canvas: str = "fourier"
    transforms: str = "fitted"
    copies: int = 1
    regularize: Regularize = ()
    optimizer: str | None = None
    learning_rate: float | None = None
    cooling: float | None = None
    stop: str = "fixed"
    snapshots: tuple[int, ...] = ()
    diversity: float | None = None
    seed: int = 0
    batch: int | None = None
    memory: int = 4 << 30
    precision: str | None = None
    constraint: Constraint | None = None
    held: Held | None = None
    statistics: ImageStatistics | None = None

    def __post_init__(self) -> None:
        self._check_types()
        sides = self.size or (1,)
        rate = 1.0 if self.learning_rate is None else self.learning_rate
        wrong = [
            f"{name} {value}: {wanted}"
            for name, value, fits, wanted in (
                ("steps", self.steps, self.steps >= 1, "at least 1 is needed"),
                ("size", self.size, min(sides) >= 1, "at least 1 pixel is needed"),
                ("copies", self.copies, self.copies >= 1, "at least 1 is needed"),
                ("learning rate", self.learning_rate, 0 < rate < 1e6, "it must be above 0 and below 1e6"),
                ("cooling", self.cooling, 0 <= (self.cooling or 0) <= 1, "it is a share from 0 to 1"),
                ("stop", self.stop, self.stop in STOPS, did_you_mean(self.stop, STOPS)),
                ("snapshots", self.snapshots, min(self.snapshots, default=0) >= 0, "steps count from 0"),
                (
                    "diversity",
                    self.diversity,
                    self.diversity is None or 0 <= self.diversity < 1e9,
                    "it must be from 0 to below 1e9",
                ),
                ("batch", self.batch, self.batch is None or self.batch >= 1, "at least 1 is needed"),
                ("memory", self.memory, self.memory > 0, "it must be above 0 bytes"),
            )
            if not fits
        ]
        if self.constraint is not None and self.canvas != "pixels":
            wrong.append(f"a constraint on canvas {self.canvas}: ask for canvas pixels")
        if isinstance(self.constraint, NormBall | Mahalanobis) and self.optimizer not in (
            None,
            "gradient",
            "spectral",
        ):
            wrong.append(
                f"optimizer {self.optimizer} in a ball: it moves all pixels by like amounts and settles up to 15 % short of the "
                "maximum; leave it out, for the gradient"
            )
        if self.held is not None and self.size != self.held.size:
            wrong.append(f"size {self.size}: what is held has {self.held.size}, ask for that")
        if self.held is not None and not isinstance(self.constraint, (Box, type(None))):
            wrong.append("something held inside a ball: a box or no constraint would work")
        if wrong:
            raise InputError("; ".join(wrong))

    def _check_types(self) -> None:
        """Words where numbers belong are told as such, before anything compares them."""
        for name, kind in NUMBERS.items():
            value = getattr(self, name)
            if not isinstance(value, kind) and not (value is None and name in OPTIONAL):
                wanted = "a whole number" if kind is Integral else "a number"
                raise InputError(f"{name.replace('_', ' ')} {value!r}: {wanted} is needed")
        if self.size is not None and not (
            isinstance(self.size, tuple)
            and len(self.size) == 2
            and all(isinstance(side, Integral) for side in self.size)
        ):
            raise InputError(f"size {self.size!r}: height and width are needed, two whole numbers of pixels")

    def to_json(self) -> dict[str, Any]:
        """JSON values, as a plan and a provenance keep them."""
        row = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in VALUES}
        if self.cooling is None:  # settings of earlier atlases have no such word
            del row["cooling"]
        values = {name: getattr(self, name) for name in VALUES if getattr(self, name) is not None}
        return {
            **row,
            "size": None if self.size is None else list(self.size),
            "regularize": dict(self.regularize),
            "snapshots": list(self.snapshots),
            **{name: value.to_json() for name, value in values.items()},
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> ClimbSettings:
        """The settings that `to_json` told.

        Parameters
        ----------
        values : what JSON does not hold, by name: `constraint`, `held`, `statistics`

        Raises
        ------
        InputError : such a value is missing, or another
        """
        size = row.get("size")
        return cls(
            **{
                **row,
                "size": None if size is None else tuple(size),
                "regularize": regularize_as(row.get("regularize", {})),
                "snapshots": tuple(row.get("snapshots", ())),
                **{name: _value(name, row[name], (values or {}).get(name)) for name in VALUES if name in row},
            }
        )


def _value(name: str, told: Mapping[str, Any], given: Any) -> Any:
    """What a value's JSON told of: that itself where it was given, or made from the JSON where that says it all."""
    if given is None and name == "constraint":
        return constraint_of(told)
    if given is None or given.to_json() != told:
        raise InputError(f"{name} is not kept with the settings, only its digest; give the same {name} again")
    return given
