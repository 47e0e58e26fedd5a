# SPDX-License-Identifier: Apache-2.0
"""Weights from files: what loads, what is stripped, what is refused, and that no file ever runs code."""

from __future__ import annotations

import argparse
import ast
import io
import os
import pickle
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nets import planted_net
from safetensors.torch import save_file
from torch import nn

from pellucid.errors import InputError, MisfitWeights, PellucidError, RefusedFile, UnknownName
from pellucid.models import weights as room
from pellucid.models.weights import StateDict, put_into, read_state_dict

SOURCES = Path(room.__file__).parent


def blank() -> nn.Module:
    """planted_net with all weights zero, to see what is loaded."""
    module = planted_net()
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    return module


def assert_loaded(module: nn.Module) -> None:
    for name, tensor in planted_net().state_dict().items():
        torch.testing.assert_close(module.state_dict()[name], tensor)


# ---------------------------------------------------------------- safetensors, in this process


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_safetensors_of_any_precision(tmp_path: Path, kind: torch.dtype) -> None:
    save_file(
        {name: tensor.to(kind) for name, tensor in planted_net().state_dict().items()}, tmp_path / "w.bin"
    )
    module = blank()
    notes = put_into(module, read_state_dict(tmp_path / "w.bin"), "planted")
    for name, tensor in planted_net().state_dict().items():
        torch.testing.assert_close(module.state_dict()[name], tensor.to(kind).float())
    name = str(kind).removeprefix("torch.")
    assert notes == (() if name == "float32" else (f"w.bin holds {name}; it is computed with in float32",))


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module._orig_mod."]
)
def test_prefixes_of_wrappers_are_stripped(prefix: str) -> None:
    module = blank()
    state = StateDict("w", {prefix + name: tensor for name, tensor in planted_net().state_dict().items()})
    assert put_into(module, state, "planted") == (f"w: {prefix!r} stripped from the names of its weights",)
    assert_loaded(module)


def test_a_prefix_that_the_module_has_itself_stays() -> None:
    module = nn.ModuleDict({"model": blank()})
    state = {f"model.{name}": tensor for name, tensor in planted_net().state_dict().items()}
    assert put_into(module, StateDict("w", state), "planted") == ()
    assert_loaded(module["model"])


def test_a_misfit_is_counted_and_named() -> None:
    state = dict(planted_net().state_dict())
    state["conv.weight"] = torch.zeros(4, 1, 5, 5)
    state |= {f"extra{i}": torch.zeros(1) for i in range(5)}
    del state["fc.bias"]
    with pytest.raises(MisfitWeights) as caught:
        put_into(blank(), StateDict("w.pth", state), "planted")
    assert str(caught.value) == (
        "w.pth does not fit planted, which has 4 tensors: 1 missing (fc.bias); 5 unexpected (extra0, extra1, extra2, "
        "...); 1 of another shape (conv.weight is 4x1x5x5, 4x3x5x5 was wanted)"
    )


def test_old_checkpoints_without_batch_counters_fit() -> None:
    module = nn.BatchNorm2d(3)
    state = {name: tensor for name, tensor in module.state_dict().items() if name != "num_batches_tracked"}
    assert put_into(module, StateDict("w", state), "norm") == ()


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little") + b"{}",
        (100_000_001).to_bytes(8, "little") + b"{" + b" " * 99,
        (50).to_bytes(8, "little") + b"{" + b" " * 9,
        (64).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}',
        (57).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}   \0\0\0\0',
        b"",
        b"not a model file at all",
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("w.safetensors")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no file"):
        read_state_dict(tmp_path / "none.pth")
    with pytest.raises(InputError, match="is a folder"):
        read_state_dict(tmp_path)


# ---------------------------------------------------------------- checkpoints, in a child process


def nested(path: Path) -> None:
    weights = {f"module.{name}": tensor.half() for name, tensor in planted_net().state_dict().items()}
    torch.save({"epoch": 3, "model": weights, "model_ema": weights, "optimizer": {"lr": 0.1}}, path)


