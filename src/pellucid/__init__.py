# SPDX-License-Identifier: Apache-2.0
"""Pellucid shows what a neural network has learned, and how far each picture can be trusted.

Each public name is loaded on first use, so that importing the package does not import torch.
"""

__version__ = "0.1.0"
