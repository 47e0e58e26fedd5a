# SPDX-License-Identifier: Apache-2.0
"""`load`: from what a user names to a network made observable."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from pellucid.errors import InputError, UnknownName
from pellucid.models.bare import BareNet
from pellucid.models.blueprint import Blueprint
from pellucid.models.card import read_card
from pellucid.models.from_timm import timm_input
from pellucid.models.inputs import ImageInput, normalized_as, sized_as
from pellucid.models.labels import checked_labels, read_labels
from pellucid.models.net import Net
from pellucid.models.origin import module_blueprint, named_blueprint
from pellucid.models.trace import ITEMS, OUTPUT, Trace, traced
from pellucid.models.weights import put_into, read_state_dict

__all__ = ["Model", "load", "load_bare", "opened", "opened_or_bare"]

# Tried in this order where nothing tells the input's size.
SIZES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 512)
MOST_CHANNELS = 32  # a convolution that reads more is hardly the one that reads the input


# What every public function takes for a net.
Model = Net | str | Path | nn.Module


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
    if not isinstance(model, str | Path | nn.Module):
        raise InputError(
            f"{type(model).__name__!r} is no model; give a torch.nn.Module, or text as torchvision/resnet18, FILE.py:FUNCTION"
        )
    if not -(2**63) <= seed < 2**63:
        raise InputError(f"seed {seed}: a whole number of at most 63 bits is needed")
    if isinstance(model, nn.Module):
        blueprint = module_blueprint(model, copied=wishes.weights is not None)
    else:
        name, wishes = _with_card(str(model), wishes)
        blueprint = named_blueprint(name, wishes.weights, trust_code)
    place = _device(device, model)
    module, notes = _built(blueprint, wishes.weights, seed)
    known, assumed = _known_input(blueprint, module, wishes)
    if any(map(is_lazy, _tensors(module))):
        module = _initialized(module, known, wishes, seed)
    if wishes.weights not in (None, "random"):
        state = read_state_dict(_weights_file(blueprint, str(wishes.weights)))
        notes += put_into(module, state, blueprint.name, blueprint.rename)
    own = isinstance(model, nn.Module) and wishes.weights is None
    module, moved = _computable(module, place, copied=own)
    image, trace, guessed = _traced(module, known, wishes, place)
    known_labels = _labels(blueprint, wishes, trace)
    assumed = tuple(note.format(blueprint.name, _values(image.channels)) for note in assumed)
    notes = (*notes, *moved, *assumed, *guessed)
    if trace.draws_random_numbers:
        notes += (
            f"{blueprint.name} draws random numbers when it runs, so its responses are not reproducible",
        )
    return Net(module, image, trace, name=blueprint.name, labels=known_labels, notes=notes, device=place)


def opened(net: Model) -> Net:
    """A net as it is, or what `load` makes of anything else: so every function takes what the command line takes."""
    return net if isinstance(net, Net) else load(net)


def opened_or_bare(net: Model | BareNet, **options: Any) -> Net | BareNet:
    """As `opened`, with the options of `load`; a net of signals or volumes, which cannot be fed yet, only to be looked at."""
    if isinstance(net, Net | BareNet):
        return net
    try:
        return load(net, **options)
    except UnknownName:
        raise
    except InputError:
        kept = {name: options[name] for name in ("weights", "seed", "trust_code") if name in options}
        bare = load_bare(net, **kept)
        if bare.first_reads() in (None, "an image"):
            raise
        return bare


def load_bare(
    model: str | Path | nn.Module,
    *,
    weights: str | Path | None = None,
    seed: int = 0,
    trust_code: str | None = None,
) -> BareNet:
    """A network that is never run, for its kernels alone; arguments and errors as of `load`."""
    wishes = _Wishes(None if weights is None else str(weights), None, None, None)
    if isinstance(model, nn.Module):
        blueprint = module_blueprint(model, copied=wishes.weights is not None)
    else:
        name, wishes = _with_card(str(model), wishes)
        blueprint = named_blueprint(name, wishes.weights, trust_code)
    module, notes = _built(blueprint, wishes.weights, seed)
    return BareNet(blueprint.name, module, notes)


def _with_card(model: str, wishes: _Wishes) -> tuple[str, _Wishes]:
    """What a model card stands for; what was said beside it wins."""
    if not model.endswith(".toml"):
        return model, wishes
    card = read_card(Path(model))
    return card.model, _Wishes(
        wishes.weights or card.weights,
        wishes.input or card.input,
        wishes.normalize or card.normalize,
        card.labels if wishes.labels is None else wishes.labels,
    )


def _built(blueprint: Blueprint, weights: str | None, seed: int) -> tuple[nn.Module, tuple[str, ...]]:
    if weights == "random" and blueprint.random is None:
        raise InputError(f"{blueprint.name} brings its own weights: leave --weights out, or give a file")
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        module = blueprint.build()
    empty = [name for name, weight in module.named_parameters() if weight.is_meta]
    if empty:
        raise InputError(
            f"{blueprint.name} has no values in {len(empty)} of its weights ({empty[0]} is on the meta device); "
            "build it on the cpu"
        )
    if weights == "random" and blueprint.random is not None:
        return module, (blueprint.random.format(name=blueprint.name, seed=seed),)
    return module, ()


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def _initialized(module: nn.Module, known: ImageInput | None, wishes: _Wishes, seed: int) -> nn.Module:
    """A module whose lazy layers have the weights that this seed draws; a copy, since they are drawn by running it."""
    ready = copy.deepcopy(module)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        _traced(ready, known, wishes, torch.device("cpu"))
    return ready


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
    tensors = _tensors(module)
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
    config = getattr(module, "pretrained_cfg", None)  # timm's modules carry it
    known = blueprint.input or (timm_input(config) if isinstance(config, Mapping) else None)
    shape = wishes.input or (blueprint.shape if known is None else None)
    sized = known if shape is None else sized_as(shape, known)
    told = wishes.normalize is not None or (
        known is not None and sized is not None and known.channels == sized.channels
    )
    return sized, () if told else (_NO_NORMALIZATION,)


_NO_NORMALIZATION = "ASSUMED for {}: no normalization ({} in 0..1, as given); say otherwise with --normalize"


def _values(channels: int) -> str:
    return {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")


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
    """As many as the first convolution reads; 1 where the first layer reads a flat square."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            return part.in_channels if part.in_channels <= MOST_CHANNELS else 3
        if isinstance(part, nn.Linear):
            return 1 if math.isqrt(part.in_features) ** 2 == part.in_features else 3
    return 3


def _labels(blueprint: Blueprint, wishes: _Wishes, trace: Trace) -> tuple[str, ...] | None:
    units = trace.calls[OUTPUT].layer.units
    if wishes.labels is not None:
        return checked_labels(read_labels(wishes.labels), units, blueprint.name)
    return blueprint.labels if blueprint.labels is not None and len(blueprint.labels) == units else None
