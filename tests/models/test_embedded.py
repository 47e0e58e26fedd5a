# SPDX-License-Identifier: Apache-2.0
"""The shipped network is small, plain, knows its photographs as well as it says, and has a first layer that works."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pellucid.data.tiles import PHOTOGRAPHS, Tiles
from pellucid.models.embedded import EMBEDDED, EMBEDDED_FILE, embedded_network
