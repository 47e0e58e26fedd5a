# SPDX-License-Identifier: Apache-2.0
"""What lies between two layers, read off the graph of gradients: all must be linear, once bends are out of the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pellucid.models.calls import tensors_in

__all__ = ["Owners", "Path", "path_to"]

# Linear whatever they are given.
_LINEAR_NAMES = (
    "Add Sub Rsub Neg Sum Mean Cat Stack View UnsafeView Reshape ReshapeAlias Permute Transpose T Squeeze "
    "Unsqueeze Expand Select Slice Split SplitWithSizes SafeSplit Chunk Unbind Narrow Clone Alias ToCopy Copy "
    "Contiguous Movedim Swapaxes Diagonal Index IndexSelect Gather AsStrided CopySlices Flip Roll Repeat "
    "RepeatInterleave Trace Cumsum Tril Triu AvgPool2D AvgPool3D AdaptiveAvgPool2D AdaptiveAvgPool3D "
    "ConstantPadNd ReflectionPad1D ReflectionPad2D ReflectionPad3D ReplicationPad1D ReplicationPad2D "
    "ReplicationPad3D UpsampleNearest1D UpsampleNearest2D UpsampleNearest3D UpsampleNearestExact1D "
    "UpsampleNearestExact2D UpsampleLinear1D UpsampleBilinear2D UpsampleBicubic2D UpsampleTrilinear3D "
    "PixelShuffle PixelUnshuffle ChannelShuffle NativeChannelShuffle Unfold Im2Col Col2Im MaskedFill "
    "NativeDropout AccumulateGrad Identity _Curve _Pool"
)
_LINEAR = frozenset(_LINEAR_NAMES.split())
# Linear in one of the tensors given, where the others are constants.
_PRODUCTS = {
    "Mul",
    "Mm",
    "Bmm",
    "Mv",
    "Dot",
    "Bilinear",
    "Convolution",
    "Addmm",
    "Addbmm",
    "Baddbmm",
    "Addmv",
}
_NORMS = {"NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "NativeBatchNormLegitNoTraining"}
# What is not linear, by how its operations begin: in words, and what is to be said of it.
_WORDS = {
    "NativeLayerNorm": ("a layer norm", "which divides by the spread of what it is given"),
    "NativeGroupNorm": ("a group norm", "which divides by the spread of what it is given"),
    "FusedRmsNorm": ("a root-mean-square norm", "which divides by the size of what it is given"),
    "ScaledDotProduct": ("attention", "whose weights are computed"),
    "LogSoftmax": ("a log softmax", ""),
    "Softmax": ("a softmax", "which divides by the sum over all"),
    "MaxPool2DWithIndices": ("a max pooling that hands out its places, or has holes", ""),
    "Amax": ("a maximum over an axis", ""),
    "Amin": ("a minimum over an axis", ""),
    "Maximum": ("a maximum of two tensors", ""),
    "Minimum": ("a minimum of two tensors", ""),
    "Max": ("a maximum", ""),
    "Min": ("a minimum", ""),
    "Pow": ("a power", ""),
    "Exp": ("an exponential", ""),
    "Log": ("a logarithm", ""),
    "Sqrt": ("a square root", ""),
    "Rsqrt": ("a division by a square root", ""),
    "Reciprocal": ("a reciprocal", ""),
    "Abs": ("an absolute value", ""),
    "Var": ("a variance", ""),
    "Std": ("a standard deviation", ""),
    "LinalgVectorNorm": ("a division by a length, or the length itself", ""),
    "Where": ("a choice by condition", ""),
}
_GATE = ("a product of two computed tensors", "as gates and attention have it")


@dataclass(frozen=True)
class Path:
    """What a layer's response is made of: the `sources` that reach it, and the first `obstacle` on the way, in words."""

    sources: tuple[str, ...]
    obstacle: str | None


class Owners:
    """Which module each operation of a pass belongs to: the innermost one that was running.

    `note` is told of every call that returns, in that order; operations are kept, so that none is taken for another.
    """

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}

    def note(self, module: str, output: object) -> None:
        """All operations behind an output that no call before has claimed are this module's."""
        waiting = [tensor.grad_fn for _, tensor in tensors_in(output)]
        while waiting:
            node = waiting.pop()
            if node is None or node in self._names:
                continue
            self._names[node] = module
            waiting += [before for before, _ in node.next_functions]

    def name_of(self, node: Any) -> str:
        """The module, empty where nobody knows or it is the whole net."""
        return self._names.get(node, "")


def path_to(response: Tensor, leaves: Mapping[str, Tensor], owners: Owners | None = None) -> Path:
    """Walk back from a response through all that it was computed by, to the leaves.

    Obstacles are what is not linear in what the leaves gave: gates (a product of two computed tensors), softmax, norms over
    what is computed, and any operation that is not known. With `owners` they are named with their module.
    """
    names = {id(leaf): name for name, leaf in leaves.items()}
    found: set[str] = set()
    obstacle: str | None = None
    waiting, met = [response.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is None or node in met:
            continue
        met.add(node)
        variable = getattr(node, "variable", None)
        if id(variable) in names:
            found.add(names[id(variable)])
        if obstacle is None and (words := _obstacle(node)) is not None:
            obstacle = _said(words, "" if owners is None else owners.name_of(node))
        waiting += [before for before, _ in node.next_functions]
    return Path(tuple(name for name in leaves if name in found), obstacle)


def _said(words: tuple[str, str], module: str) -> str:
    """What it is, in which module, and what is to be said of it."""
    what, about = words
    return f"{what}{f' ({module})' if module else ''}{f', {about}' if about else ''}"


def _obstacle(node: Any) -> tuple[str, str] | None:
    """Why an operation is not linear: what it is, and what is to be said of it."""
    name = re.sub(r"Backward\w*$", "", node.name().rpartition("::")[2])
    name = "Copy" if name == "CopyBackwards" or node.name() == "CopyBackwards" else name
    if name in _LINEAR:
        return None
    if name in _PRODUCTS:
        return _product(name, node)
    if name == "Div":
        below = node.next_functions[1:2]
        return ("a division by a computed tensor", "") if below and below[0][0] is not None else None
    if name in _NORMS:
        computed = getattr(node, "_saved_training", False)
        return ("a batch norm that keeps no statistics", "") if computed else None
    known = next((words for start, words in _WORDS.items() if name.startswith(start)), None)
    plain = " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)).lower()
    return known or (f"an operation ({plain}) that is not known to be linear", "")


def _product(name: str, node: Any) -> tuple[str, str] | None:
    factors = node.next_functions[1:] if name.startswith("Add") or name == "Baddbmm" else node.next_functions
    if name == "Convolution":
        factors = node.next_functions[:2]
    return _GATE if sum(factor is not None for factor, _ in factors) > 1 else None
