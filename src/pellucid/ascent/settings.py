# SPDX-License-Identifier: Apache-2.0
"""How to climb: everything a picture depends on beside the net, the goal and the version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pellucid.ascent.regularizers import Regularize, regularize_as
from pellucid.ascent.stopping import STOPS
from pellucid.errors import InputError, did_you_mean

__all__ = ["ClimbSettings"]


@dataclass(frozen=True)
class ClimbSettings:
    """Settings of a climb; what is None is worked out from the net, the same way each time.

    Parameters
    ----------
    steps : updates of the canvas; with another stop than `fixed`, at most so many
    size : (height, width) in pixels; None for a size from the layer's receptive field
    canvas, transforms : names in `CANVASES` and `TRANSFORMS`
    copies : views of each picture that one step looks at; the objective is their mean
    regularize : (name in `REGULARIZERS`, weight) pairs, subtracted from what is climbed
    optimizer : a name in `OPTIMIZERS`; None for what suits the canvas
    learning_rate : of the optimizer, in units of the canvas's variables; None for what suits the canvas
    stop : a name in `STOPS`: after fixed steps, or each picture once its objective is flat
    snapshots : steps after which pictures are kept; 0 is the start
    diversity : the weight of what pictures of one objective share, where a goal asks for several
    seed : of all random streams
    batch : pictures made together, the last batch padded to as many; None for as many as `memory` holds
    memory : bytes that a batch may take
    precision : a name in `PRECISIONS`; None for the best on the net's device

    Raises
    ------
    InputError : a number out of its range
    """

    steps: int = 96
    size: tuple[int, int] | None = None
    canvas: str = "fourier"
    transforms: str = "lucid"
    copies: int = 1
    regularize: Regularize = ()
    optimizer: str | None = None
    learning_rate: float | None = None
    stop: str = "fixed"
    snapshots: tuple[int, ...] = ()
    diversity: float = 100.0
    seed: int = 0
    batch: int | None = None
    memory: int = 4 << 30
    precision: str | None = None

    def __post_init__(self) -> None:
        sides = self.size or (1,)
        rate = 1.0 if self.learning_rate is None else self.learning_rate
        wrong = [
            f"{name} {value}: {wanted}"
            for name, value, fits, wanted in (
                ("steps", self.steps, self.steps >= 1, "at least 1 is needed"),
                ("size", self.size, min(sides) >= 1, "at least 1 pixel is needed"),
                ("copies", self.copies, self.copies >= 1, "at least 1 is needed"),
                ("learning rate", self.learning_rate, 0 < rate < 1e6, "it must be above 0"),
                ("stop", self.stop, self.stop in STOPS, did_you_mean(self.stop, STOPS)),
                ("snapshots", self.snapshots, min(self.snapshots, default=0) >= 0, "steps count from 0"),
                ("diversity", self.diversity, 0 <= self.diversity < 1e9, "at least 0 is needed"),
                ("batch", self.batch, self.batch is None or self.batch >= 1, "at least 1 is needed"),
                ("memory", self.memory, self.memory > 0, "it must be above 0 bytes"),
            )
            if not fits
        ]
        if wrong:
            raise InputError("; ".join(wrong))

    def to_json(self) -> dict[str, Any]:
        """JSON values, as a plan and a provenance keep them."""
        return {
            **asdict(self),
            "size": None if self.size is None else list(self.size),
            "regularize": dict(self.regularize),
            "snapshots": list(self.snapshots),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ClimbSettings:
        size = row.get("size")
        return cls(
            **{
                **row,
                "size": None if size is None else tuple(size),
                "regularize": regularize_as(row.get("regularize", {})),
                "snapshots": tuple(row.get("snapshots", ())),
            }
        )
