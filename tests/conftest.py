# SPDX-License-Identifier: Apache-2.0
"""What every test shares: torchvision importable on CPU torch, one thread, real data where there is some."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torchvision_cpu_shim import install

install()  # before anything imports torchvision or timm
torch.set_num_threads(1)  # results must not depend on the machine's cores, and tests run side by side


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder PELLUCID_REAL_DATA: squeezenet/squeezenet1_0.safetensors, squeezenet/labels.txt, photos/."""
    where = os.environ.get("PELLUCID_REAL_DATA")
    if not where:
        pytest.skip("PELLUCID_REAL_DATA names no folder of real weights and photographs")
    root = Path(where)
    if not (root / "squeezenet" / "squeezenet1_0.safetensors").is_file():
        pytest.fail(f"PELLUCID_REAL_DATA={where} holds no squeezenet/squeezenet1_0.safetensors")
    return root
