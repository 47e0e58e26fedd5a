# SPDX-License-Identifier: Apache-2.0
"""From what MODEL names to a blueprint: which library, file or module it is, and a clear word when it is none."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from pellucid.errors import InputError, RefusedFile, UnknownName
from pellucid.models.archive import CODE, kind_of
from pellucid.models.blueprint import RANDOM, Blueprint
from pellucid.models.embedded import EMBEDDED, embedded_architecture, embedded_network
from pellucid.models.from_file import file_blueprint
from pellucid.models.from_timm import timm_blueprint
from pellucid.models.from_torchvision import torchvision_blueprint
from pellucid.models.inputs import ImageInput
from pellucid.models.trusted import trusted_blueprint
from pellucid.models.weights import read_state_dict

__all__ = ["LIBRARIES", "module_blueprint", "named_blueprint"]

LIBRARIES: dict[str, Callable[[str, str | None], Blueprint]] = {
    "torchvision": torchvision_blueprint,
    "timm": timm_blueprint,
}
FORMS = "MODEL is torchvision/NAME, timm/NAME, demo, FILE.py:FUNCTION or a model card (TOML)"


def named_blueprint(model: str, weights: str | None, trust_code: str | None) -> Blueprint:
    """The blueprint of what `model` names; `weights` is what the user asked for beside it.

    Raises
    ------
    UnknownName : there is no such model or file
    RefusedFile : it is a file that could run code
    InputError : it is something else than a network, or needs weights
    """
    library, slash, name = model.partition("/")
    if slash and library in LIBRARIES and not Path(model).exists():
        blueprint = LIBRARIES[library](name, weights)  # a misspelled name is told before missing weights
        if weights is None:
            raise InputError(
                f"{model} needs weights: add --weights FILE, --weights DEFAULT (download) or --weights random"
            )
        return blueprint
    if slash and library == "hf":
        raise InputError(
            f"{model}: hf/ models are not supported yet; use FILE.py:FUNCTION that returns the model"
        )
    if model == "demo":
        return _demo_blueprint(random=weights == "random")
    if ".py:" in model or model.endswith(".py"):
        return file_blueprint(model if ".py:" in model else f"{model}:")
    if not model.strip():
        raise UnknownName(f"no model was named; {FORMS}")
    return _file_blueprint(Path(model), trust_code)


def module_blueprint(module: nn.Module, *, copied: bool) -> Blueprint:
    """The blueprint of a module given in Python, without the wrappers that only pass calls on.

    Raises
    ------
    InputError : it is TorchScript, whose parts cannot be observed
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError("a TorchScript module cannot be observed inside; give the module it was made from")
    wrapped: object = module
    while isinstance(wrapped, nn.Module):
        module = wrapped
        parallel = isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel)
        wrapped = module.module if parallel else module._modules.get("_orig_mod")  # torch.compile's
    made = copy.deepcopy(module) if copied else module
    return Blueprint(type(module).__name__, lambda: made)


def _demo_blueprint(*, random: bool) -> Blueprint:
    image = ImageInput(EMBEDDED.input_px, mean=EMBEDDED.mean, std=EMBEDDED.std)
    build = embedded_architecture if random else embedded_network
    return Blueprint("demo", build, image, EMBEDDED.labels, random=RANDOM if random else None)


def _file_blueprint(path: Path, trust_code: str | None) -> Blueprint:
    """A file that is a network of its own, or a clear word on why it is not."""
    if not path.exists():
        bare = re.fullmatch(r"[\w.-]+", path.name) and path.name == str(path) and not path.suffix
        hint = f"did you mean torchvision/{path} or timm/{path}? " if bare else ""
        raise UnknownName(f"no model and no file {str(path)!r}; {hint}{FORMS}")
    kind = kind_of(path)
    if kind in CODE or (kind == "torch" and trust_code):
        return trusted_blueprint(path, kind, trust_code)
    if kind == "torch":
        try:
            read_state_dict(path)
        except RefusedFile:
            return trusted_blueprint(path, kind, None)  # refuses as well, and says what would be needed
    if kind in ("torch", "safetensors"):
        raise InputError(f"{path.name} holds weights, not a network; write MODEL --weights {path.name}")
    if kind == "onnx":
        raise InputError(
            f"{path.name}: ONNX files are not supported yet; use the module it was made from, or a .pt2"
        )
    what = {"picture": "a picture", "text": "text"}.get(kind, "no file that is known")
    raise InputError(f"{path.name} is {what}, not a network; {FORMS}")
