# SPDX-License-Identifier: Apache-2.0
"""Reading trained weights from a file and putting them into a module, without ever running code from the file."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from pellucid.errors import InputError, MisfitWeights, RefusedFile
from pellucid.models.archive import CODE, kind_of
from pellucid.models.names import PREFIXES

__all__ = ["StateDict", "put_into", "read_state_dict"]

WALL_S = 120  # a child that hangs is ended after this time
CHILD = Path(__file__).with_name("checkpoint_child.py")


@dataclass(frozen=True)
class StateDict:
    """Tensors by name as a file holds them, and what had to be done to get at them."""

    file: str
    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()


def read_state_dict(path: Path) -> StateDict:
    """The state dict in a safetensors file, or in a checkpoint of torch.save, which a child process reads.

    Raises
    ------
    UnknownName : there is no such file
    RefusedFile : loading the file could run code
    InputError : the file is damaged, needs too much memory, or holds no state dict
    """
    kind = kind_of(path)
    if kind == "safetensors":
        return StateDict(path.name, _safetensors(path, path.name))
    if kind in CODE:
        raise RefusedFile(f"{path.name} is {CODE[kind]} and could run code; {_SAFE}")
    if path.suffix == ".safetensors" and kind not in CODE:
        raise InputError(
            f"{path.name} is no safetensors file: it does not begin with a header of that format"
        )
    if kind != "torch":
        raise InputError(f"{path.name} holds no weights (it looks like {kind}); {_SAFE}")
    return _from_checkpoint(path)


_SAFE = "weights are read from safetensors, or from a state dict: torch.save(model.state_dict(), FILE)"


def _safetensors(path: Path, name: str) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{name} cannot be read as safetensors: {reason}") from error
    return tensors


def _from_checkpoint(path: Path) -> StateDict:
    """Have a child read it; what comes back is safetensors, so that nothing the file says can reach this process."""
    with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
        target = Path(folder) / "weights.safetensors"
        answer = _answer_of_child(path, target)
        if "code" in answer:
            raise RefusedFile(
                f"{path.name} would run code when loaded (it asks for {answer['code']}); {_SAFE}"
            )
        if "failure" in answer:
            raise InputError(f"{path.name} cannot be read as a checkpoint: {answer['failure']}")
        tensors = _safetensors(target, path.name)
    notes = []
    if answer["nest"]:
        beside = f" (beside it: {', '.join(answer['others'])})" if answer["others"] else ""
        notes.append(f"{path.name}: weights taken from under {'.'.join(answer['nest'])}{beside}")
    return StateDict(path.name, tensors, tuple(notes))


def _answer_of_child(path: Path, target: Path) -> dict[str, Any]:
    folders = {str(Path(str(package.__file__)).parents[1]) for package in (torch, safetensors)}
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    child = subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-W",
            "ignore",
            str(CHILD),
            str(path.resolve()),
            str(target),
            *sorted(folders),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=target.parent,
        env={**kept, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    try:
        out, _ = child.communicate(timeout=WALL_S)
    except subprocess.TimeoutExpired:
        return {"failure": f"reading it takes more than {WALL_S} s"}
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        return {
            "failure": f"the process that read it died ({_death(child.returncode)}): too much memory or time"
        }
    return answer


def _death(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def put_into(
    module: nn.Module, state: StateDict, name: str, rename: Callable[[str], str] = str
) -> tuple[str, ...]:
    """Load the weights into `module`; the notes say what was taken away from their names, and what they are.

    Raises
    ------
    MisfitWeights : names or shapes differ; the message counts and names them
    """
    wanted = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    named = {rename(key): tensor for key, tensor in state.tensors.items()}
    prefix, tensors = _stripped(named, wanted)
    missing = [key for key in wanted if key not in tensors and not key.endswith("num_batches_tracked")]
    strange = [key for key in tensors if key not in wanted]
    reshaped = [
        f"{key} is {_shape(tensors[key])}, {_shape(wanted[key])} was wanted"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    faults = [
        f"{len(keys)} {what} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
        for keys, what in ((missing, "missing"), (strange, "unexpected"), (reshaped, "of another shape"))
        if keys
    ]
    if faults:
        raise MisfitWeights(
            f"{state.file} does not fit {name}, which has {len(wanted)} tensors: {'; '.join(faults)}"
        )
    module.load_state_dict(tensors, strict=False)
    notes = list(state.notes)
    if prefix:
        notes.append(f"{state.file}: {prefix!r} stripped from the names of its weights")
    kinds = {
        str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values() if tensor.is_floating_point()
    }
    if kinds - {"float32"}:
        notes.append(f"{state.file} holds {', '.join(sorted(kinds))}; it is computed with in float32")
    return tuple(notes)


def _stripped(tensors: Mapping[str, Tensor], wanted: Collection[str]) -> tuple[str, dict[str, Tensor]]:
    """The tensors without the wrappers' prefix that lets most names fit, and that prefix."""

    def fits(prefix: str) -> int:
        return sum(key.removeprefix(prefix) in wanted for key in tensors)

    chains: list[Sequence[str]] = [
        chain for length in range(4) for chain in itertools.product(PREFIXES, repeat=length)
    ]
    prefix = max(("".join(chain) for chain in chains), key=fits)  # of equals the first, which is the shortest
    return prefix, {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
