# SPDX-License-Identifier: Apache-2.0
"""An architecture, and what its own library knows about it: input, labels, where trained weights lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from pellucid.models.inputs import ImageInput

__all__ = ["RANDOM", "Blueprint"]

RANDOM = "the weights of {name} are RANDOM (seed {seed}): nothing was learned"


@dataclass(frozen=True)
class Blueprint:
    """What MODEL names.

    Parameters
    ----------
    name : what the network is called from now on; holds no path of this machine
    build : makes the module, drawing any random weights from torch's global generator
    input : what the module is fed, where that is known
    labels : names of the outputs, where they are known
    download : fetches the library's trained weights and returns the file; None where there are none
    editions : the words beside FILE and random for which `download` may be called
    random : what to tell a user who asks for random weights, where `build` draws such; None where it does not
    rename : from the name of a tensor in the library's files to its name in the module
    shape : `3x224x224` where that much is known of the input, and no more
    """

    name: str
    build: Callable[[], nn.Module]
    input: ImageInput | None = None
    labels: tuple[str, ...] | None = None
    download: Callable[[], Path] | None = None
    editions: tuple[str, ...] = ("DEFAULT",)
    random: str | None = None
    rename: Callable[[str], str] = str
    shape: str | None = None
