# SPDX-License-Identifier: Apache-2.0
"""A model card: a TOML file that names a model with its weights, input, normalization and labels."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pellucid.errors import InputError, UnknownName, did_you_mean

__all__ = ["Card", "read_card"]

KEYS = ("model", "weights", "input", "normalize", "labels")


@dataclass(frozen=True)
class Card:
    """The arguments that a card stands for; its paths are resolved."""

    model: str
    weights: str | None = None
    input: str | None = None
    normalize: str | None = None
    labels: str | tuple[str, ...] | None = None


def read_card(path: Path) -> Card:
    """The card in a TOML file; paths in it are relative to its folder.

    Raises
    ------
    UnknownName : there is no such file, or it has a key that cards do not have
    InputError : it is no TOML, or a value is no text
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnknownName(f"no model card {path}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path.name} is no model card: {error}") from error
    for key, value in rows.items():
        if key not in KEYS:
            raise UnknownName(
                f"{path.name}: model cards have no key {key!r}; {did_you_mean(key, KEYS, len(KEYS))}"
            )
        texts = value if key == "labels" and isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"{path.name}: {key} is {value!r}; text in quotes was wanted")
    if "model" not in rows:
        raise InputError(
            f"{path.name} names no model; a card has {', '.join(KEYS)}, of which model is needed"
        )
    if rows["model"].endswith(".toml"):
        raise InputError(f"{path.name} names another card, {rows['model']}; name the model itself")
    labels = rows.get("labels")
    return Card(
        _model(rows["model"], path.parent),
        _file(rows["weights"], path.parent) if "weights" in rows else None,
        rows.get("input"),
        rows.get("normalize"),
        tuple(labels) if isinstance(labels, list) else None if labels is None else str(path.parent / labels),
    )


def _model(model: str, folder: Path) -> str:
    """A model's name as it is; a file beside the card by its path."""
    file, colon, function = model.rpartition(":") if ".py:" in model else (model, "", "")
    if colon or Path(model).suffix in (".pt2", ".onnx", ".pt", ".pth"):
        return f"{folder / file}{colon}{function}"
    return model


def _file(weights: str, folder: Path) -> str:
    """A file by its path; a word such as DEFAULT or random, which is no file and has no ending, as it is."""
    path = folder / weights
    return weights if not path.suffix and not path.exists() else str(path)
