# SPDX-License-Identifier: Apache-2.0
"""The version, told once."""

__all__ = ["__version__"]

__version__ = "0.1.0"
