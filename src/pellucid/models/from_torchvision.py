# SPDX-License-Identifier: Apache-2.0
"""`torchvision/NAME`: the architecture, and all that its weights' entry says without a download."""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pellucid.data.recipe import Recipe
from pellucid.errors import InputError, MissingExtra, UnknownName, did_you_mean
from pellucid.models.blueprint import RANDOM, Blueprint
from pellucid.models.inputs import ImageInput

__all__ = ["torchvision_blueprint"]


def torchvision_blueprint(name: str, weights: str | None) -> Blueprint:
    """The blueprint of torchvision's model `name`.

    `weights` is what the user asked for: an entry's name, or a file whose name is that of an entry's file, chooses
    that entry's recipe; anything else the default entry's.

    Raises
    ------
    UnknownName : torchvision has no such model
    MissingExtra : torchvision is not installed
    """
    models = _models()
    known = models.list_models()
    if name not in known:
        raise UnknownName(f"torchvision has no model {name!r}; {did_you_mean(name, known)}")
    entries = {entry.name: entry for entry in models.get_model_weights(name)}
    entry = _entry(entries, weights)
    builder = models.get_model_builder(name)

    def build() -> nn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # GoogLeNet and Inception announce a change of defaults
            module: nn.Module = builder(weights=None, **_settings(name, builder, entry))
        return module

    if entry is None:
        return Blueprint(f"torchvision/{name}", build, random=RANDOM)
    return Blueprint(
        f"torchvision/{name}",
        build,
        _input(entry),
        tuple(entry.meta.get("categories", ())) or None,
        lambda: _downloaded(entry),
        ("DEFAULT", *entries),
        random=RANDOM,
        rename=_modern_name if name.startswith("densenet") else str,
    )


def _modern_name(name: str) -> str:
    """The files of torchvision's DenseNets write `norm.1` where its modules say `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)", r"\1\2", name)


def _models() -> Any:
    try:
        return importlib.import_module("torchvision.models")
    except ImportError as error:
        raise MissingExtra('torchvision/ models need torchvision: pip install "pellucid[models]"') from error
    except RuntimeError as error:
        raise InputError(
            f"torchvision is installed but does not load beside torch {torch.__version__} ({error}); "
            "install the torchvision made for this torch"
        ) from error


def _entry(entries: dict[str, Any], weights: str | None) -> Any:
    if weights in entries:
        return entries[weights]
    for entry in entries.values():
        if weights and Path(entry.url).name == Path(weights).name:
            return entry
    default = next(iter(entries.values()), None)
    return None if default is None else type(default).DEFAULT


def _settings(name: str, builder: Any, entry: Any) -> dict[str, Any]:
    """What torchvision itself sets when it builds the architecture for trained weights."""
    parameters = inspect.signature(builder).parameters
    settings: dict[str, Any] = {}
    if "weights_backbone" in parameters:
        settings["weights_backbone"] = None  # or it would download them
    if name in ("googlenet", "inception_v3"):
        settings["transform_input"] = True  # their weights expect it after torchvision's normalization
    if name.startswith("vit_") and entry is not None:
        settings["image_size"] = entry.meta["min_size"][0]
    if name.startswith(("deeplabv3", "fcn")):
        settings["aux_loss"] = True
    return settings


def _input(entry: Any) -> ImageInput | None:
    preset = entry.transforms()
    if not hasattr(preset, "mean") or not hasattr(preset, "resize_size"):
        return None
    resize = preset.resize_size[0]
    crop = getattr(preset, "crop_size", [resize])[0]
    recipe = Recipe((crop, crop), resize=resize, interpolation=preset.interpolation.value)
    return ImageInput(crop, mean=preset.mean, std=preset.std, recipe=recipe)


def _downloaded(entry: Any) -> Path:
    """The entry's file in torch's own cache; fetched and checked against the digest in its name if it is not there."""
    name = Path(entry.url).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            entry.url, str(path), Path(name).stem.rpartition("-")[2], progress=False
        )
    return path
