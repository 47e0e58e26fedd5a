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


def test_the_next_job_of_a_kind_begins_anew_and_a_long_one_keeps_telling(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with terminal.progress_bar(False) as show:
        for job in range(2):
            show(job, 2, "jobs")
            for batch in range(1, 61):  # a second each at first, then twice as long
                now[0] += 1 + job
                show(16 * batch, 960, "stimuli")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stimuli")]
    assert len(lines) == 6 + 12
    assert "16 a second" in lines[5]
    assert "8 a second" in lines[-1]
    assert lines[6].startswith("stimuli: 80 of 960, 8 a second, 110 s left")
