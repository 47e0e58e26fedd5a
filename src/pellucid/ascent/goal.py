# SPDX-License-Identifier: Apache-2.0
"""A goal: one picture to be made."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.ascent.given import Given
from pellucid.ascent.kept import Kept
from pellucid.ascent.objective import Objective, Target
from pellucid.ascent.objectives import plain
from pellucid.errors import InputError

__all__ = ["Goal"]


@dataclass(frozen=True)
class Goal:
    """One picture to be made: an objective to raise (`sign` 1) or to lower (-1).

    Parameters
    ----------
    unit : what the picture is about
    objective : the unit's plain objective if None
    picture, pictures : which of several different pictures of the same objective this is; they stand one after another
        in a list of goals, are climbed together, and keep apart
    start : the picture that the climb begins with; None for what the canvas begins with
    kept : what is kept of a given picture on the way

    Raises
    ------
    InputError : another sign, a picture that is none of so many, or comparisons with several given pictures
    """

    unit: Target
    sign: int = 1
    objective: Objective | None = None
    picture: int = 0
    pictures: int = 1
    start: Given | None = None
    kept: Kept | None = None

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise InputError(f"sign {self.sign} for {self.unit}: 1 raises the objective, -1 lowers it")
        if not 0 <= self.picture < self.pictures:
            raise InputError(f"picture {self.picture} of {self.pictures} for {self.unit}: they run from 0")
        if len(set(self._compared)) > 1:
            raise InputError(f"{self.unit} is compared with {len(set(self._compared))} pictures; one works")
        if len({each.size for each in (self.start, self.given) if each is not None}) > 1:
            raise InputError(f"{self.unit} starts from a picture of another size than it is compared with")

    @property
    def aim(self) -> Objective:
        """The objective, written out."""
        return plain(self.unit) if self.objective is None else self.objective

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that must be read, each once."""
        return tuple(dict.fromkeys([*self.aim.layers, *(() if self.kept is None else (self.kept.layer,))]))

    @property
    def given(self) -> Given | None:
        """The picture whose responses those of the canvas are compared with."""
        return next(iter(self._compared), None)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the picture that it starts from or is compared with."""
        picture = self.start or self.given
        return None if picture is None else picture.size

    @property
    def _compared(self) -> list[Given]:
        read = () if self.objective is None else self.objective.readings
        found = [each.given for each in read if each.given is not None]
        return found if self.kept is None else [*found, self.kept.given]

    def __str__(self) -> str:
        """What random streams go by: the first picture starts as it does when it is the only one."""
        return f"{'+' if self.sign > 0 else '-'} {self.aim}" + (f" #{self.picture}" if self.picture else "")
