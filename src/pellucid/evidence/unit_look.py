# SPDX-License-Identifier: Apache-2.0
"""One unit, what a pass found about its layer, and the items that are shown for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.data import PREVIEW_MIME, Placement, Shown
from pellucid.evidence.exemplars import ClassExamples, Example
from pellucid.figures import Blob, Item, Strip
from pellucid.figures.strip import strip_sheet
from pellucid.models import Net
from pellucid.records import Unit
from pellucid.scan import Entry, LayerScan, Scanned

__all__ = ["NEGATIVE", "UnitLook"]

# A rectified layer answers 0 to most items: its lowest nine would be the first nine of a tie.
NEGATIVE = ("slightly_negative", "min")


@dataclass(frozen=True)
class UnitLook:
    """One unit, what the pass found about its layer, and the items that are shown for it: each entry as an example, made once."""

    net: Net
    scanned: Scanned
    found: LayerScan
    unit: Unit
    bands: Mapping[str, tuple[Entry, ...]]
    shown: Mapping[int, Shown]
    previews: Mapping[int, Blob]
    examples: Mapping[Entry, Example]

    @classmethod
    def at(cls, net: Net, scanned: Scanned, found: LayerScan, unit: Unit) -> UnitLook:
        bands = {
            name: band.entries(unit.index)
            for name, band in found.bands.items()
            if not (name in NEGATIVE and found.layer.rectified)
        }
        entries = [entry for band in bands.values() for entry in band]
        entries += [entry for level in found.spectra.levels(unit.index) for entry in level.entries]
        if found.classes is not None:
            entries += found.classes.best_items(unit.index).values()
        shown = scanned.previews.of({entry.row for entry in entries})
        once = list(dict.fromkeys(entries))
        fields = net.fields(unit.layer).boxes([unit.index] * len(once), [entry.position for entry in once])
        return cls(
            net,
            scanned,
            found,
            unit,
            bands,
            shown,
            {
                row: Blob.of(one.preview, PREVIEW_MIME)
                for row, one in shown.items()
                if one.preview is not None
            },
            {
                entry: Example(
                    scanned.names[entry.row],
                    entry.response,
                    entry.position,
                    _item_box(shown[entry.row].placement, field),
                )
                for entry, field in zip(once, fields.tolist(), strict=True)
            },
        )

    def item(self, entry: Entry) -> Item:
        example, placement = self.examples[entry], self.shown[entry.row].placement
        width, height = (0, 0) if placement is None else placement.item
        preview = self.previews.get(entry.row)
        return Item(example.item, example.response, example.position, example.box, width, height, preview)

    def maps(self) -> list[Strip | None]:
        """For each band the response maps of its items; None where the layer has no positions."""
        made = self.scanned.maps.of(self.unit.layer, self.unit.index)
        if not made:
            return [None] * len(self.bands)
        rows = [[made.get(entry.row) for entry in band] for band in self.bands.values()]
        first = next(iter(made.values()))
        height, width = first.shape
        return list(
            strip_sheet(rows, (height, width), self.scanned.maps.scale(self.unit.layer, self.unit.index))
        )

    def classes(self) -> ClassExamples | None:
        if self.found.classes is None:
            return None
        names, top = self.scanned.class_names, self.found.classes.top(self.unit.index)
        best = self.found.classes.best_items(self.unit.index)
        return ClassExamples(
            tuple((names[each], mean) for each, mean in zip(top.classes, top.means, strict=True)),
            top.selectivity,
            {names[each]: self.examples[entry] for each, entry in best.items()},
        )


def _item_box(placement: Placement | None, field: Sequence[int]) -> tuple[int, int, int, int] | None:
    """A receptive field [x0, y0, x1, y1] in the pixels of its item, where that was found again."""
    return None if placement is None else placement.to_item_box(*field)
