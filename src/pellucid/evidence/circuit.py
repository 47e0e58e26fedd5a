# SPDX-License-Identifier: Apache-2.0
"""Circuits: what a unit is made of and what it feeds, each partner with its own picture."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from pellucid.circuits import PIXELS
from pellucid.data import Data, Source, open_source
from pellucid.errors import InputError, NoItems
from pellucid.evidence.circuits import Circuit, Circuits
from pellucid.evidence.connections import Above, Below, Sided, above, below
from pellucid.evidence.job import Held, Progress, by_layer
from pellucid.evidence.portraits import Portraits, climbed, filters_of, from_atlas
from pellucid.figures import Partner
from pellucid.models import Model, Net, opened
from pellucid.records import Provenance, Unit, UnitQuery

__all__ = ["Circuit", "Circuits", "circuit"]

MOST = 10_000  # of any number that may be asked
PICTURES = 64  # of partners: all of the usual rows of eight


def circuit(
    net: Model,
    *units: str | Unit | UnitQuery,
    data: Data | None = None,
    atlas: Held | None = None,
    sources: Sequence[str] | None = None,
    top: int = 8,
    pictures: int = PICTURES,
    steps: int = 32,
    sample: int | None = 64,
    seed: int = 0,
    batch: int = 16,
    progress: Progress | None = None,
) -> Circuits:
    """What each unit is made of and what it feeds: by weight, by expanded weights, and by what each unit below gives on data.

    Weights are those of the linearized net between two layers: its Jacobian where every non-linearity of one number is open and
    the largest of a window is its mean. Where nothing else lies between, they are the layer's kernels, batch norm folded in.

    Parameters
    ----------
    net : what `load` returns, or what it takes
    units : as `features.7:0-15,40`; a bare layer means all its units
    data : for contributions; without it there are none
    atlas : an open `Atlas` whose pictures stand for the units that it has
    sources : the layers below to look at; the nearest before a non-linearity when left out
    top : partners of each sign
    pictures, steps : of each unit as many partners, and it itself, get a picture climbed in so few steps where there is none yet;
        a unit that reads the input shows its weights on the pixels. Half of them are of partners by weight, the others of what it
        feeds, what lies one layer further, and what gives to it on data. With 0 of either nothing is climbed
    sample : items drawn by `seed` that contributions are means over; None for all

    Raises
    ------
    UnknownName : no such layer or unit
    InputError : a layer of `sources` does not lead to the units as a sum. Without `sources` the units keep what they feed, and
        `.below.refused` names what stands in the way (a gate, attention, a layer norm)

    References
    ----------
    Erhan et al. 2009, Visualizing higher-layer features of a deep network (linear combination of previous units); Olah et al.
    2020, Zoom in: an introduction to circuits; Voss et al. 2021, Visualizing weights.

    Examples
    --------
    >>> import pellucid as pl
    >>> [one] = pl.circuit("demo", "conv3:5", top=3, steps=0)
    >>> one.below.sources, len(one.below.weights.positive), one.above.targets
    (('conv2',), 3, ('conv4',))
    """
    started = time.monotonic()
    seen = opened(net)
    chosen = seen.units(units)
    if not chosen:
        raise InputError("no unit was asked; name some, as features.7:0-15")
    for name, number, least in (("top", top, 1), ("pictures", pictures, 0), ("steps", steps, 0)):
        if not least <= number <= MOST:
            raise InputError(f"{name} {number}: a whole number from {least} to {MOST} was wanted")
    source = None if data is None else open_source(data)
    how: dict[str, Any] = {
        "top": top,
        "sample": sample,
        "seed": seed,
        "batch": batch,
        "sources": _listed(sources),
    }
    if source is not None:
        how |= {"listing": source.listing_digest}

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(done, total, "items")

    found: dict[Unit, tuple[Below, Above]] = {}
    for layer, indices in by_layer(chosen).items():
        upward = above(seen, layer, indices, top)
        downward = _below(
            seen,
            layer,
            indices,
            source,
            sources,
            top=top,
            items=sample,
            seed=seed,
            batch=batch,
            on_batch=report,
        )
        for one, over in zip(downward, upward, strict=True):
            found[Unit(layer, one.index)] = (one, over)
    shown, made, needed = _portraits(seen, found, atlas, pictures, steps, seed, progress)
    how |= {"pictures": pictures, "steps": steps} if made else {}
    versions = seen.card()["versions"]
    circuits = []
    for unit in chosen:
        one, over = found[unit]
        stamp = Provenance(seen.name, seen.weights_digest, "circuit", how, seed, versions, str(unit))
        own = {str(unit), *(each.unit for each in (*one.partners, *over.fed.both))}
        images = {address: shown.images[address] for address in own & shown.images.keys()}
        climbing = steps if made & images.keys() else 0
        circuits.append(
            Circuit(
                unit,
                one,
                over,
                Portraits(images, shown.filters & images.keys()),
                stamp,
                climbing,
                needed.get(unit, 0),
            )
        )
    return Circuits(circuits, time.monotonic() - started)


def _below(
    net: Net,
    layer: str,
    indices: Sequence[int],
    source: Source | None,
    sources: Sequence[str] | None,
    **how: Any,
) -> list[Below]:
    """What feeds each unit, or why no sum does; refused where the layers were asked for."""
    try:
        return list(below(net, layer, indices, source, sources=sources, **how))
    except NoItems:
        raise
    except InputError as error:
        if sources is not None:
            raise
        return [Below.none(index, str(error)) for index in indices]


def _portraits(
    net: Net,
    found: Mapping[Unit, tuple[Below, Above]],
    atlas: Held | None,
    most: int,
    steps: int,
    seed: int,
    progress: Progress | None,
) -> tuple[Portraits, frozenset[str], dict[Unit, int]]:
    """Pictures of the units and their partners, the addresses of those climbed for this, and how many each unit would need.

    A unit whose partners all have a picture, or can have none, is not among those that need more.
    """
    ranked = {unit: (str(unit), *_shared(below, above)) for unit, (below, above) in found.items()}
    every = dict.fromkeys(address for addresses in ranked.values() for address in addresses)
    shown = from_atlas(atlas, every)
    shown = filters_of(net, (address for address in every if address not in shown.images)) | shown
    missing = {
        unit: [one for one in addresses if one not in shown.images] for unit, addresses in ranked.items()
    }
    asked = list(dict.fromkeys(one for own in missing.values() for one in own[: most + 1]))
    if not steps or not most:
        asked = []
    made = climbed(net, asked, steps, seed, progress) if asked else Portraits({})
    shown, tried = shown | made, set(asked)
    needed = {
        unit: len([one for one in own if one != str(unit)])
        for unit, own in missing.items()
        if any(one not in shown.images and one not in tried for one in own)
    }
    return shown, frozenset(made.images), needed


def _shared(below: Below, above: Above) -> Iterator[str]:
    """The partners of a unit, each once, in the order in which they get pictures.

    Those by weight have every other turn; between them what it feeds, what lies one layer further, and what gives to it on data
    come by turns, so that no row of a sheet goes without pictures.
    """
    others = (_by_turns(each) for each in (above.fed, below.further, below.given or Sided()))
    between = (one for turn in zip_longest(*others) for one in turn if one is not None)
    by_weight = _by_turns(below.weights)
    pairs = zip_longest(by_weight, between)
    yield from dict.fromkeys(one.unit for pair in pairs for one in pair if one is not None)


def _by_turns(sided: Sided) -> list[Partner]:
    """The strongest of both signs by turns."""
    pairs = zip_longest(sided.positive, sided.negative)
    return [one for pair in pairs for one in pair if one is not None]


def _listed(sources: Sequence[str] | None) -> list[str] | None:
    return None if sources is None else [name for name in sources if name != PIXELS]
