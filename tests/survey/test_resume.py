# SPDX-License-Identifier: Apache-2.0
"""A survey that is killed at any moment goes on, and ends with the digest of one that was never stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# One process imports torch once and forks the surveys that are killed: twenty kills in the time of a few imports.
DRIVER = """
import json, os, random, signal, sys, time
import torch
torch.set_num_threads(1)
import pellucid as pl
import pellucid.evidence.filters, pellucid.evidence.optimum, pellucid.evidence.examples, pellucid.survey
from pathlib import Path
from nets import planted_net

home, photos, kills = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def work(path):
    torch.manual_seed(0)
    net = pl.load(planted_net(), input=pl.ImageInput(32), normalize="none")
    return pl.survey(net, photos, path, settings={"steps": 6, "size": 32, "batch": 2})

whole = work(home / "whole.atlas")
started = time.monotonic()
work(home / "again.atlas")
took = time.monotonic() - started
rng = random.Random(0)
digests, landed = [], 0
for kill in range(kills):
    path = home / f"killed-{kill}.atlas"
    died = 0
    for attempt in range(6):
        child = os.fork()
        if child == 0:
            work(path)
            os._exit(0)
        time.sleep(rng.uniform(0, took))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        died += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):  # it was done before: the machine is quicker now than when it was timed
            took *= 0.8
            if died:
                break
            path.unlink()
        elif died == 3:
            break
    landed += died
    report = work(path)
    digests.append(report.digest)
print(json.dumps({"whole": whole.digest, "digests": digests, "landed": landed, "jobs": whole.jobs_done}))
"""


def killed(home: Path, photos: Path, kills: int) -> dict[str, object]:
    command = [sys.executable, "-c", DRIVER, str(home), str(photos), str(kills)]
    support = str(Path(__file__).parents[1] / "support")
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=900, env={**os.environ, "PYTHONPATH": support}
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return json.loads(answer.stdout)


def check(found: dict[str, object], kills: int) -> None:
    assert found["jobs"] > 3
    assert found["landed"] >= kills  # most kills met a survey at work
    assert found["digests"] == [found["whole"]] * kills


def test_kill_at_twenty_random_moments(tmp_path: Path, small_photos: Path) -> None:
    check(killed(tmp_path, small_photos, 20), 20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_at_a_hundred_random_moments(tmp_path: Path, small_photos: Path) -> None:
    check(killed(tmp_path, small_photos, 100), 100)
