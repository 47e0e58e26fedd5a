# SPDX-License-Identifier: Apache-2.0
"""Number formats for the climb: bfloat16 where the processor multiplies it at least twice as fast, float32 elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch

from pellucid.errors import InputError

__all__ = ["PRECISIONS", "arithmetic", "best_precision", "precision_of"]

PRECISIONS: Mapping[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def best_precision(device: torch.device | str) -> str:
    """The faster format on this device, among those that give pictures of the same activation."""
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    native = capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return "bfloat16" if torch.device(device).type == "cpu" and native else "float32"


def precision_of(asked: str | None, device: torch.device | str) -> str:
    """The format asked, or the best on this device."""
    return asked or best_precision(device)


def arithmetic(precision: str, device: torch.device | str) -> AbstractContextManager[object]:
    """A context in which the net's heavy operations run in `precision`.

    Raises
    ------
    InputError : an unknown precision
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r}: there is {', '.join(PRECISIONS)}")
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, PRECISIONS[precision])
