# SPDX-License-Identifier: Apache-2.0
"""`timm/NAME`: the architecture with timm's own data configuration, which timm's modules carry with them."""

from __future__ import annotations

import importlib
import math
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pellucid.data.recipe import INTERPOLATIONS, Recipe
from pellucid.errors import InputError, MissingExtra, UnknownName, did_you_mean
from pellucid.models.blueprint import RANDOM, Blueprint
from pellucid.models.inputs import ImageInput

__all__ = ["timm_blueprint", "timm_input"]

WEIGHTS_FILE = "model.safetensors"


def timm_blueprint(name: str, weights: str | None) -> Blueprint:
    """The blueprint of timm's model `name`, which may carry a tag as in `resnet18.a1_in1k`.

    Raises
    ------
    UnknownName : timm has no such model
    MissingExtra : timm is not installed
    """
    timm = _timm()
    if not timm.is_model(name):
        raise UnknownName(f"timm has no model {name!r}; {did_you_mean(name, timm.list_models())}")
    if "." in name and name not in timm.list_pretrained(f"{name.partition('.')[0]}.*"):
        tagged = timm.list_pretrained(f"{name.partition('.')[0]}.*")
        raise UnknownName(f"timm has no model {name!r}; {did_you_mean(name, tagged)}")
    config = timm.get_pretrained_cfg(name)
    facts = {} if config is None else config.to_dict()

    def build() -> nn.Module:
        module: nn.Module = timm.create_model(name, pretrained=False)
        return module

    source = facts.get("hf_hub_id")
    return Blueprint(
        f"timm/{name}",
        build,
        timm_input(facts),
        _labels(facts),
        None if source is None else lambda: _downloaded(source),
        random=RANDOM,
    )


def timm_input(facts: Mapping[str, Any]) -> ImageInput | None:
    """What timm's data configuration (`pretrained_cfg`) says; None where it is incomplete."""
    shape = facts.get("input_size")
    if shape is None or len(shape) != 3 or shape[0] not in (1, 3):
        return None
    channels, height, width = shape
    # timm resizes the shorter side so that the crop is `crop_pct` of it
    resize = math.floor(min(height, width) / (facts.get("crop_pct") or 0.875))
    named = facts.get("interpolation")
    interpolation = named if named in INTERPOLATIONS else "bilinear"
    recipe = Recipe((height, width), resize=resize, interpolation=interpolation, channels=channels)
    mean, std = (facts[key][:channels] if facts.get(key) else None for key in ("mean", "std"))
    return ImageInput((height, width), channels, mean=mean, std=std, recipe=recipe)


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise MissingExtra('timm/ models need timm: pip install "pellucid[models]"') from error
    except RuntimeError as error:
        raise InputError(
            f"timm needs a torchvision that loads beside torch {torch.__version__} ({error}); "
            "install the torchvision made for this torch"
        ) from error


def _labels(facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The ImageNet names that timm keeps, for the label set that the number of classes points to."""
    data = importlib.import_module("timm.data")
    subset = data.infer_imagenet_subset(dict(facts))
    if not subset:
        return None
    names = data.ImageNetInfo(subset)
    return tuple(names.index_to_description(index) for index in range(names.num_classes()))


def _downloaded(repository: str) -> Path:
    """The weights in the hub's own cache; where they are not, one quick question tells whether the hub can be reached."""
    hub = importlib.import_module("huggingface_hub")
    cached = hub.try_to_load_from_cache(repository, WEIGHTS_FILE)
    if isinstance(cached, str):
        return Path(cached)
    question = urllib.request.Request(hub.hf_hub_url(repository, WEIGHTS_FILE), method="HEAD")
    urllib.request.urlopen(question, timeout=10).close()  # the hub's own client tries for half a minute
    return Path(hub.hf_hub_download(repository, WEIGHTS_FILE))
