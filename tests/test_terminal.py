# SPDX-License-Identifier: Apache-2.0
"""What is printed where standard error is no terminal."""

from __future__ import annotations

import pytest

from pellucid import terminal


def test_each_kind_of_work_has_lines_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with terminal.progress_bar(False) as show:
        show(0, 512, "pictures")
        for step in range(1, 41):
            now[0] = step
            show(step, 640, "steps")
        show(32, 512, "pictures")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        *(f"steps: {step} of 640" for step in (10, 20, 30, 40)),
        "pictures: 32 of 512",
    ]
    assert lines[-1].endswith("0.8 a second, 600 s left")
