# SPDX-License-Identifier: Apache-2.0
"""What is installed, what is broken, and how to mend it.

Whatever could fail, hang or be slow when imported is imported in a process of its own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

__all__ = ["Check", "doctor"]

_PATIENCE_S = 120  # to import torch from a cold disk has been seen to take a minute
_GIB = 2**30
_LEAST_DISK = _GIB  # a survey of a small net writes tens of MB, of a large one some GB
_LEAST_MEMORY = 2 * _GIB
_LEAST_TORCH = (2, 10)  # the release that closed the second hole in weights_only loading
_LEAST_SQLITE = (3, 37)  # STRICT tables
_CORE = ("numpy", "safetensors", "jinja2", "starlette", "uvicorn", "typer", "rich")
_PICTURES = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP"}

_TORCH = """
import torch
cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else None
mps = torch.backends.mps.is_available()
print(json.dumps(dict(version=torch.__version__, cuda=cuda, mps=mps, threads=torch.get_num_threads())))
"""
_PILLOW = """
import PIL
from PIL import features
print(json.dumps(dict(version=PIL.__version__, formats=[name for name in {names} if features.check(name)])))
"""
# As the process that reads checkpoints limits itself: 0x50000000 is a new user and a new network.
_SANDBOX = """
import ctypes, resource
most = resource.getrlimit(resource.RLIMIT_AS)[1]
allowed = 2**33 if most == resource.RLIM_INFINITY else min(most, 2**33)
resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
unshare = getattr(ctypes.CDLL(None), "unshare", None)
alone = unshare is not None and unshare(0x50000000) == 0
print(json.dumps(dict(alone=alone)))
"""


@dataclass(frozen=True)
class Check:
    """One thing looked at: its state, what was found, and what to do where it is not `ok`."""

    name: str
    state: Literal["ok", "missing", "broken"]
    found: str
    advice: str = ""


def doctor() -> list[Check]:
    """Look at everything that Pellucid builds on, in some seconds.

    It never raises: what cannot be looked at is told as broken. `missing` is no fault, only less to choose from.

    Examples
    --------
    >>> PROBES["Python"]("Python").state  # one of the looks that `doctor` takes
    'ok'
    """
    with ThreadPoolExecutor(max_workers=2) as pool:  # each process that imports torch takes half a GiB
        return list(pool.map(_told, PROBES, PROBES.values()))


def _told(name: str, probe: Callable[[str], Check]) -> Check:
    try:
        return probe(name)
    except Exception as error:
        said = f"the check itself failed: {type(error).__name__}: {error}"
        return Check(name, "broken", said, "please report this")


@dataclass(frozen=True)
class _Answer:
    """What a process printed, or in one line how it failed; `failure` is empty where it did not."""

    facts: dict[str, Any]
    failure: str = ""


def _asked(code: str) -> _Answer:
    """Run `code`, which prints one line of JSON, where the user's packages are but not the current folder."""
    command = [sys.executable, "-P", "-c", f"import json\n{code}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _Answer({}, f"importing it took more than {_PATIENCE_S} s")
    if done.returncode < 0:
        return _Answer({}, f"importing it ended the process with {signal.Signals(-done.returncode).name}")
    if done.returncode > 0:
        return _Answer({}, (done.stderr.strip().splitlines() or ["it failed without a word"])[-1][:300])
    return _Answer(json.loads(done.stdout.strip().splitlines()[-1]))


def _python(name: str) -> Check:
    return Check(name, "ok", platform.python_version())  # pip refuses to install into an older one


def _torch(name: str) -> Check:
    if find_spec("torch") is None:
        return Check(name, "missing", "not installed", "nothing but reading atlases works: pip install torch")
    answer = _asked(_TORCH)
    if answer.failure:
        return Check(name, "broken", answer.failure, "pip install --force-reinstall torch")
    facts = answer.facts
    device = f"cuda ({facts['cuda']})" if facts["cuda"] else "mps" if facts["mps"] else "cpu"
    found = f"{facts['version']}, device {device}, {facts['threads']} threads"
    if _release(facts["version"]) < _LEAST_TORCH:
        advice = 'a forged checkpoint can break older versions: pip install --upgrade "torch>=2.10"'
        return Check(name, "broken", found, advice)
    return Check(name, "ok", found)


def _optional(name: str, module: str, extra: str, what_for: str) -> Check:
    """A package that an extra brings."""
    if find_spec(module) is None:
        return Check(name, "missing", "not installed", f'for {what_for}: pip install "pellucid[{extra}]"')
    answer = _asked(f"import {module}\nprint(json.dumps(dict(version={module}.__version__)))")
    if not answer.failure:
        return Check(name, "ok", str(answer.facts["version"]))
    if "torchvision::nms does not exist" in answer.failure:
        return Check(name, "broken", answer.failure, _matching_pair())
    return Check(name, "broken", answer.failure, f"pip install --force-reinstall {name}")


def _matching_pair() -> str:
    """How to get a torchvision that was built for the torch beside it: 0.(N + 15) goes with torch 2.N."""
    try:
        release, _, build = version("torch").partition("+")
    except PackageNotFoundError:
        release, build = "2.13", ""
    minor = _release(release)[1]
    index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
    return (
        "torchvision does not fit this torch; install both in one command, so that they are of one build: "
        f'pip install --force-reinstall "torch==2.{minor}.*" "torchvision==0.{minor + 15}.*"{index}'
    )


def _release(text: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _pillow(name: str) -> Check:
    if find_spec("PIL") is None:
        return Check(name, "missing", "not installed", "no picture can be read: pip install pillow")
    answer = _asked(_PILLOW.format(names=tuple(_PICTURES)))
    if answer.failure:
        return Check(name, "broken", answer.failure, "pip install --force-reinstall pillow")
    able = [word for key, word in _PICTURES.items() if key in answer.facts["formats"]]
    lost = [word for word in _PICTURES.values() if word not in able]
    found = f"{answer.facts['version']}, reads {', '.join(able) or 'nothing'}"
    if lost:
        advice = (
            f"built without {' and '.join(lost)}: pip install --force-reinstall --only-binary :all: pillow"
        )
        return Check(name, "broken", found, advice)
    return Check(name, "ok", found)


def _core(name: str) -> Check:
    lost = [package for package in _CORE if find_spec(package) is None]
    if lost:
        return Check(name, "missing", f"without {', '.join(lost)}", f"pip install {' '.join(lost)}")
    return Check(name, "ok", ", ".join(_CORE))


def _sqlite(name: str) -> Check:
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:
        return Check(name, "broken", found, "atlases need SQLite 3.37 or newer: use a newer Python")
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "x")) as connection:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("CREATE TABLE t(a INTEGER) STRICT")
    if mode != "wal":
        advice = "write atlases on a local disk: this one cannot share memory between processes"
        return Check(name, "broken", f"{found}, journal mode {mode} in {tempfile.gettempdir()}", advice)
    return Check(name, "ok", f"{found}, write-ahead log works")