def bare(path: Path) -> None:
    torch.save(planted_net().state_dict(), path)


def legacy(path: Path) -> None:
    torch.save({"state_dict": planted_net().state_dict()}, path, _use_new_zipfile_serialization=False)


def test_a_nested_checkpoint_says_what_was_taken_and_stripped(tmp_path: Path) -> None:
    nested(tmp_path / "w.pth")
    module = blank()
    notes = put_into(module, read_state_dict(tmp_path / "w.pth"), "planted")
    assert notes == (
        "w.pth: weights taken from under model (beside it: model_ema)",
        "w.pth: 'module.' stripped from the names of its weights",
        "w.pth holds float16; it is computed with in float32",
    )
    torch.testing.assert_close(module.conv.weight, planted_net().conv.weight.half().float())


def test_an_empty_wrapper_does_not_hide_the_weights_beside_it(tmp_path: Path) -> None:
    torch.save({"model": {}, "model_ema": planted_net().state_dict()}, tmp_path / "w.pth")
    module = blank()
    assert put_into(module, read_state_dict(tmp_path / "w.pth"), "planted") == (
        "w.pth: weights taken from under model_ema",
    )
    torch.testing.assert_close(module.conv.weight, planted_net().conv.weight)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1, 2], "w.pth cannot be read as a checkpoint: it holds a list, not a state dict"),
        ({}, "it is an empty dict"),
        ({"epoch": 3, "name": "x"}, "it holds no tensors by name, only epoch, name"),
    ],
)
def test_checkpoints_without_weights(tmp_path: Path, content: object, told: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(InputError, match=told):
        read_state_dict(tmp_path / "w.pth")


@pytest.mark.slow
@pytest.mark.parametrize("write", [bare, legacy])
def test_other_checkpoints_load(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "w.ckpt")
    module = blank()
    put_into(module, read_state_dict(tmp_path / "w.ckpt"), "planted")
    assert_loaded(module)


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.canary}",)


class Evaluates(Touch):
    def __reduce__(self) -> tuple[object, ...]:
        return eval, (f"open({str(self.canary)!r}, 'w')",)


class Opens(Touch):
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.canary,)


class Spawns(Touch):
    def __reduce__(self) -> tuple[object, ...]:
        return subprocess.Popen, (["touch", str(self.canary)],)


GADGETS = [Touch, Evaluates, Opens, Spawns]


def _zip(value: object, path: Path) -> None:
    torch.save({"conv.weight": value}, path)


def _old(value: object, path: Path) -> None:
    torch.save({"conv.weight": value}, path, _use_new_zipfile_serialization=False)


def _raw(value: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(value))


def _ascii(value: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(value, protocol=0))


