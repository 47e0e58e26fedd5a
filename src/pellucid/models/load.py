# SPDX-License-Identifier: Apache-2.0
"""`load`: from what a user names to a network made observable."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pellucid.errors import InputError, UnknownName
from pellucid.models.archive import CODE, kind_of
from pellucid.models.blueprint import Blueprint
from pellucid.models.card import read_card
from pellucid.models.embedded import EMBEDDED, embedded_network
from pellucid.models.from_file import file_blueprint
from pellucid.models.from_timm import timm_blueprint, timm_input
from pellucid.models.from_torchvision import torchvision_blueprint
from pellucid.models.inputs import ImageInput, normalized_as, sized_as
from pellucid.models.labels import checked_labels, read_labels
from pellucid.models.net import Net
from pellucid.models.trace import ITEMS, OUTPUT, Trace, traced
from pellucid.models.trusted import trusted_blueprint
from pellucid.models.weights import put_into, read_state_dict

__all__ = ["load"]

LIBRARIES: dict[str, Callable[[str, str | None], Blueprint]] = {
    "torchvision": torchvision_blueprint,
    "timm": timm_blueprint,
}
FORMS = "MODEL is torchvision/NAME, timm/NAME, demo, FILE.py:FUNCTION or a model card (TOML)"
# Tried in this order where nothing tells the input's size.
SIZES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 512)


@dataclass(frozen=True)
class _Wishes:
    """What the user said beside MODEL, the model card's words included."""

    weights: str | None
    input: str | ImageInput | None
    normalize: str | None
    labels: str | Path | Sequence[str] | None


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
    """A network made observable.

    A module given in Python is not changed: it stays in its mode, and is copied where weights are put into it or where
    it has to compute in another precision or on another device.

    Parameters
    ----------
    model : a torch.nn.Module, or text: `torchvision/NAME`, `timm/NAME`, `demo`, `FILE.py:FUNCTION`, a model card
        (`CARD.toml`), or with `trust_code` an exported program (`.pt2`) or a pickled module
    weights : a file (safetensors, or a state dict of torch.save), `DEFAULT` (downloaded) or `random`
    input : `3x224x224`, or an ImageInput; else what the model's library says, else assumed with a note
    normalize : `imagenet`, `none`, or `MEAN,MEAN,MEAN/STD,STD,STD`; `0..255` and `bgr` may follow
    labels : names of the outputs, or a file with one a line
    device : `auto`, `cpu`, `cuda` or `mps`
    seed : of random weights
    trust_code : `sha256:...` of a file that may run code

    Raises
    ------
    UnknownName : there is no such model, file or label file
    RefusedFile : loading a file could run code
    MisfitWeights : the weights do not fit the model
    MissingExtra : an optional dependency is not installed
    InputError : anything else that cannot be done with what was given

    Examples
    --------
    >>> net = load("demo")
    >>> net.layer("conv1").units
    40
    """
    wishes = _Wishes(None if weights is None else str(weights), input, normalize, labels)
    if isinstance(model, nn.Module):
        blueprint = _module_blueprint(model, copied=wishes.weights is not None)
    else:
        blueprint, wishes = _named(str(model), wishes, trust_code)
    place = _device(device, model)
    module, notes = _built(blueprint, wishes.weights, seed)
    module, moved = _computable(module, place, copied=module is model)
    known, assumed = _known_input(blueprint, module, wishes)
    image, trace, guessed = _traced(module, known, wishes, place)
    names = _labels(blueprint, wishes, trace)
    notes = (*notes, *moved, *assumed, *guessed)
    if trace.draws_random_numbers:
        notes += (
            f"{blueprint.name} draws random numbers when it runs, so its responses are not reproducible",
        )
    return Net(module, image, trace, name=blueprint.name, labels=names, notes=notes, device=place)


def _named(model: str, wishes: _Wishes, trust_code: str | None) -> tuple[Blueprint, _Wishes]:
    if model.endswith(".toml"):
        card = read_card(Path(model))
        model = card.model
        wishes = _Wishes(
            wishes.weights or card.weights,
            wishes.input or card.input,
            wishes.normalize or card.normalize,
            card.labels if wishes.labels is None else wishes.labels,
        )
    library, slash, name = model.partition("/")
    if slash and library in LIBRARIES and not Path(model).exists():
        blueprint = LIBRARIES[library](
            name, wishes.weights
        )  # a misspelled name is told before missing weights
        if wishes.weights is None:
            raise InputError(
                f"{model} needs weights: add --weights FILE, --weights DEFAULT (download) or --weights random"
            )
        return blueprint, wishes
    if slash and library == "hf":
        raise InputError(
            f"{model}: hf/ models are not supported yet; use FILE.py:FUNCTION that returns the model"
        )
    if model == "demo":
        return _demo_blueprint(), wishes
    if ".py:" in model or model.endswith(".py"):
        return file_blueprint(model if ".py:" in model else f"{model}:"), wishes
    if not model.strip():
        raise UnknownName(f"no model was named; {FORMS}")
    return _file_named_as_model(Path(model), trust_code), wishes


def _file_named_as_model(path: Path, trust_code: str | None) -> Blueprint:
    """A file that is a network of its own, or a clear word on why it is not."""
    if not path.exists():
        bare = re.fullmatch(r"[\w.-]+", path.name) and path.name == str(path) and not path.suffix
        hint = f"did you mean torchvision/{path} or timm/{path}? " if bare else ""
        raise UnknownName(f"no model and no file {str(path)!r}; {hint}{FORMS}")
    kind = kind_of(path)
    if kind in CODE or (kind == "torch" and trust_code):
        return trusted_blueprint(path, kind, trust_code)
    if kind == "torch":
        read_state_dict(path)  # says so where it is no state dict
    if kind in ("torch", "safetensors"):
        raise InputError(f"{path.name} holds weights, not a network; write MODEL --weights {path.name}")
    if kind == "onnx":
        raise InputError(
            f"{path.name}: ONNX files are not supported yet; use the module it was made from, or a .pt2"
        )
    what = {"picture": "a picture", "text": "text"}.get(kind, "no file that is known")
    raise InputError(f"{path.name} is {what}, not a network; {FORMS}")


