# SPDX-License-Identifier: Apache-2.0
"""The demonstration: the embedded network surveyed over the photographs that two installed libraries carry."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.evidence.job import Progress
from pellucid.models import load
from pellucid.survey import SurveyReport, survey
from pellucid.views import export

__all__ = ["Demo", "demo"]

# Fewer steps than in a default climb, each longer, in the time that two cores may take; longer ones clip colors.
# The mean of a filter's positive answers, for a plain mean over all positions cancels edges against their opposites.
_CLIMB = {"steps": 40, "learning_rate": 0.15, "objective": "excitation"}


@dataclass(frozen=True)
class Demo:
    """Where the demonstration lies: the report of its survey, the page to open, and how long all of it took."""

    report: SurveyReport
    index: Path
    seconds: float

    def to_json(self) -> dict[str, Any]:
        site = str(self.index.parent)
        return {
            "site": site,
            "index": str(self.index),
            **self.report.to_json(),
            "seconds": round(self.seconds, 3),
        }

    def open(self) -> bool:
        """Open the site in a browser, where there is a display; whether that was tried."""
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            return False
        return webbrowser.open(self.index.resolve().as_uri())


def demo(
    directory: str | Path = "pellucid-demo",
    *,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Demo:
    """Survey the embedded network over its photographs into DIR/demo.atlas and export DIR/site.

    Raises
    ------
    MissingExtra : the libraries that carry the photographs are not installed

    Examples
    --------
    >>> demo("pellucid-demo").open()  # doctest: +SKIP
    True
    """
    started = time.monotonic()
    home = Path(directory)
    home.mkdir(parents=True, exist_ok=True)
    net, atlas = load("demo", device=device), home / "demo.atlas"
    report = survey(net, "demo", atlas, settings={**_CLIMB, "seed": seed}, progress=progress)
    export(home / "demo.atlas", home / "site")
    return Demo(report, home / "site" / "index.html", time.monotonic() - started)
