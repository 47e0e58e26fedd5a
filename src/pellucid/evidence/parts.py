# SPDX-License-Identifier: Apache-2.0
"""Parts: what a unit is made of, the units below that feed it, by weight and by what they give on real inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from pellucid.errors import InputError, PellucidError
from pellucid.evidence.combination import combined, signed_pixels
from pellucid.evidence.connections import Below, Sided, below
from pellucid.evidence.job import Given, Held, Job, Settings, by_layer, shared_out
from pellucid.evidence.portraits import Portraits, filters_of, with_filters
from pellucid.figures import Figure, Number, Partners, Picture
from pellucid.figures.words import value_words
from pellucid.models import Net
from pellucid.records import Kind, Panel, Provenance, Record, Unit

__all__ = ["KIND", "NEEDS", "READS", "SETTINGS", "plan", "run", "settings", "units"]

KIND = Kind(
    name="parts",
    title="Made of",
    scope="unit",
    panels=(
        Panel(
            "Made of",
            "The units below with the largest weights to this one; the small map is the kernel, red where more of the unit below "
            "raises this one, blue where it lowers it. A large weight from a unit that seldom fires does little.",
            ("excited_by", "excited_by_note", "inhibited_by"),
        ),
        Panel(
            "Made of, on real inputs",
            "What each unit below gives to the mean response over a sample of the data; all of them and the rest sum to it. A "
            "unit that is always on adds much and tells little: look for those that are also strong by weight.",
            ("raised_by", "lowered_by", "mean_response", "rest", "items"),
        ),
        Panel(
            "Made of, one layer further",
            "Expanded weights: through the layers between as if nothing bent, so what their ReLUs hold back counts in full. "
            "Where a layer only squeezes many units into few, this reads better than the weights next to it.",
            ("further_excited_by", "further_inhibited_by"),
        ),
        Panel(
            "Sum of its parts",
            "The pictures of the units below, summed by weight, beside the optimum; and the unit's weights on the pixels if "
            "nothing bent. Where they differ from the optimum, it is the bending that makes the unit what it is.",
            ("combination", "combination_note", "optimum", "linear"),
        ),
    ),
)
NEEDS = "data"
READS = ("filters", "optimum")
USUAL: dict[str, int] = {"top": 8, "sample": 16, "seed": 0, "batch": 16}
SETTINGS = frozenset(USUAL)
MOST_UNITS = 64  # of a job


def settings(net: Net, asked: Settings) -> dict[str, Any]:
    """`top` partners of each sign; `sample` items, drawn by `seed`, that contributions are means over, `batch` at once.

    Raises
    ------
    InputError : a number below 1
    """
    complete = {**USUAL, **{name: value for name, value in asked.items() if value is not None}}
    for name in ("top", "sample", "batch"):
        if not isinstance(complete[name], int) or complete[name] < 1:
            raise InputError(f"{name} {complete[name]!r}: a whole number from 1 on was wanted")
    return complete


def units(net: Net, asked: Sequence[Unit]) -> list[Unit]:
    """Every unit that was asked."""
    return list(asked)


def plan(net: Net, units: Sequence[Unit], settings: Settings) -> list[Job]:
    """Units of one layer together, at most 64: they share the passes over the sample."""
    jobs: list[Job] = []
    for layer, indices in by_layer(units).items():
        jobs += shared_out("parts", layer, indices, MOST_UNITS)
    return jobs


def run(net: Net, job: Job, settings: Settings, given: Given) -> Iterable[Record]:
    """One record for each unit; where what feeds the layer is no sum, it says why."""
    how = {name: settings[name] for name in ("top", "seed", "batch")}
    refused = None
    try:
        found = list(
            below(
                net,
                job.layer,
                job.indices,
                given.source,
                items=settings["sample"],
                on_batch=given.telling("items for parts"),
                **how,
            )
        )
    except InputError as error:
        refused, found = error, []
    filters = filters_of(net, dict.fromkeys(partner.unit for one in found for partner in one.partners))
    for place, index in enumerate(job.indices):
        source = Provenance(
            net.name,
            net.weights_digest,
            "parts",
            dict(settings),
            settings["seed"],
            net.card()["versions"],
            f"{job.layer}:{index}",
        )
        figures = (
            _refused(refused) if refused else _figures(found[place], job.layer, given.held, source, filters)
        )
        yield Record(KIND.name, job.layer, index, figures, source)


def _refused(error: PellucidError) -> dict[str, Figure]:
    return {"excited_by_note": Number(str(error), "parts")}


def _figures(
    one: Below, layer: str, held: Held | None, source: Provenance, filters: Portraits
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    if one.sources:
        said = f"from {', '.join(one.sources)}: length of the kernel, with the sign of its sum"
        figures |= sides(with_filters(one.weights, filters), "excited_by", "inhibited_by", said)
    else:
        figures["excited_by_note"] = Number("it reads the input itself; its filter says what of it", "parts")
    if one.further_sources:
        said = (
            f"from {', '.join(one.further_sources)}: length of the expanded kernel, with the sign of its sum"
        )
        figures |= sides(
            with_filters(one.further, filters), "further_excited_by", "further_inhibited_by", said
        )
    if one.given is not None and one.response is not None and one.rest is not None:
        said = f"part of the mean response of {value_words(one.response)} over {one.items} items"
        figures |= {
            **sides(with_filters(one.given, filters), "raised_by", "lowered_by", said),
            "mean_response": Number(one.response, "mean response"),
            "rest": Number(one.rest, "of it from no unit below: bias"),
            "items": Number(one.items, "items in the sample"),
        }
    return {**figures, **_pictures(one, layer, held, source, filters)}


def sides(partners: Sided, positive: str, negative: str, label: str) -> dict[str, Figure]:
    """Both signs as figures of their names."""
    return {positive: Partners(partners.positive, label), negative: Partners(partners.negative, label)}


def _pictures(
    one: Below, layer: str, held: Held | None, source: Provenance, filters: Portraits
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    unit = f"{layer}:{one.index}"
    weighted = [
        (partner.value, picture)
        for partner in (*one.weights.positive, *one.weights.negative)
        if (picture := _optimum(held, partner.unit)) is not None
    ]
    image = combined(weighted)
    if image is None and one.sources:
        figures["combination_note"] = Number(_why_no_sum(one, filters), "sum of its parts")
    elif image is not None:
        said = f"pictures of {len(weighted)} units below, summed by their weights to {unit}"
        figures["combination"] = Picture.of(image, source.to_json(), alt=said)
    record = None if held is None else held.record("optimum", layer, one.index)
    own = None if record is None else record.figures.get("positive")
    if held is not None and isinstance(own, Picture):
        figures["optimum"] = replace(own, blob=held.blob(own.blob.hash))
    if one.pixels is not None and one.pixels.maps.ndim == 3:
        said = f"weights of {unit} on the pixels, if nothing bent between"
        drawn = signed_pixels(one.pixels.maps)
        figures["linear"] = Picture.of(drawn, source.to_json(), alt=said, pixelated=max(drawn.size) < 64)
    return figures


def _why_no_sum(one: Below, filters: Portraits) -> str:
    partners = one.weights.both
    if partners and all(partner.unit in filters.filters for partner in partners):
        return "the units below read the input itself: the sum of their filters is what the weights on the pixels show"
    return f"no optimum of a unit below is in this atlas: survey {', '.join(one.sources)} as well to see their sum"


def _optimum(held: Held | None, unit: str) -> Image.Image | None:
    """The optimum of a unit below; None for a filter of the first layer, whose sum the weights on the pixels are exactly."""
    layer, _, index = unit.rpartition(":")
    if held is not None and held.record("filters", layer, int(index)) is not None:
        return None
    record = None if held is None else held.record("optimum", layer, int(index))
    picture = None if record is None else record.figures.get("positive")
    if held is None or not isinstance(picture, Picture):
        return None
    return held.blob(picture.blob.hash).image()