def _demo_blueprint() -> Blueprint:
    image = ImageInput(EMBEDDED.input_px, mean=EMBEDDED.mean, std=EMBEDDED.std)
    return Blueprint("demo", embedded_network, image, EMBEDDED.labels)


def _module_blueprint(module: nn.Module, *, copied: bool) -> Blueprint:
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError("a TorchScript module cannot be observed inside; give the module it was made from")
    while True:  # wrappers that only pass calls on
        inner = module._modules.get("_orig_mod") or (
            module.module
            if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel)
            else None
        )
        if not isinstance(inner, nn.Module):
            break
        module = inner
    made = copy.deepcopy(module) if copied else module
    return Blueprint(type(module).__name__, lambda: made)


def _built(blueprint: Blueprint, weights: str | None, seed: int) -> tuple[nn.Module, tuple[str, ...]]:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        module = blueprint.build()
    if weights is None:
        return module, ()
    if weights == "random":
        return module, (f"the weights of {blueprint.name} are RANDOM (seed {seed}): nothing was learned",)
    state = read_state_dict(_weights_file(blueprint, weights))
    return module, put_into(module, state, blueprint.name, blueprint.rename)


def _weights_file(blueprint: Blueprint, weights: str) -> Path:
    path = Path(weights)
    if path.exists():
        return path
    if path.suffix or "/" in weights:
        raise UnknownName(f"no weights file {weights}; --weights takes FILE, DEFAULT or random")
    if blueprint.download is None or weights not in blueprint.editions:
        there = ", ".join(blueprint.editions) if blueprint.download else "nothing to download"
        raise UnknownName(
            f"no weights {weights!r}: {blueprint.name} has {there}; --weights takes FILE, DEFAULT or random"
        )
    try:
        return blueprint.download()
    except Exception as error:  # each library and each way of being offline has its own
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"the weights of {blueprint.name} could not be downloaded ({type(error).__name__}: {reason}); "
            "give a file with --weights FILE"
        ) from error


def _device(device: str, model: object) -> torch.device:
    if device == "auto":
        if isinstance(model, nn.Module):
            return next((weight.device for weight in model.parameters()), torch.device("cpu"))
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise InputError(f"no device {device!r}; there is auto, cpu, cuda, mps")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[kind]
    if not there:
        raise InputError(f"device {device} was asked, this machine or this torch has none; use --device auto")
    return torch.device(device)


def _computable(module: nn.Module, place: torch.device, *, copied: bool) -> tuple[nn.Module, tuple[str, ...]]:
    """The module in float32 on the device; a copy, with a note, where it is the user's own and must change."""
    tensors = [*module.parameters(), *module.buffers()]
    kinds = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} - {torch.float32}
    if not kinds and all(tensor.device == place for tensor in tensors):
        return module, ()
    if copied:
        module = copy.deepcopy(module)
    names = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    return module.to(place).float(), (
        f"the module holds {names}; a copy of it computes in float32",
    ) if kinds else ()


def _known_input(
    blueprint: Blueprint, module: nn.Module, wishes: _Wishes
) -> tuple[ImageInput | None, tuple[str, ...]]:
    """What is known of the input before anything runs, and what had to be assumed about its normalization."""
    if isinstance(wishes.input, ImageInput):
        return wishes.input, ()
    known = blueprint.input or timm_input(getattr(module, "pretrained_cfg", None) or {})
    shape = wishes.input or (blueprint.shape if known is None else None)
    sized = known if shape is None else sized_as(shape, known)
    told = wishes.normalize is not None or (
        known is not None and sized is not None and known.channels == sized.channels
    )
    return sized, () if told else (_NO_NORMALIZATION.format(blueprint.name),)


_NO_NORMALIZATION = "ASSUMED for {}: no normalization (RGB in 0..1 as it is); say otherwise with --normalize"


def _traced(
    module: nn.Module, known: ImageInput | None, wishes: _Wishes, place: torch.device
) -> tuple[ImageInput, Trace, tuple[str, ...]]:
    """The input, finished, and the trace on it; where no size is known, the first common one that runs."""
    channels = _first_channels(module)
    candidates = [known] if known else [ImageInput(size, channels) for size in SIZES]
    failure: InputError | None = None
    for image in candidates:
        image = image if wishes.normalize is None else normalized_as(wishes.normalize, image)
        example = torch.full((ITEMS, image.channels, *image.size), 0.5, device=place)
        try:
            trace = traced(module, image.normalize(example))
        except InputError as error:
            failure = failure or error
            continue
        shape = "x".join(map(str, (image.channels, *image.size)))
        note = f"ASSUMED: an input of {shape}, the first common size that runs; say otherwise with --input"
        return image, trace, () if known else (note,)
    raise failure or InputError("no input size is left to try; give one with --input")


def _first_channels(module: nn.Module) -> int:
    """1 where the first convolution reads one channel."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            return 1 if part.in_channels == 1 else 3
    return 3


def _labels(blueprint: Blueprint, wishes: _Wishes, trace: Trace) -> tuple[str, ...] | None:
    units = trace.calls[OUTPUT].layer.units
    if wishes.labels is not None:
        return checked_labels(read_labels(wishes.labels), units, blueprint.name)
    return blueprint.labels if blueprint.labels is not None and len(blueprint.labels) == units else None
