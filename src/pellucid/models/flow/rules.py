# SPDX-License-Identifier: Apache-2.0
"""How each tensor operation hands flows on, as if all weights were positive: `RULES` names the rule of each.

An operation without a rule mixes everything: each of its elements is reached by all that reaches its inputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.models.flow import moves, sums, windows
from pellucid.models.flow.flow import Flow, is_reach, union
from pellucid.models.flow.operation import Operation
from pellucid.models.flow.pointwise import pointwise

__all__ = ["RULES", "followed"]

Rule = Callable[[Operation], Flow | list[Flow]]

_FAMILIES: dict[Rule, str] = {
    windows.convolution: "convolution",
    windows.pool: "max_pool2d_with_indices max_pool3d_with_indices avg_pool1d avg_pool2d avg_pool3d",
    windows.adaptive_pool: (
        "adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d"
    ),
    windows.zero_padding: "constant_pad_nd",
    windows.copy_padding: (
        "reflection_pad1d reflection_pad2d reflection_pad3d "
        "replication_pad1d replication_pad2d replication_pad3d"
    ),
    windows.upsampled: (
        "upsample_nearest1d upsample_nearest2d _upsample_nearest_exact1d _upsample_nearest_exact2d "
        "upsample_linear1d upsample_bilinear2d upsample_bicubic2d"
    ),
    sums.reduction: "mean sum nansum amax amin max min var std var_mean linalg_vector_norm norm logsumexp",
    sums.normalization: (
        "native_layer_norm native_group_norm native_batch_norm cudnn_batch_norm miopen_batch_norm "
        "_native_batch_norm_legit _native_batch_norm_legit_no_training _batch_norm_with_update "
        "_batch_norm_no_update"
    ),
    sums.softmax: "_softmax _log_softmax _safe_softmax",
    sums.product: "mm bmm addmm baddbmm",
    sums.attention: (
        "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
        "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
        "_scaled_dot_product_fused_attention_overrideable"
    ),
    moves.same: "clone _to_copy as_strided_",
    moves.resized: "view _unsafe_view reshape _reshape_alias",
    moves.moved: (
        "permute transpose t unsqueeze squeeze select expand unbind split split_with_sizes chunk narrow unfold "
        "diagonal detach alias"
    ),
    moves.sliced: "slice",
    moves.rolled: "roll flip",
    moves.joined: "cat stack",
    moves.picked: "index index_select",
    moves.shuffled: "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle",
    moves.copied_over: "copy_",
    # those that torch does not mark as pointwise
    pointwise: "elu gelu hardswish leaky_relu lerp masked_fill maximum minimum _prelu_kernel silu where",
}
RULES: dict[str, Rule] = {name: rule for rule, names in _FAMILIES.items() for name in names.split()}


def followed(operation: Operation) -> list[Flow]:
    """The flows of the operation's results; of the first ones, where the rest are by-products."""
    rule = RULES.get(operation.name) or (pointwise if operation.pointwise else mixed)
    try:
        flows = rule(operation)
    except (LookupError, ValueError, RuntimeError, TypeError):
        flows = mixed(operation)  # arguments that the rule was not made for
    return flows if isinstance(flows, list) else [flows]


def mixed(operation: Operation) -> list[Flow]:
    """Everything reaches everything; items, units and positions stay what they are where the shape stays."""
    flows = operation.flows()
    whole = [flow.reduced(range(len(flow.shape))) for flow in flows]
    reach = union(whole, (1,) * max(len(flow.shape) for flow in flows))
    results = [operation.result] if isinstance(operation.result, Tensor) else operation.result
    return [
        _mixed_into(tuple(result.shape), flows, reach) if isinstance(result, Tensor) else flows[0].plain()
        for result in results
    ]


def _mixed_into(shape: tuple[int, ...], flows: list[Flow], reach: Flow) -> Flow:
    first = flows[0]
    alike = next((flow for flow in flows if flow.shape == shape), None)
    marks: dict[str, Tensor] = {}
    if alike is not None:
        marks = {name: mark for name, mark in alike.marks.items() if not is_reach(name)}
    elif first.shape[:1] == shape[:1] and first.varies("item", 0):
        marks = {"item": torch.arange(shape[0]).view(-1, *[1] * (len(shape) - 1))}
    spans = {name: mark.reshape((1,) * len(shape)) for name, mark in reach.marks.items() if is_reach(name)}
    return Flow(shape, {**marks, **spans}, first.steps)
