# SPDX-License-Identifier: Apache-2.0
"""What a net says at its end: the outputs with the largest values, and probabilities where a softmax makes sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.figures.words import value_words

__all__ = ["Output", "outputs_of", "percent"]

SHOWN = 10


@dataclass(frozen=True)
class Output:
    """One output: its value as the net returns it; `probability` is None where outputs do not share one."""

    index: int
    label: str | None
    value: float
    probability: float | None

    @property
    def words(self) -> str:
        """Its name, as short as it is told, and how sure or how high."""
        name = (self.label or f"output {self.index}").partition(",")[0]
        return (
            f"{name} ({value_words(self.value) if self.probability is None else percent(self.probability)})"
        )

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {"index": self.index, "label": self.label, "value": self.value}
        return row if self.probability is None else {**row, "probability": self.probability}


def percent(share: float) -> str:
    """A share as people read it, three digits of it.

    >>> percent(0.25).split()
    ['25', '%']
    """
    return value_words(float(f"{100 * share:.3g}"), "%")


def outputs_of(
    values: NDArray[np.float32], labels: Sequence[str] | None, count: int = SHOWN
) -> tuple[Output, ...]:
    """The outputs with the largest values, the largest first; of equal ones the lower index.

    Probabilities are the values themselves where these already are some (none below 0, their sum 1), else their softmax; none
    for a single output, and none where values are not finite.

    Parameters
    ----------
    values : (K,) of a net without positions at its end

    Examples
    --------
    >>> [(one.index, round(one.probability, 3)) for one in outputs_of(np.float32([0, 1, 0.5]), None, 2)]
    [(1, 0.506), (2, 0.307)]
    """
    order = np.argsort(-values, kind="stable")[:count]
    chances = _probabilities(values)
    return tuple(
        Output(
            int(index),
            None if labels is None else labels[index],
            float(values[index]),
            None if chances is None else float(chances[index]),
        )
        for index in order
    )


def _probabilities(values: NDArray[np.float32]) -> NDArray[np.float64] | None:
    exact = values.astype(np.float64)
    if len(exact) < 2 or not np.isfinite(exact).all():
        return None
    if exact.min() >= 0 and abs(exact.sum() - 1) < 1e-4:
        return exact
    shares = np.exp(exact - exact.max())
    found: NDArray[np.float64] = shares / shares.sum()
    return found
