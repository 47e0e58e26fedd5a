# SPDX-License-Identifier: Apache-2.0
"""Records and other values as the JSON text that an atlas keeps, checked on the way in and on the way out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from pellucid.errors import InputError, NotAnAtlas
from pellucid.figures import Blob
from pellucid.records import Kind, Layer, Provenance, Record, canonical_json
from pellucid.store.fit import fits

__all__ = [
    "blobs_of",
    "json_text",
    "json_value",
    "kind_from_text",
    "layer_from_text",
    "record_from_text",
    "record_text",
]

_T = TypeVar("_T")
_HASH = re.compile(r"[0-9a-f]{64}")
_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]+")


def json_text(value: object, what: str) -> str:
    """Canonical JSON of `value`; `what` names it in the error.

    Raises
    ------
    InputError : it holds NaN, infinity, half a surrogate pair, or something that is no JSON
    """
    try:
        text = canonical_json(value)
        text.encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{what} cannot be kept as JSON: {error}; write None for a number that is not there"
        ) from error
    return text


def json_value(text: str, what: str) -> Any:
    """What `json_text` wrote.

    Anything but canonical JSON is refused: that leaves no NaN, no double key, no half surrogate pair.

    Raises
    ------
    NotAnAtlas : the text is not what Pellucid writes
    """
    try:
        value = json.loads(text)
        if canonical_json(value) == text:
            return value
    except (ValueError, TypeError, RecursionError):
        pass
    raise NotAnAtlas(f"{what} is damaged: it is not the JSON that Pellucid writes")


def record_text(record: Record) -> str:
    """The figures and the provenance of a record as text.

    Raises
    ------
    InputError : a figure, named in the message, holds NaN, infinity, or a value of another type than it says
    """
    what = f"record {record.kind} of {record.layer}:{record.index}"
    for name, figure in record.figures.items():
        if not isinstance(name, str) or not fits(figure, type(figure)) or not _sound_blobs(figure.blobs()):
            json_text(figure.to_json(), f"{what}: figure {name!r}")  # where this fails it says more
            raise InputError(
                f"{what}: figure {name!r} holds a value that a {type(figure).__name__} does not take"
            )
    if not fits(record.provenance, Provenance | None):
        raise InputError(f"{what}: its provenance holds a value of a wrong type")
    return json_text(record.to_json(), what)


def record_from_text(kind: str, layer: str, index: int | None, text: str) -> Record:
    """The record that `record_text` wrote; its blobs carry names only.

    Raises
    ------
    NotAnAtlas : the text is no record
    """
    what = repr(f"record {kind} of {layer}:{index}")
    record = _made(lambda row: Record.from_json(kind, layer, index, row), text, what)
    sound = fits(record.provenance, Provenance | None) and all(
        fits(name, str) and fits(figure, type(figure)) and _sound_blobs(figure.blobs())
        for name, figure in record.figures.items()
    )
    return _kept(record, sound, what)


def layer_from_text(text: str) -> Layer:
    """The layer whose `to_json` was kept."""
    layer = _made(Layer.from_json, text, "a layer")
    return _kept(layer, fits(layer, Layer), "a layer")


def kind_from_text(text: str) -> Kind:
    """The kind of evidence whose `to_json` was kept."""
    kind = _made(Kind.from_json, text, "a kind of evidence")
    return _kept(kind, fits(kind, Kind), "a kind of evidence")


def blobs_of(record: Record) -> list[Blob]:
    """Every blob that a record's figures show, in their order."""
    return [blob for figure in record.figures.values() for blob in figure.blobs()]


def _sound_blobs(blobs: Any) -> bool:
    return all(_HASH.fullmatch(blob.hash) and _MIME.fullmatch(blob.mime) for blob in blobs)


def _made(make: Callable[[Any], _T], text: str, what: str) -> _T:
    try:
        return make(json.loads(text))
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise NotAnAtlas(f"{what} is damaged: {type(error).__name__} {error}") from error


def _kept(value: _T, sound: bool, what: str) -> _T:
    if not sound:
        raise NotAnAtlas(f"{what} is damaged: a value in it has a wrong type")
    return value
