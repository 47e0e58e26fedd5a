# SPDX-License-Identifier: Apache-2.0
"""Ablations as values: what changes over data where units are held at a value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from PIL import Image

from pellucid.evidence.connections import Sided
from pellucid.evidence.shown import Shown
from pellucid.figures import Figure, Items, Number, Partners, Table
from pellucid.figures.file import folder, write
from pellucid.figures.sheet import paragraphs, stacked
from pellucid.figures.words import counted, value_words
from pellucid.records import Provenance, Unit

__all__ = ["Ablation", "Ablations"]

WIDE = 1000  # px, of a sheet without pictures


@dataclass(frozen=True, eq=False)
class Ablation(Shown):
    """What one set of units is to the outputs.

    Parameters
    ----------
    units : the set; `held` what each was held at
    lowered, raised : (output, before, after) of those whose mean fell or rose most without the units
    flipped : the share of items whose first output is another one, in 0..1
    accuracy, accuracy_without : shares in 0..1 of the items of known class; None where no class of the data is an output
    above : the units above whose mean response fell or rose most
    worst : the items whose first output fell most
    nonfinite : for how many items outputs are no finite numbers without the units: they count as named otherwise, their numbers
        are left out of all lists
    """

    units: tuple[Unit, ...]
    held: tuple[float, ...]
    lowered: tuple[tuple[str, float, float], ...]
    raised: tuple[tuple[str, float, float], ...]
    flipped: float
    accuracy: float | None
    accuracy_without: float | None
    above: Sided
    worst: Items
    provenance: Provenance = field(repr=False)
    nonfinite: int = 0

    @property
    def overflow(self) -> str | None:
        """In a sentence that outputs are no finite numbers; None where all are."""
        if not self.nonfinite:
            return None
        held = ", ".join(dict.fromkeys(f"{value:g}" for value in self.held))
        outputs = f"outputs of {counted(self.nonfinite, 'item')} are no finite numbers"
        return f"held at {held}, {outputs}: a value nearer to the unit's responses says more"

    @property
    def name(self) -> str:
        """The units as a person would write them."""
        few = ", ".join(map(str, self.units[:3]))
        return few if len(self.units) <= 3 else f"{few} and {len(self.units) - 3} more"

    def to_json(self) -> dict[str, Any]:
        def outputs(rows: Sequence[tuple[str, float, float]]) -> list[dict[str, Any]]:
            return [{"output": name, "before": before, "after": after} for name, before, after in rows]

        return {
            "units": [str(unit) for unit in self.units],
            "held_at": list(self.held),
            "lowered": outputs(self.lowered),
            "raised": outputs(self.raised),
            "flipped": self.flipped,
            "accuracy": self.accuracy,
            "accuracy_without": self.accuracy_without,
            "above": self.above.to_json(),
            "items": [{"item": item.name, "change": item.response} for item in self.worst.items],
            **({"nonfinite": self.nonfinite} if self.nonfinite else {}),
        }

    def figures(self) -> dict[str, Figure]:
        """All of it as figures, by the names that a page shows."""
        columns = ("output", "mean before", "without", "change")
        figures: dict[str, Figure] = {
            "lowered": Table(columns, tuple((*row, row[2] - row[1]) for row in self.lowered)),
            "raised": Table(columns, tuple((*row, row[2] - row[1]) for row in self.raised)),
            "flipped": Number(round(100 * self.flipped, 2), "items named otherwise", "%"),
            "items": Items(self.worst.items),
        }
        if self.overflow is not None:
            figures["nonfinite"] = Number(self.overflow, "overflow")
        if self.above.positive or self.above.negative:
            figures["above_lowered"] = Partners(self.above.negative, "change of the mean response")
            figures["above_raised"] = Partners(self.above.positive, "change of the mean response")
        if self.accuracy is not None and self.accuracy_without is not None:
            figures["accuracy"] = Number(round(100 * self.accuracy, 2), "named right", "%")
            figures["accuracy_without"] = Number(
                round(100 * self.accuracy_without, 2), "named right without it", "%"
            )
        return figures

    def plot(self) -> Image.Image:
        """The items that lose most, and the units above that change most, on one sheet."""
        right = (
            ""
            if self.accuracy is None
            else f", named right {_percent(self.accuracy)} before, {_percent(self.accuracy_without)} without"
        )
        title = f"Without {self.name}: {_percent(self.flipped)} of items named otherwise{right}"
        below = "\nitems that lose most; under each how far the output that came first for it falls"
        sheets = [
            self.worst.sheet(f"{title}{below}")
            if self.worst.items
            else paragraphs([title, self.overflow or "The output that came first falls for no item."], WIDE)
        ]
        for word, partners in (("lowered", self.above.negative), ("raised", self.above.positive)):
            if partners:
                said = f"units above, {word}: change of the mean response over items and positions"
                sheets.append(Partners(partners, said).sheet())
        return stacked(sheets)


class Ablations(Sequence[Ablation]):
    """Several ablations over the same items: `items` of them, `known` of known class, and the `skipped` ones with reasons."""

    def __init__(
        self,
        made: Iterable[Ablation],
        items: int,
        known: int,
        skipped: Sequence[tuple[str, str]],
        seconds: float,
    ) -> None:
        self._made = tuple(made)
        self.items, self.known, self.skipped, self.seconds = items, known, tuple(skipped), seconds

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, place: int) -> Ablation: ...
    @overload
    def __getitem__(self, place: slice) -> Ablations: ...
    def __getitem__(self, place: int | slice) -> Ablation | Ablations:
        if isinstance(place, slice):
            return Ablations(self._made[place], self.items, self.known, self.skipped, self.seconds)
        return self._made[place]

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'ablation')} over {counted(self.items, 'item')}>"

    def to_json(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "items_of_known_class": self.known,
            "skipped": [{"item": item, "reason": reason} for item, reason in self.skipped],
            "ablations": [one.to_json() for one in self],
            "seconds": round(self.seconds, 3),
        }

    def table(self) -> Table:
        """One row for each set of units."""
        rows: list[tuple[str | int | None, ...]] = []
        for one in self:
            lost = one.lowered[0] if one.lowered else None
            most = "" if lost is None else f"{lost[0]} {value_words(lost[2] - lost[1])}"
            rows.append(
                (
                    one.name,
                    _percent(one.flipped),
                    _percent(one.accuracy),
                    _percent(one.accuracy_without),
                    most,
                )
            )
        return Table(("without", "named otherwise", "right", "right without", "falls most"), tuple(rows))

    def plot(self) -> Image.Image:
        """The sheet of the first ablation; each has its own."""
        return self[0].plot()

    def save(self, directory: str | Path) -> list[Path]:
        """A sheet for each, and all numbers as `ablation.json`; the paths of the sheets."""
        home = folder(directory)
        paths = [one.save(home / f"{_file_name(one)}.png") for one in self]
        numbers = json.dumps(self.to_json(), allow_nan=False, indent=1)
        write(home / "ablation.json", numbers.encode())
        return paths

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _file_name(one: Ablation) -> str:
    plain = "".join(c if c.isalnum() or c in "._-" else "-" for c in str(one.units[0]))
    return f"without-{plain}" + (f"-and-{len(one.units) - 1}" if len(one.units) > 1 else "")
