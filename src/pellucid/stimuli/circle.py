# SPDX-License-Identifier: Apache-2.0
"""Values around a circle."""

from __future__ import annotations

__all__ = ["wrapped"]


def wrapped(value: float, period: float) -> float:
    """The value in 0 <= value < period; `%` alone gives the period itself for what lies just below 0.

    >>> wrapped(-1e-17, 360.0), wrapped(365.0, 360.0)
    (0.0, 5.0)
    """
    turned = value % period
    return turned if turned < period else 0.0
