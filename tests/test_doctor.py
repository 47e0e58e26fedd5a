# SPDX-License-Identifier: Apache-2.0
"""Each state of an installation is planted as a package of that name that fails in its own way."""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pellucid.doctor import PROBES, Check, doctor

MODULE = importlib.import_module("pellucid.doctor")  # the package's attribute of that name is the function
NMS = "raise RuntimeError('operator torchvision::nms does not exist')"


def test_a_whole_look():
    checks = doctor()
    assert [check.name for check in checks] == list(PROBES)
    by_name = {check.name: check for check in checks}
    assert by_name["torch"].state == "ok"
    assert "device" in by_name["torch"].found
    assert by_name["Pillow"].found.endswith("reads JPEG, PNG, WebP")
    assert all(check.advice for check in checks if check.state != "ok")
    json.dumps([dataclasses.asdict(check) for check in checks])


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Put a package with that code before all others, here and in the processes that are asked."""

    def plant(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))

    return plant


def look(name: str) -> Check:
    return PROBES[name](name)


@pytest.mark.parametrize(
    ("torch", "advice"),
    [
        (
            "2.13.0+cpu",
            '"torch==2.13.*" "torchvision==0.28.*" --index-url https://download.pytorch.org/whl/cpu',
        ),
        (
            "2.10.1+cu130",
            '"torch==2.10.*" "torchvision==0.25.*" --index-url https://download.pytorch.org/whl/cu130',
        ),
        ("2.14.1", '"torch==2.14.*" "torchvision==0.29.*"'),
    ],
)
@pytest.mark.parametrize("name", ["torchvision", "timm"])
def test_a_torchvision_that_does_not_fit_is_recognized(planted, monkeypatch, name, torch, advice):
    planted(name, NMS)
    monkeypatch.setattr(MODULE, "version", lambda _: torch)
    check = look(name)
    assert (check.state, check.found) == ("broken", "RuntimeError: operator torchvision::nms does not exist")
    assert "install both in one command" in check.advice
    assert check.advice.endswith(advice)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("raise ImportError('libfoo.so: cannot open shared object file')", "libfoo.so: cannot open"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "ended the process with SIGILL"),
        ("import sys; sys.exit(3)", "failed without a word"),
        ("import time; time.sleep(60)", "took more than 2 s"),
    ],
)
def test_every_way_to_break_is_told(planted, monkeypatch, code, found):
    monkeypatch.setattr(MODULE, "_PATIENCE_S", 2)
    planted("skimage", code)
    check = look("scikit-image")
    assert check.state == "broken"
    assert found in check.found
    assert check.advice == "pip install --force-reinstall scikit-image"


def test_a_package_that_talks_while_imported(planted):
    planted("timm", "print('hello'); __version__ = '9.9'")
    assert look("timm") == Check("timm", "ok", "9.9")


@pytest.mark.parametrize("name", ["torch", "torchvision", "timm", "scikit-image", "scikit-learn", "Pillow"])
def test_what_is_not_installed_is_missing(monkeypatch, name):
    monkeypatch.setattr(MODULE, "find_spec", lambda _: None)
    check = look(name)
    assert check.state == "missing"
    assert "pip install" in check.advice
    assert look("other packages").state == "missing"


def test_an_old_torch_is_no_torch(planted):
    code = "__version__ = '2.9.1+cpu'\ndef get_num_threads(): return 1\nclass cuda:\n  is_available = lambda: False\n"
    planted("torch", f"{code}class backends:\n  mps = cuda\n")
    check = look("torch")
    assert (check.state, check.found) == ("broken", "2.9.1+cpu, device cpu, 1 threads")
    assert "torch>=2.10" in check.advice


def test_a_pillow_without_formats(planted):
    planted("PIL", "import sys, types\n__version__ = '1'\n__path__ = []\nf = types.ModuleType('PIL.features')\n"
            "f.check = lambda name: name == 'zlib'\nfeatures = sys.modules['PIL.features'] = f\n")  # fmt: skip
    check = look("Pillow")
    assert (check.state, check.found) == ("broken", "1, reads PNG")
    assert "built without JPEG and WebP" in check.advice


def test_little_of_everything(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    assert look("disk") == Check(
        "disk",
        "broken",
        f"0.0 GiB free in {tmp_path}",
        "a survey may fill it: free some space, or work on another disk",
    )
    monkeypatch.setattr(MODULE, "_LEAST_MEMORY", 2**60)
    assert look("memory").state == "broken"
    monkeypatch.setattr(MODULE, "_LEAST_SQLITE", (9, 0))
    assert look("SQLite").state == "broken"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert "OMP_NUM_THREADS=1" in look("processor").found
    assert look("processor").advice


def test_the_sandbox_is_tried_out(monkeypatch):
    assert look("sandbox").state in ("ok", "missing")
    monkeypatch.setattr(MODULE, "_SANDBOX", "raise OSError('not permitted')")
    assert look("sandbox").state == "broken"


def test_a_check_that_fails_is_told(monkeypatch):
    def fail(name: str) -> Check:
        raise ZeroDivisionError("planted")

    monkeypatch.setitem(PROBES, "disk", fail)
    for name in set(PROBES) - {"disk"}:
        monkeypatch.delitem(PROBES, name)
    assert doctor() == [
        Check("disk", "broken", "the check itself failed: ZeroDivisionError: planted", "please report this")
    ]


def test_it_works_without_torch_and_from_any_folder(tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')")
    source = Path(MODULE.__file__).parents[1]
    code = "import sys; from pellucid.doctor import PROBES; assert 'torch' not in sys.modules\n"
    code += "print(PROBES['torch']('torch').state, 'torch' in sys.modules)"
    # An empty entry in PYTHONPATH would be the current folder, where the wrong torch lies.
    paths = [str(source), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-P", "-c", code]
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert said.stdout.split() == ["ok", "False"], said.stderr
