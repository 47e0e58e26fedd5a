# SPDX-License-Identifier: Apache-2.0
"""How to tell that memory ran out, on whatever device."""

from __future__ import annotations

import torch

__all__ = ["out_of_memory"]

# What torch says on a CPU; on other devices, and in Python, the errors have types of their own.
COMPLAINTS = ("can't allocate memory", "not enough memory", "DefaultCPUAllocator")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in COMPLAINTS)
