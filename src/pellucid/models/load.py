# SPDX-License-Identifier: Apache-2.0
"""`load`: from what a user names to a network made observable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from pellucid.errors import InputError, MissingExtra, UnknownName, did_you_mean
from pellucid.models.inputs import ImageInput, normalized_as, sized_as
from pellucid.models.net import Net

__all__ = ["load"]


def load(
    model: str | Path | nn.Module,
    *,
    weights: str | Path | None = None,
    input: str | ImageInput | None = None,
    normalize: str | None = None,
    labels: str | Path | Sequence[str] | None = None,
    device: str = "auto",
    seed: int = 0,
    trust_code: str | None = None,
) -> Net:
    """A network made observable, from a module or from what names one.

    First version: a module, or `torchvision/NAME` with random weights.
    """
    known = None
    if isinstance(model, nn.Module):
        module, name = model, type(model).__name__
    else:
        name = str(model)
        if not name.startswith("torchvision/"):
            raise UnknownName(f"no model {name!r}")
        module, known = _torchvision(name.removeprefix("torchvision/"), seed)
    image = (
        input
        if isinstance(input, ImageInput)
        else (sized_as(input, known) if input else known or ImageInput(224))
    )
    if normalize:
        image = normalized_as(normalize, image)
    names = (
        labels
        if labels is None or not isinstance(labels, str | Path)
        else Path(labels).read_text().splitlines()
    )
    return Net(module, image, name=name, labels=names)


def _torchvision(name: str, seed: int) -> tuple[nn.Module, ImageInput]:
    try:
        from torchvision import models  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra('torchvision/ models need: pip install "pellucid[models]"') from error
    if name not in models.list_models(module=models):
        raise UnknownName(
            f"no torchvision model {name!r}; {did_you_mean(name, models.list_models(module=models))}"
        )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        module = models.get_model(name, weights=None)
    recipe = models.get_model_weights(name).DEFAULT.transforms()
    if not hasattr(recipe, "crop_size"):
        raise InputError(f"{name} is no image classifier")
    return module.eval(), ImageInput(recipe.crop_size[0], mean=recipe.mean, std=recipe.std)
