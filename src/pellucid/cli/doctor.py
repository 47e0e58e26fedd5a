# SPDX-License-Identifier: Apache-2.0
"""The command `doctor`."""

from __future__ import annotations

import dataclasses

from pellucid.cli.command import app, command
from pellucid.cli.options import (
    Common,
)
from pellucid.terminal import print_json, print_table

__all__ = ["doctor"]


@command(app, "doctor")
def doctor(common: Common) -> None:
    """What is installed, what is broken, and how to mend it."""
    from pellucid.doctor import doctor as examine

    checks = examine()
    if common.json:
        print_json({"checks": [dataclasses.asdict(check) for check in checks]})
    else:
        print_table(("", "state", "found", "advice"), [(c.name, c.state, c.found, c.advice) for c in checks])
