# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at any moment, and disk errors at every call: nothing committed is lost, and the end is the same."""

import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_atlas

from pellucid.store import Atlas, AtlasWriter

CALLS = ("pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink")
SWEEP_JOBS = 5


def committed(path: Path) -> set[str]:
    """The jobs whose records an independent reader finds; each must be whole."""
    if not path.exists():
        return set()
    with Atlas.open(path) as atlas:
        assert atlas.verify() == []
        found = {}
        for record in atlas.records():
            name = f"{record.kind}/{record.layer}" + ("" if record.index is None else f"/{record.index}")
            found[name] = record
    truth = dict(toy_atlas.jobs())
    assert all(truth[name] == [record] for name, record in found.items())
    return set(found)


def digest_of(path: Path, count: int) -> str:
    with AtlasWriter.open(path) as writer:
        toy_atlas.fill(writer, count)
        assert writer.verify() == []
        return writer.digest()


def killed_after(command: list[str], env: dict[str, str], lines: int, wait_s: float) -> list[str]:
    """Run until `lines` jobs are said to be kept and `wait_s` more have passed; SIGKILL; the jobs that were said."""
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(wait_s)
        process.kill()
        said += process.stdout.readlines()
    return [line.strip() for line in said if line.endswith("\n")]


def test_twenty_kills_at_random_moments(tmp_path, child_env):
    path = tmp_path / "toy.atlas"
    rnd = random.Random(20)
    acknowledged: set[str] = set()
    command = [sys.executable, "-m", "toy_atlas", str(path), "400"]
    for kill in range(20):
        # Four of the kills fall into start and creation, the others between and inside commits.
        lines, wait_s = (
            (0, rnd.uniform(0.05, 0.5)) if kill % 5 == 0 else (rnd.randrange(1, 25), rnd.uniform(0, 0.01))
        )
        acknowledged |= set(killed_after(command, child_env, lines, wait_s))
        if kill % 4 == 3:
            assert acknowledged <= committed(path)
    with AtlasWriter.open(path) as writer:
        assert acknowledged <= writer.done_jobs()
    assert len(acknowledged) > 100
    assert digest_of(path, 400) == digest_of(tmp_path / "uninterrupted.atlas", 400)


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> str:
    """The digest of the small job that the sweeps interrupt."""
    return digest_of(tmp_path_factory.mktemp("swept") / "toy.atlas", SWEEP_JOBS)


def traced(path: Path, env: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    own = ["-P", str(path), "-P", f"{path}-wal", "-P", f"{path}-shm"]
    own += [
        part
        for end in ("", "-wal", "-journal")
        for part in ("-P", str(path.with_name(f".{path.name}.new{end}")))
    ]
    command = [
        "strace",
        "-f",
        "-qq",
        *own,
        *options,
        sys.executable,
        "-m",
        "toy_atlas",
        str(path),
        str(SWEEP_JOBS),
    ]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def calls_of(path: Path, env: dict[str, str]) -> dict[str, int]:
    """How often an undisturbed run makes each call on the atlas's files."""
    log = path.with_name("strace.log")
    assert traced(path, env, "-o", str(log), "-e", f"trace={','.join(CALLS)}").returncode == 0
    text = log.read_text()
    return {call: len(re.findall(rf"\b{call}\(", text)) for call in CALLS}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOSPC", "error=EIO", "error=EDQUOT"])
def test_a_fault_at_every_call(tmp_path, child_env, swept, fault):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    counts = calls_of(tmp_path / "toy.atlas", child_env)
    assert counts["pwrite64"] > 50
    allowed = {
        "signal=SIGKILL": {-9, 137, 0},
        "error=ENOSPC": {74, 75, 0},
        "error=EIO": {74, 0},
        "error=EDQUOT": {74, 75, 0},
    }
    points = [(call, n) for call, count in counts.items() for n in range(1, count + 1)]
    for place, (call, number) in enumerate(points):
        if place % (1 if fault == "signal=SIGKILL" else 3):
            continue
        path = tmp_path / f"{call}-{number}" / "toy.atlas"
        path.parent.mkdir()
        inject = ("-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}")
        result = traced(path, child_env, "-o", "/dev/null", *inject)
        assert result.returncode in allowed[fault], (call, number, result)
        if (fault, call, result.returncode) == ("error=ENOSPC", "pwrite64", 74):
            assert "SHMSIZE" in result.stderr  # elsewhere SQLite itself tells a full disk from a broken one
        assert result.stderr.count("\n") <= 1, (call, number, result.stderr)
        assert set(result.stdout.split()) <= committed(path), (call, number)
        assert digest_of(path, SWEEP_JOBS) == swept, (call, number)
        shutil.rmtree(path.parent)