def _disk(name: str) -> Check:
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    found = f"{free / _GIB:.1f} GiB free in {here}"
    if free < _LEAST_DISK:
        return Check(name, "broken", found, "a survey may fill it: free some space, or work on another disk")
    return Check(name, "ok", found)


def _memory(name: str) -> Check:
    listing = Path("/proc/meminfo")
    if not listing.exists():
        return Check(name, "ok", "this system does not tell")
    lines = dict(line.split(":", 1) for line in listing.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    limit = Path("/sys/fs/cgroup/memory.max")  # of a container
    most = limit.read_text().strip() if limit.exists() else "max"
    if most != "max":
        free = min(free, int(most) - int(limit.with_name("memory.current").read_text()))
    found = f"{free / _GIB:.1f} GiB available"
    if free < _LEAST_MEMORY:
        return Check(name, "broken", found, "large nets may not fit: give --memory a smaller value, as 1GiB")
    return Check(name, "ok", found)


def _processor(name: str) -> Check:
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = f"{own} of {os.cpu_count()} cores for this process"
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked:
        found += f", OMP_NUM_THREADS={asked}"
    slow = asked.isdigit() and 0 < int(asked) < own
    return Check(name, "ok", found, "unset OMP_NUM_THREADS to compute on all of them" if slow else "")


def _sandbox(name: str) -> Check:
    """What guards the process that reads other people's checkpoints."""
    answer = _asked(_SANDBOX)
    if answer.failure:
        advice = "other people's .pt files could take all memory; prefer safetensors"
        return Check(name, "broken", f"limits cannot be set: {answer.failure}", advice)
    if answer.facts["alone"]:
        return Check(name, "ok", "checkpoints are read with limits on memory and time, and without a network")
    advice = "this system lets no user leave the network; prefer safetensors for files from strangers"
    return Check(
        name, "missing", "checkpoints are read with limits on memory and time, but with a network", advice
    )


_DEMO = ("demo", "the demo's photographs")
_MODELS = ("models", "models by name")
PROBES: dict[str, Callable[[str], Check]] = {
    "Python": _python,
    "torch": _torch,
    "torchvision": partial(_optional, module="torchvision", extra=_MODELS[0], what_for=_MODELS[1]),
    "timm": partial(_optional, module="timm", extra=_MODELS[0], what_for=_MODELS[1]),
    "scikit-image": partial(_optional, module="skimage", extra=_DEMO[0], what_for=_DEMO[1]),
    "scikit-learn": partial(_optional, module="sklearn", extra=_DEMO[0], what_for=_DEMO[1]),
    "Pillow": _pillow,
    "other packages": _core,
    "SQLite": _sqlite,
    "disk": _disk,
    "memory": _memory,
    "processor": _processor,
    "sandbox": _sandbox,
}
