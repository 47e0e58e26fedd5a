# SPDX-License-Identifier: Apache-2.0
"""What a page says about a net, a layer, and the way a result was made, as pairs of a name and a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pellucid.figures.words import value_words
from pellucid.records import Layer, Provenance, canonical_json
from pellucid.views.discretion import discreet

__all__ = ["Fact", "layer_words", "net_facts", "provenance_facts", "survey_facts"]

Fact = tuple[str, str]

SHORT_DIGEST = 16


def net_facts(card: Mapping[str, Any], plan: Mapping[str, Any], *, labels: int, items: int) -> list[Fact]:
    """Input, normalization, labels, data and weights of the net, as far as card and plan tell them."""
    facts: list[Fact] = []
    fed, data = card.get("input"), plan.get("data")
    if isinstance(fed, Mapping):
        facts += _input_facts(fed)
    if labels:
        facts.append(("labels", value_words(labels)))
    if isinstance(data, Mapping):
        facts.append(("data", f"{data.get('name', 'unnamed')}, {value_words(items)} items"))
    digest = card.get("weights_digest")
    if isinstance(digest, str):
        facts.append(("weights", digest.removeprefix("sha256:")[:SHORT_DIGEST]))
    return [(name, str(discreet(words))) for name, words in facts]


def _input_facts(fed: Mapping[str, Any]) -> Iterator[Fact]:
    shape = fed.get("shape")
    size = " × ".join(map(str, shape)) if isinstance(shape, list | tuple) else ""
    yield "input", f"{fed.get('kind', '')} {size}".strip() or "not stated"
    if "mean" in fed and "std" in fed:
        scale = f"{_series(fed['mean'])} / {_series(fed['std'])}"
        yield (
            "mean / sd",
            ", ".join([scale, *(str(fed[key]) for key in ("value_range", "order") if key in fed)]),
        )
    recipe = fed.get("recipe")
    if isinstance(recipe, Mapping):
        resize, way = recipe.get("resize"), recipe.get("interpolation")
        yield (
            "recipe",
            f"{f'shorter side to {resize}' if resize else 'shorter side to the input'} ({way}), center crop",
        )


def _series(values: Any) -> str:
    many = values if isinstance(values, list | tuple) else [values]
    return " ".join(value_words(value) if isinstance(value, float | int) else str(value) for value in many)


def survey_facts(card: Mapping[str, Any], plan: Mapping[str, Any]) -> list[tuple[str, list[Fact]]]:
    """How the atlas was made, in full: whole digests, versions, and the settings of each pass."""
    data = plan.get("data")
    made: list[Fact] = [("weights digest", str(card.get("weights_digest", "")))]
    if isinstance(data, Mapping) and data.get("digest"):
        made.append(("digest of the items' names", str(data["digest"])))
    versions = card.get("versions")
    made += _pairs(versions) if isinstance(versions, Mapping) else []
    groups = [("Net and data", made)]
    passes = plan.get("passes")
    for each in passes if isinstance(passes, list | tuple) else []:
        if isinstance(each, Mapping) and isinstance(each.get("settings"), Mapping):
            groups.append((str(each.get("kind", "")), _pairs(each["settings"])))
    return [
        (title, [(name, str(discreet(words))) for name, words in facts if words]) for title, facts in groups
    ]


def provenance_facts(source: Provenance) -> list[Fact]:
    """Everything that a result depends on, settings and versions one by one."""
    facts: list[Fact] = [
        ("method", source.method),
        ("net", source.net),
        ("weights digest", source.weights_digest),
    ]
    if source.unit is not None:
        facts.append(("unit", source.unit))
    if source.seed is not None:
        facts.append(("seed", str(source.seed)))
    facts += _pairs(source.settings) + _pairs(source.versions)
    return [(name, str(discreet(words))) for name, words in facts]


def _pairs(values: Mapping[str, Any]) -> list[Fact]:
    return [(str(key).replace("_", " "), _plain(values[key])) for key in sorted(values)]


def _plain(value: Any) -> str:
    """A setting to the last digit, since someone may want to set it again."""
    return value if isinstance(value, str) else canonical_json(discreet(value))


def layer_words(layer: Layer) -> str:
    """Kind, grid, units and receptive field in one line.

    >>> layer_words(Layer("a", "Conv2d", (13, 13), 256, (43, 43), (16, 16), False))
    'Conv2d · 256 units on a grid of 13 × 13 · each sees 43 × 43 px'
    >>> layer_words(Layer("b", "Linear", (), 10, None, None, False))
    'Linear · 10 units · each sees the whole input'
    """
    grid = f" on a grid of {_by(layer.grid)}" if layer.grid else ""
    field = layer.receptive_field
    sees = f"{_by(field)} {'steps' if len(field) == 1 else 'px'}" if field else "the whole input"
    return f"{layer.kind} · {value_words(layer.units)} units{grid} · each sees {sees}"


def _by(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))
