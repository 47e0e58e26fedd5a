# SPDX-License-Identifier: Apache-2.0
"""From what a user writes to layers and units that exist, with an answer that helps when they do not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.models.trace import OUTPUT
from pellucid.records import Layer, Unit, UnitQuery

__all__ = ["PREFIXES", "resolved_layer", "resolved_units"]

PREFIXES = ("module.", "_orig_mod.", "model.")  # put in front by DataParallel, torch.compile, Lightning


def resolved_layer(asked: str, names: Collection[str]) -> str:
    """The one of `names` that `asked` means: itself, without a wrapper's prefix, or with `_` for `.` as lucent writes.

    Raises
    ------
    UnknownName : none or several are meant
    """
    name = asked.strip()
    while name not in names:
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        if prefix is None:
            break
        name = name.removeprefix(prefix)
    if name in names:
        return name
    alike = [known for known in names if known.replace(".", "_") == name]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise UnknownName(f"layer {asked!r} could be {' or '.join(alike)}; write the one that is meant")
    raise UnknownName(
        f"no layer {asked!r}; {did_you_mean(name, names)} `pellucid layers MODEL` lists them all"
    )


def resolved_units(
    queries: Iterable[str | Unit | UnitQuery], layer_of: Callable[[str], Layer], labels: Sequence[str] | None
) -> list[Unit]:
    """The units that the queries name, each once, in the order asked; lists of queries may stand among them.

    Text may name units of several layers by commas, as `features.7:3,classifier.1:0-2`.
    """
    found: dict[Unit, None] = {}
    for query in (part for each in _flat(queries) for part in _apart(each, layer_of)):
        if isinstance(query, Unit):
            query = UnitQuery(query.layer, (query.index,), position=query.position)
        elif isinstance(query, str):
            query = UnitQuery.parse(query)
        layer = layer_of(query.layer)
        _check_position(query, layer)
        indices = query.indices
        if query.label is not None:
            indices = (_label_index(query, layer, labels),)
        for index in range(layer.units) if indices is None else indices:
            if not 0 <= index < layer.units:
                raise UnknownName(
                    f"{layer.name} has {layer.units} units, {index} was asked; they run from 0 to {layer.units - 1}"
                )
            found[Unit(layer.name, index, query.position)] = None
    return list(found)


def _flat(queries: object) -> Iterator[str | Unit | UnitQuery]:
    if isinstance(queries, str | Unit | UnitQuery):
        yield queries
    elif isinstance(queries, Iterable):
        for each in queries:
            yield from _flat(each)
    else:
        raise InputError(f"{queries!r} names no unit; write text as features.7:3, or a Unit")


def _apart(
    query: str | Unit | UnitQuery, layer_of: Callable[[str], Layer]
) -> Iterator[str | Unit | UnitQuery]:
    """Text that names several layers, layer by layer; a comma within a label, or between indices, parts nothing."""
    if not isinstance(query, str):
        yield query
        return
    found = ""
    for part in query.split(","):
        name, colon, _ = part.partition(":")
        if found and colon and _known(name, layer_of):
            yield found
            found = part
        else:
            found = f"{found},{part}" if found else part
    yield found


def _known(name: str, layer_of: Callable[[str], Layer]) -> bool:
    try:
        layer_of(name)
    except UnknownName:
        return False
    return True


def _check_position(query: UnitQuery, layer: Layer) -> None:
    at = query.position
    if at is None:
        return
    if not layer.grid:
        raise UnknownName(f"{layer.name} has no positions, @ was asked; leave it out")
    if at != "center" and (
        len(at) != len(layer.grid) or any(p >= size for p, size in zip(at, layer.grid, strict=True))
    ):
        grid, asked = "x".join(map(str, layer.grid)), ",".join(map(str, at))
        raise UnknownName(f"{layer.name} has a grid of {grid} (positions from 0), {asked} was asked")


def _label_index(query: UnitQuery, layer: Layer, labels: Sequence[str] | None) -> int:
    label = query.label or ""
    if layer.name != OUTPUT:
        raise InputError(f"{layer.name}:{label}: only {OUTPUT} has class names; write {layer.name}:INDEX")
    if labels is None:
        raise InputError(
            f"{OUTPUT}:{label}: this net has no labels; write {OUTPUT}:INDEX or give --labels FILE"
        )
    hits = [index for index, name in enumerate(labels) if name == label]
    if len(hits) > 1:
        which = " or ".join(f"{OUTPUT}:{index}" for index in hits)
        raise UnknownName(f"label {label!r} stands {len(hits)} times: write {which}")
    if not hits:
        raise UnknownName(f"no label {label!r}; {did_you_mean(label, labels)}")
    return hits[0]
