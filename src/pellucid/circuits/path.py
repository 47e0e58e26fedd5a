# SPDX-License-Identifier: Apache-2.0
"""What lies between two layers, read off the graph of gradients: all must be linear, once bends are out of the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["Path", "path_to"]

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
_WORDS = {
    "NativeLayerNorm": "a layer norm, which divides by the spread of what it is given",
    "NativeGroupNorm": "a group norm, which divides by the spread of what it is given",
    "Softmax": "a softmax, as attention has it",
    "LogSoftmax": "a log softmax",
    "MaxPool2DWithIndices": "a max pooling that hands out its places, or has holes",
    "Amax": "a maximum over an axis",
    "Max": "a maximum",
    "Maximum": "a maximum of two tensors",
    "Pow": "a power",
    "Where": "a choice by condition",
}


@dataclass(frozen=True)
class Path:
    """What a layer's response is made of: the `sources` that reach it, and the first `obstacle` on the way, in words."""

    sources: tuple[str, ...]
    obstacle: str | None


def path_to(response: Tensor, leaves: Mapping[str, Tensor]) -> Path:
    """Walk back from a response through all that it was computed by, to the leaves.

    Obstacles are what is not linear in what the leaves gave: gates (a product of two computed tensors), softmax, norms over
    what is computed, and any operation that is not known.
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
        obstacle = obstacle or _obstacle(node)
        waiting += [before for before, _ in node.next_functions]
    return Path(tuple(name for name in leaves if name in found), obstacle)


def _obstacle(node: Any) -> str | None:
    """Why an operation is not linear, in words."""
    name = re.sub(r"Backward\w*$", "", node.name().rpartition("::")[2])
    name = "Copy" if name == "CopyBackwards" or node.name() == "CopyBackwards" else name
    if name in _LINEAR:
        return None
    if name in _PRODUCTS:
        return _product(name, node)
    if name == "Div":
        below = node.next_functions[1:2]
        return "a division by a computed tensor" if below and below[0][0] is not None else None
    if name in _NORMS:
        computed = getattr(node, "_saved_training", False)
        return "a batch norm that keeps no statistics" if computed else None
    return _WORDS.get(name, f"{name}, an operation that is not known to be linear")


def _product(name: str, node: Any) -> str | None:
    factors = node.next_functions[1:] if name.startswith("Add") or name == "Baddbmm" else node.next_functions
    if name == "Convolution":
        factors = node.next_functions[:2]
    computed = sum(factor is not None for factor, _ in factors)
    return "a product of two computed tensors, as gates and attention have it" if computed > 1 else None
