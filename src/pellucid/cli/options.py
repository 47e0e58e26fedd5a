# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands have, and how what they say is read."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.errors import InputError
from pellucid.terminal import complain

if TYPE_CHECKING:
    from pellucid.models import BareNet, Net

__all__ = [
    "Aim",
    "AscentOptions",
    "AtlasFile",
    "Batch",
    "Common",
    "Data",
    "ImageFile",
    "Memory",
    "Model",
    "ModelOptions",
    "OutDir",
    "OutPicture",
    "Over",
    "PerClass",
    "RemakeOptions",
    "Settings",
    "Units",
    "bytes_of",
    "first_of",
    "place_of",
    "settings_of",
]

Model = Annotated[
    str, typer.Argument(help="torchvision/NAME, timm/NAME, demo, FILE.py:FUNCTION or a model card (.toml)")
]
Data = Annotated[
    str,
    typer.Argument(
        help="a folder of pictures, a picture, a zip or tar archive, a .npy or .npz file, or the word demo"
    ),
]
ImageFile = Annotated[Path, typer.Argument(help="a picture, or .npy with the numbers of one")]
Units = Annotated[
    list[str], typer.Argument(help="LAYER, LAYER:7, LAYER:0-15,40, LAYER:7@center or logits:LABEL")
]
OutDir = Annotated[Path, typer.Option("-o", "--out", help="the folder to write")]
OutPicture = Annotated[Path | None, typer.Option("-o", "--out", help="the PNG to write")]
Memory = Annotated[str, typer.Option("--memory", help="how much memory a batch may take, as 4GiB")]
Batch = Annotated[
    int | None, typer.Option("--batch", min=1, help="how many are computed together; 32 items when left out")
]
PerClass = Annotated[
    bool, typer.Option("--per-class", help="also the best item of each class, of data that has classes")
]
Aim = Annotated[
    str | None,
    typer.Option(
        "--aim",
        help='logits:LABEL, LAYER:INDEX, LAYER:INDEX@Y,X or a difference as "logits:3 - logits:7"; the top class when left out',
    ),
]
Over = Annotated[
    str | None,
    typer.Option("--over", help="what a unit with positions counts: its strongest, or the mean of all"),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="a setting of the methods, as baseline=blur or masks=4000; again for more"),
]
AtlasFile = Annotated[Path, typer.Argument(help="an atlas file")]


@dataclass(frozen=True)
class Common:
    """Options that every command has."""

    json: Annotated[bool, typer.Option("--json", help="print one JSON document on standard output")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no remarks")] = False
    seed: Annotated[int, typer.Option("--seed", help="the seed of everything random")] = 0
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps")] = "auto"


@dataclass(frozen=True)
class ModelOptions:
    """Options beside MODEL."""

    weights: Annotated[str | None, typer.Option("--weights", help="FILE, DEFAULT or random")] = None
    input: Annotated[str | None, typer.Option("--input", help="channels x height x width, as 3x224x224")] = (
        None
    )
    normalize: Annotated[
        str | None, typer.Option("--normalize", help='imagenet, none or "MEAN.../STD..."')
    ] = None
    labels: Annotated[Path | None, typer.Option("--labels", help="a file with one class name a line")] = None
    trust_code: Annotated[
        str | None, typer.Option("--trust-code", help="sha256:DIGEST of a file that may run code")
    ] = None

    def load(self, model: str, common: Common) -> Net:
        """The net, with its loud lines on standard error."""
        from pellucid.models import load

        net = load(model, **self._given(common))
        for note in () if common.quiet else net.notes:
            complain(note)
        return net

    def load_or_bare(self, model: str, common: Common) -> Net | BareNet:
        """The net; one of signals or volumes, which cannot be fed yet, only to be looked at."""
        from pellucid.models import opened_or_bare

        net = opened_or_bare(model, **self._given(common))
        for note in () if common.quiet else net.notes:
            complain(note)
        return net

    def _given(self, common: Common) -> dict[str, Any]:
        """The arguments of `load`."""
        return {**dataclasses.asdict(self), "device": common.device, "seed": common.seed}


@dataclass(frozen=True)
class AscentOptions:
    """Options of everything that optimizes."""

    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            help="channel, excitation, neuron, layer, logit or probability; left out, what suits the unit",
        ),
    ] = None
    sign: Annotated[str | None, typer.Option("--sign", help="+, - or both")] = None
    steps: Annotated[int | None, typer.Option("--steps", help="steps of the climb")] = None
    size: Annotated[int | None, typer.Option("--size", help="side of the picture in pixels")] = None
    canvas: Annotated[
        str | None,
        typer.Option("--canvas", help="how the picture is parametrized: fourier, pixels, pyramid or maco"),
    ] = None
    transforms: Annotated[
        str | None, typer.Option("--transforms", help="fitted, lucid, distill2017, auto or none")
    ] = None
    copies: Annotated[int | None, typer.Option("--copies", help="views of each picture a step looks at")] = (
        None
    )
    regularize: Annotated[
        str | None, typer.Option("--regularize", help="tv, l1, l2 or blur with weights, as tv=0.25,l2=1")
    ] = None
    optimizer: Annotated[
        str | None, typer.Option("--optimizer", help="adam, nadam, gradient or spectral")
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="by the canvas when left out")
    ] = None
    constraint: Annotated[
        str | None,
        typer.Option("--constraint", help="norm=RADIUS, mahalanobis=RADIUS, or box=LOW..HIGH; canvas pixels"),
    ] = None
    stop: Annotated[
        str | None, typer.Option("--stop", help="fixed, or flat: each picture when it is done")
    ] = None

    def settings(self) -> dict[str, Any]:
        """What the user set, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class RemakeOptions:
    """Options of everything that remakes one image."""

    steps: Annotated[int | None, typer.Option("--steps", help="steps of the climb")] = None
    size: Annotated[
        int | None, typer.Option("--size", help="side of the picture in pixels; the net's own when left out")
    ] = None
    canvas: Annotated[
        str | None, typer.Option("--canvas", help="how the picture is parametrized: fourier, pixels, pyramid")
    ] = None
    transforms: Annotated[
        str | None, typer.Option("--transforms", help="fitted, lucid, distill2017, auto or none")
    ] = None
    copies: Annotated[int | None, typer.Option("--copies", help="views of each picture a step looks at")] = (
        None
    )
    regularize: Annotated[
        str | None, typer.Option("--regularize", help='with weights, as roughness=0.3; "" for none')
    ] = None
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="at the start")] = None
    cooling: Annotated[
        float | None, typer.Option("--cooling", help="the last share of the steps, that slow down to a halt")
    ] = None

    def settings(self) -> dict[str, Any]:
        """What the user set, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


def place_of(text: str | None) -> tuple[int, int] | None:
    """The position that `Y,X` says."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if match is None:
        raise InputError(f"--at {text!r}: write Y,X, two whole numbers from 0, as 12,30")
    return int(match[1]), int(match[2])


def bytes_of(text: str) -> int:
    """The number of bytes that `--memory` says."""
    from pellucid.ascent import bytes_of as number_of

    return number_of(text)


def first_of(problems: list[str]) -> str:
    """The first of some problems, and how many there are."""
    count = f" in {len(problems)} places, the first" if len(problems) > 1 else ""
    return f"{count}: {problems[0]}"


def settings_of(words: list[str] | None) -> dict[str, Any]:
    """The settings that `NAME=VALUE` words say, numbers and truth values as such."""
    found: dict[str, Any] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise InputError(f"--set {word!r}: write NAME=VALUE, as baseline=blur")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found
