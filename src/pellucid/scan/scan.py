# SPDX-License-Identifier: Apache-2.0
"""One pass over data at the union of layers: each response is reduced as it passes by, and let go."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.data import Previews, Source
from pellucid.errors import InputError
from pellucid.models.net import Net
from pellucid.records import Layer
from pellucid.scan.bands import Band
from pellucid.scan.classes import ClassesFound
from pellucid.scan.moments import Statistics
from pellucid.scan.passage import passage, shortage
from pellucid.scan.peaks import PeakCounts
from pellucid.scan.response_maps import ResponseMaps
from pellucid.scan.spectra import Spectra
from pellucid.scan.state import ScanState, subscribers
from pellucid.scan.subscriber import Given

__all__ = ["LayerScan", "Scanned", "refuse_without_classes", "scan"]


@dataclass(frozen=True, eq=False)
class LayerScan:
    """What a pass found about one layer: `bands["max"].entries(unit)`, `statistics[unit]`, `spectra.levels(unit)`.

    Parameters
    ----------
    bands : five, from the strongest inputs to the most opposite
    statistics : of all responses, by unit
    spectra : histogram, quantiles and levels, from the spots
    peaks : histograms of peaks and troughs
    classes : None where the data has no classes
    """

    layer: Layer
    bands: Mapping[str, Band]
    statistics: tuple[Statistics, ...]
    spectra: Spectra
    peaks: PeakCounts
    classes: ClassesFound | None

    def rows(self, units: Iterable[int]) -> list[int]:
        """The items in any band of these units, ascending."""
        chosen = list(units)
        found = np.concatenate([band.rows[chosen].ravel() for band in self.bands.values()])
        return [int(row) for row in np.unique(found) if row >= 0]


@dataclass(frozen=True, eq=False)
class Scanned:
    """What a pass found.

    Parameters
    ----------
    layers : by name, as the net names them
    names : of all items, by row
    listing_digest : a hash of the names
    skipped : (name, reason) of the items that could not be read, or that the net failed on
    previews : placements and previews of the items that are shown, by row
    class_names : by number; empty where the data has no classes
    maps : the response maps of items in bands, made by one more pass over these alone
    size : items run at once where memory ran out, so that the last bits of responses are not those of whole batches; else None
    notes : lines about how far responses and classes can be relied on
    """

    layers: Mapping[str, LayerScan]
    names: Sequence[str]
    listing_digest: str
    skipped: tuple[tuple[str, str], ...]
    previews: Previews
    class_names: Sequence[str]
    maps: ResponseMaps
    size: int | None = None
    notes: tuple[str, ...] = ()


def scan(
    net: Net,
    source: Source,
    layers: Sequence[str],
    *,
    batch: int = 32,
    seed: int = 0,
    per_class: bool = False,
    shown: Mapping[str, Sequence[int]] | None = None,
    state: bytes | None = None,
    on_batch: Callable[[ScanState], None] | None = None,
) -> Scanned:
    """Run every item of a source through a net once; keep bands, statistics and spectra of all units of the layers.

    Batches depend on rows alone and are padded to full size, so that a pass which is stopped and resumed ends
    with the same bytes. The memory it takes does not grow with the number of items.

    Parameters
    ----------
    net, source : what runs, and on what
    layers : names; all their units are scanned
    batch : items run at once; other sizes change the last bits of responses
    seed : which position of each item is its spot, and which spots are shown
    per_class : whether the best item of each class is kept, which takes memory for each class and unit
    shown : the units by layer whose response maps will be asked for; None for all of the layers
    state : what `ScanState.to_bytes` gave after some batch of the same scan
    on_batch : called after every batch: `next_row` of `total` items are done, `to_bytes` saves the progress

    Raises
    ------
    UnknownName : a layer that is not there
    NoItems : no item could be used
    InputError : over a fifth of 100 items or more, or of the first 1,000, could not be used; a state of another scan; memory does
        not suffice for a single item

    Examples
    --------
    >>> scanned = scan(net, open_source("photos"), ["features.7.expand3x3"])  # doctest: +SKIP
    >>> scanned.layers["features.7.expand3x3"].bands["max"].entries(42)[0]  # doctest: +SKIP
    Entry(row=17, response=23.4, position=(5, 6))
    """
    chosen = list({layer.name: layer for layer in map(net.layer, layers)}.values())
    given = _given(source, seed, per_class)
    progress = ScanState(_facts(net, source, chosen, batch, given), chosen, len(source.names), given)
    if state is not None:
        progress.load_bytes(state)
    passage(net, source, progress, batch, on_batch)
    names, found = source.names, {layer.name: _found(layer, progress) for layer in chosen}
    units = {name: range(found[name].layer.units) for name in found} if shown is None else shown
    return Scanned(
        found,
        names,
        source.listing_digest,
        tuple((names[row], reason) for row, reason in progress.problems),
        Previews(source, net.input.recipe),
        () if source.classes is None else source.class_names,
        ResponseMaps(
            net, source, batch, {name: (found[name].bands, units[name]) for name in units}, progress.size
        ),
        progress.size,
        (*getattr(source, "notes", ()), *progress.notes, *shortage(progress)),
    )


def _given(source: Source, seed: int, per_class: bool) -> Given:
    """What the running values depend on beside responses."""
    if per_class:
        refuse_without_classes(source)
    if source.classes is None:
        return Given(seed)
    return Given(seed, source.classes.astype(np.int64), len(source.class_names), per_class)


def refuse_without_classes(source: Source) -> None:
    """Raise InputError where the best item of each class was asked, and there are no classes."""
    if source.classes is None:
        why = "".join(f" ({note})" for note in getattr(source, "notes", ()))
        raise InputError(
            f"the best item of each class was asked, and {source.name} has no classes{why}; give a folder for each class"
        )


def _facts(net: Net, source: Source, layers: Sequence[Layer], batch: int, given: Given) -> dict[str, Any]:
    classes = b"" if given.classes is None else given.classes.astype("<i8").tobytes()
    return {
        "net": net.weights_digest,
        "input": net.input.to_json(),
        "items": source.listing_digest,
        "batch size": batch,
        "layers": [layer.name for layer in layers],
        "subscribers": list(subscribers(given)),
        "seed": given.seed,
        "classes": hashlib.sha256(classes).hexdigest(),
        "best items by class": given.per_class,
    }


def _found(layer: Layer, progress: ScanState) -> LayerScan:
    found = {name: value.result() for name, value in progress.running[layer.name].items()}
    ends, spectra = found["bands"], found["spots"]
    bands = {"max": ends["max"], **spectra.bands, "min": ends["min"]}
    return LayerScan(layer, bands, found["moments"], spectra, found["peaks"], found.get("classes"))
