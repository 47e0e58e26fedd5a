# SPDX-License-Identifier: Apache-2.0
"""Child processes that see the package and the toy atlas; one finished toy atlas to copy."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import toy_atlas

import pellucid

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def child_env() -> dict[str, str]:
    paths = [str(Path(pellucid.__file__).parents[1]), str(Path(toy_atlas.__file__).parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture(scope="session")
def run_child(child_env: dict[str, str]) -> Run:
    """Run Python code in a process of its own."""

    def run(code: str, *arguments: object, wrap: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        command = [*wrap, sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(command, env=child_env, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished toy atlas of 60 jobs: never write to it."""
    return toy_atlas.make(tmp_path_factory.mktemp("finished") / "toy.atlas")


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished toy atlas, to spoil."""
    return Path(shutil.copy(finished, tmp_path / "copy.atlas"))


@pytest.fixture
def shared_copy(finished: Path) -> Iterator[Path]:
    """A copy in a folder that other users reach: root may write anywhere, so tests of permissions change user.

    Not in pytest's folders, which every session that starts closes to others again.
    """
    folder = Path(tempfile.mkdtemp(prefix="pellucid-shared-"))
    folder.chmod(0o755)
    yield Path(shutil.copy(finished, folder / "copy.atlas"))
    folder.chmod(0o755)
    shutil.rmtree(folder)
