# SPDX-License-Identifier: Apache-2.0
"""A goal: one picture to be made."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.ascent.objective import Objective, Target, plain
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

    Raises
    ------
    InputError : another sign, or a picture that is none of so many
    """

    unit: Target
    sign: int = 1
    objective: Objective | None = None
    picture: int = 0
    pictures: int = 1

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise InputError(f"sign {self.sign} for {self.unit}: 1 raises the objective, -1 lowers it")
        if not 0 <= self.picture < self.pictures:
            raise InputError(f"picture {self.picture} of {self.pictures} for {self.unit}: they run from 0")

    @property
    def aim(self) -> Objective:
        """The objective, written out."""
        return plain(self.unit) if self.objective is None else self.objective

    def __str__(self) -> str:
        """What random streams go by: the first picture starts as it does when it is the only one."""
        return f"{'+' if self.sign > 0 else '-'} {self.aim}" + (f" #{self.picture}" if self.picture else "")
