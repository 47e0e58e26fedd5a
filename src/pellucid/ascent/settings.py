# SPDX-License-Identifier: Apache-2.0
"""How to climb: everything a picture depends on beside the net, the goal and the version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pellucid.errors import InputError

__all__ = ["ClimbSettings"]


@dataclass(frozen=True)
class ClimbSettings:
    """Settings of a climb; what is None is worked out from the net, the same way each time.

    Parameters
    ----------
    steps : updates of the canvas
    size : (height, width) in pixels; None for a size from the layer's receptive field
    canvas, transforms : names in `CANVASES` and `TRANSFORMS`
    learning_rate : of the optimizer, in units of the canvas's variables
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
    learning_rate: float = 0.12
    seed: int = 0
    batch: int | None = None
    memory: int = 4 << 30
    precision: str | None = None

    def __post_init__(self) -> None:
        sides = self.size or (1,)
        wrong = [
            f"{name} {value}: {wanted}"
            for name, value, fits, wanted in (
                ("steps", self.steps, self.steps >= 1, "at least 1 is needed"),
                ("size", self.size, min(sides) >= 1, "at least 1 pixel is needed"),
                ("learning rate", self.learning_rate, 0 < self.learning_rate < 1e6, "it must be above 0"),
                ("batch", self.batch, self.batch is None or self.batch >= 1, "at least 1 is needed"),
                ("memory", self.memory, self.memory > 0, "it must be above 0 bytes"),
            )
            if not fits
        ]
        if wrong:
            raise InputError("; ".join(wrong))

    def to_json(self) -> dict[str, Any]:
        """JSON values, as a plan and a provenance keep them."""
        return {**asdict(self), "size": None if self.size is None else list(self.size)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ClimbSettings:
        return cls(**{**row, "size": None if row["size"] is None else tuple(row["size"])})