def _tar(value: object, path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            data = pickle.dumps(value)
            row = tarfile.TarInfo(name)
            row.size = len(data)
            archive.addfile(row, io.BytesIO(data))


def _nested_zip(value: object, path: Path) -> None:
    inner = io.BytesIO()
    torch.save(value, inner)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/inner.pth", inner.getvalue())


def _flags(value: object, path: Path) -> None:
    """The zip's flags say encrypted, which some scanners believe."""
    _zip(value, path)
    data = bytearray(path.read_bytes())
    start = data.find(b"PK\x01\x02")
    data[start + 8] |= 1
    path.write_bytes(data)


WRAPPERS = [_zip, _old, _raw, _ascii, _tar, _nested_zip, _flags]


def assert_refused(path: Path, canary: Path, error: type[PellucidError] = RefusedFile) -> str:
    started = time.monotonic()
    with pytest.raises(error) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert not canary.exists()
    assert time.monotonic() - started < 60
    return str(caught.value)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    _zip(Touch(tmp_path / "canary"), tmp_path / "w.pth")
    told = assert_refused(tmp_path / "w.pth", tmp_path / "canary")
    assert "it asks for posix.system" in told


@pytest.mark.slow
@pytest.mark.parametrize("gadget", GADGETS)
@pytest.mark.parametrize("wrap", WRAPPERS)
def test_no_wrapping_lets_code_run(
    tmp_path: Path, gadget: type[Touch], wrap: Callable[[object, Path], None]
) -> None:
    wrap(gadget(tmp_path / "canary"), tmp_path / "w.pth")
    damaged = wrap in (_flags, _tar)  # torch's reader gives up before it meets the code
    assert_refused(tmp_path / "w.pth", tmp_path / "canary", PellucidError if damaged else RefusedFile)


def test_the_gadgets_do_run_code_where_they_may(tmp_path: Path) -> None:
    """Or the tests above would show nothing."""
    for gadget in GADGETS:
        canary = tmp_path / gadget.__name__
        made = pickle.loads(pickle.dumps(gadget(canary)))
        if isinstance(made, subprocess.Popen):
            made.wait()
        elif isinstance(made, io.IOBase):
            made.close()
        assert canary.exists()


def test_archives_that_hold_code_are_refused_unread(tmp_path: Path) -> None:
    names = {
        "torchscript": ["m/data.pkl", "m/code/x.py", "m/constants.pkl"],
        "exported": ["m/archive_format", "m/models/model.json"],
        "package": ["m/.data/extern_modules", "m/x.pkl"],
        "arrays": ["a.npy"],
        "archive": ["readme.md"],
    }
    for kind, members in names.items():
        path = tmp_path / f"{kind}.pth"
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                archive.writestr(member, b"x")
        with pytest.raises(RefusedFile, match=f"^{kind}.pth is .* could run code"):
            read_state_dict(path)


# ---------------------------------------------------------------- too much memory


def _pickled(path: Path, code: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", code)
        archive.writestr("w/version", b"3\n")
        archive.writestr("w/byteorder", b"little")


def _bytearray_bomb(path: Path) -> None:
    count = (20 * 2**30).to_bytes(5, "little")
    _pickled(path, b"\x80\x02c__builtin__\nbytearray\n\x8a\x05" + count + b"\x85R.")


def _stride_bomb(path: Path) -> None:
    torch.save({"w": torch.zeros(1).expand(2**40)}, path)


def _deflated_bomb(path: Path) -> None:
    small = io.BytesIO()
    torch.save({"w": torch.zeros(1, dtype=torch.uint8)}, small)
    with zipfile.ZipFile(small) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name) if not name.endswith("data/0") else bytes(2**30)
            new.writestr(name, data)


def _deep_bomb(path: Path) -> None:
    _pickled(path, b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".")


@pytest.mark.parametrize(
    "write",
    [
        _bytearray_bomb,
        pytest.param(_stride_bomb, marks=pytest.mark.slow),
        pytest.param(_deflated_bomb, marks=pytest.mark.slow),
        pytest.param(_deep_bomb, marks=pytest.mark.slow),
    ],
)
def test_bombs_end_in_the_child(tmp_path: Path, write: Callable[[Path], None]) -> None:
    import resource

    write(tmp_path / "w.pth")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_refused(tmp_path / "w.pth", tmp_path / "canary", InputError)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def test_a_child_that_hangs_or_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(tmp_path / "w.pth")
    child = tmp_path / "child.py"
    monkeypatch.setattr(room, "CHILD", child)
    monkeypatch.setattr(room, "WALL_S", 1)
    child.write_text("import time; time.sleep(100)")
    started = time.monotonic()
    with pytest.raises(InputError, match="takes more than 1 s"):
        read_state_dict(tmp_path / "w.pth")
    assert time.monotonic() - started < 50
    child.write_text("import os; os.abort()")
    monkeypatch.setattr(room, "WALL_S", 30)
    with pytest.raises(InputError, match="SIGABRT"):
        read_state_dict(tmp_path / "w.pth")


def test_the_child_sees_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(tmp_path / "w.pth")
    child = tmp_path / "child.py"
    child.write_text(
        "import json, os, sys\nprint(json.dumps({'failure': ' '.join(sorted(os.environ)), 'x': sys.flags.isolated}))"
    )
    monkeypatch.setattr(room, "CHILD", child)
    monkeypatch.setenv("SOME_TOKEN", "secret")
    with pytest.raises(InputError) as caught:
        read_state_dict(tmp_path / "w.pth")
    seen = set(str(caught.value).partition("checkpoint: ")[2].split())
    assert seen <= {"PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "LC_CTYPE"}


# ---------------------------------------------------------------- the sources themselves


def test_only_the_reviewed_module_loads_what_may_run_code() -> None:
    """RELIABILITY T1b as a lint: outside trusted.py nothing unpickles, and weights_only is never turned off."""
    forbidden = {
        "torch.jit.load",
        "torch.export.load",
        "pickle.load",
        "pickle.loads",
        "eval",
        "exec",
        "torch.hub.load",
    }
    found = []
    for path in sorted(SOURCES.parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            settings = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            unsafe = called in forbidden or called.endswith("PackageImporter")
            unsafe |= called == "torch.load" and settings.get("weights_only") != "True"
            unsafe |= settings.get("allow_pickle") == "True" or settings.get("shell") == "True"
            if unsafe:
                found.append((path.name, called))
    assert {name for name, _ in found} == {"trusted.py"}, found


def test_the_child_stands_alone() -> None:
    """It imports nothing of Pellucid, and nothing of torch before its limits and walls are up."""
    imported = [
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse((SOURCES / "checkpoint_child.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    assert all(str(name).partition(".")[0] in sys.stdlib_module_names for name in imported), imported


def test_real_weights(real_data: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    module = models.squeezenet1_0()
    state = read_state_dict(real_data / "squeezenet" / "squeezenet1_0.safetensors")
    notes = put_into(module, state, "squeezenet1_0")
    assert notes == ("squeezenet1_0.safetensors holds float16; it is computed with in float32",)
    assert isinstance(module.state_dict(), OrderedDict)
    assert torch.equal(module.features[0].weight, state.tensors["features.0.weight"].float())


@pytest.mark.parametrize("legacy", [False, True])
def test_arguments_kept_beside_the_weights_are_read_past(tmp_path: Path, legacy: bool) -> None:
    """As DeiT, MAE and DETR save: {"model", "optimizer", "args": argparse.Namespace}."""
    state = nn.Linear(3, 2).state_dict()
    arguments = argparse.Namespace(lr=0.1, output_dir=Path("/runs/1"), inner=argparse.Namespace(depth=[1, 2]))
    path = tmp_path / "deit.pth"
    torch.save(
        {"model": state, "optimizer": {"state": {}}, "epoch": 299, "args": arguments},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    found = read_state_dict(path)
    assert set(found.tensors) == {"weight", "bias"}
    torch.testing.assert_close(found.tensors["weight"], state["weight"])


def test_arguments_that_would_run_code_are_still_refused(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.system, (f"touch {tmp_path / 'ran'}",))

    path = tmp_path / "evil.pth"
    torch.save({"model": nn.Linear(3, 2).state_dict(), "args": argparse.Namespace(lr=Runs())}, path)
    with pytest.raises(RefusedFile, match=r"would run code when loaded \(it asks for .*system\)"):
        read_state_dict(path)
    assert not (tmp_path / "ran").exists()


def test_noise_and_sparse_tensors_are_told_in_words(tmp_path: Path) -> None:
    noise, sparse = tmp_path / "noise.pth", tmp_path / "sparse.pth"
    noise.write_bytes(b"\x94\x01" * 2500)
    with pytest.raises(InputError, match="it is cut off, or no checkpoint"):
        read_state_dict(noise)
    torch.save({"a": torch.eye(3).to_sparse()}, sparse)
    with pytest.raises(InputError, match="a is a sparse tensor; only dense ones are read"):
        read_state_dict(sparse)
