# SPDX-License-Identifier: Apache-2.0
"""The small network that ships with Pellucid: it tells 14 photographs apart by a 96 px tile of one of them.

`scripts/train_embedded.py` trains it and writes `embedded.safetensors`, which lies beside this file.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from pellucid.data.tiles import PHOTOGRAPHS, TILE_PX

__all__ = ["EMBEDDED", "EMBEDDED_FILE", "EmbeddedFacts", "embedded_architecture", "embedded_network"]

EMBEDDED_FILE = Path(__file__).with_name("embedded.safetensors")


@dataclass(frozen=True)
class EmbeddedFacts:
    """What is known about the embedded network.

    `mean` and `std` normalize RGB in 0..1. `accuracy` is the share of tiles named right in the band of each
    photograph that training never saw, `training_seconds` the time of the script on 2 cores;
    `gabor_or_blob` is the share of the `live_filters` of the first layer that a Gabor or a blob fits with R²
    above 0.6.
    """

    labels: tuple[str, ...]
    input_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    credits: tuple[str, ...]
    accuracy: float
    training_seconds: int
    live_filters: int
    gabor_or_blob: float


EMBEDDED = EmbeddedFacts(
    labels=tuple(photograph.name for photograph in PHOTOGRAPHS),
    input_px=TILE_PX,
    mean=(0.45, 0.45, 0.45),
    std=(0.25, 0.25, 0.25),
    credits=tuple(photograph.credit for photograph in PHOTOGRAPHS),
    accuracy=0.826,
    training_seconds=300,
    live_filters=40,
    gabor_or_blob=1.0,
)


def embedded_architecture() -> nn.Sequential:
    """The layers without their trained weights: five convolutions, a mean over positions, one linear layer.

    Fully convolutional up to the mean, so any canvas of at least 8 px passes through. The batch norms of the
    training are folded into the convolutions: what a filter shows is what it does.
    """
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 40, 9, stride=2, padding=4),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, stride=2, padding=1),
            conv2=nn.Conv2d(40, 56, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            conv3=nn.Conv2d(56, 72, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(72, 96, 3, padding=1),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(96, 112, 3, padding=1),
            relu5=nn.ReLU(),
            pool5=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(112, len(PHOTOGRAPHS)),
        )
    )


def embedded_network() -> nn.Module:
    """The trained network, in eval mode and float32; it takes (N, 3, 96, 96), normalized as `EMBEDDED` says.

    Examples
    --------
    >>> import torch
    >>> embedded_network()(torch.zeros(1, 3, 96, 96)).shape
    torch.Size([1, 14])
    """
    network = embedded_architecture()
    # Stored as float16, half the size; the rounding is far below what a picture shows.
    network.load_state_dict({name: weight.float() for name, weight in load_file(EMBEDDED_FILE).items()})
    return network.eval().requires_grad_(False)
