# SPDX-License-Identifier: Apache-2.0
"""A network that is only looked at: its kernels as they are, for inputs that cannot be fed to it here."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.models.net import digest_of

__all__ = ["BareNet", "Kernels"]

KINDS = {3: "a signal", 4: "an image", 5: "a volume"}


@dataclass(frozen=True, eq=False)
class Kernels:
    """The weights of a convolution, (K, C, *sizes), as they are; `first`: no other convolution is named before it."""

    layer: str
    weight: Tensor
    first: bool


@dataclass(frozen=True, eq=False)
class BareNet:
    """A module that is never run, by name; what it is fed is not known, so no normalization is folded in."""

    name: str
    module: nn.Module
    weight_notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user must be told."""
        reads = self.first_reads() or "an input"
        told = f"{self.name} reads {reads}, which cannot be fed yet: weights as they are, no normalization folded in"
        return (*self.weight_notes, told)

    @property
    def weights_digest(self) -> str:
        """As a net's."""
        return digest_of(self.module)

    def first_reads(self) -> str | None:
        """What the first convolution reads: a signal, an image or a volume; None where there is none."""
        weight = next((one for part in self.module.modules() if (one := _kernels(part)) is not None), None)
        return None if weight is None else KINDS[weight.ndim]

    def kernels(self, layer: str | None = None) -> Kernels:
        """The kernels of a layer, the first convolution's where none is named.

        Raises
        ------
        UnknownName : no convolution of that name
        InputError : there is no convolution

        Examples
        --------
        >>> BareNet("signal net", nn.Sequential(nn.Conv1d(2, 16, 9))).kernels().weight.shape
        torch.Size([16, 2, 9])
        """
        found = {
            name: weight
            for name, part in self.module.named_modules()
            if (weight := _kernels(part)) is not None
        }
        if not found:
            raise InputError(f"{self.name} has no convolution, so it has no kernels to show")
        first = next(iter(found))
        asked = first if layer is None else layer
        if asked not in found:
            raise UnknownName(f"no convolution {asked!r}; {did_you_mean(asked, found)}")
        return Kernels(asked or "the module", found[asked], asked == first)


def _kernels(part: nn.Module) -> Tensor | None:
    weight = getattr(part, "weight", None)
    named = type(part).__name__
    convolves = "Conv" in named and "Transpose" not in named
    if not convolves or not isinstance(weight, Tensor) or weight.ndim not in KINDS:
        return None
    return weight.detach().to("cpu", torch.float32)
