# SPDX-License-Identifier: Apache-2.0
"""A process of its own, with limits on memory and time: reads a torch checkpoint's tensors, writes them as safetensors.

Run as `python -I checkpoint_child.py SOURCE TARGET IMPORT_FOLDER...`; prints one JSON object. It stands alone, so that it
needs nothing of Pellucid, and never calls torch.load without `weights_only`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import pickle
import pickletools
import re
import resource
import sys
from collections.abc import Mapping
from typing import Any

# The keys under which training scripts keep the state dict, the first found wins.
NESTS = (
    "state_dict",
    "model_state_dict",
    "model",
    "model_ema",
    "module",
    "network",
    "net",
    "ema",
    "weights",
    "params",
)
CALLING = (
    "GLOBAL",
    "STACK_GLOBAL",
    "INST",
    "OBJ",
    "NEWOBJ",
    "NEWOBJ_EX",
    "REDUCE",
    "BUILD",
    "EXT1",
    "EXT2",
    "EXT4",
)
# What training scripts keep beside the weights (DeiT, MAE and DETR their `args`): read as stand-ins, and left out.
BESIDE = (
    "argparse.Namespace",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
)
CPU_S = 60
SPARE = 512 * 2**20  # bytes beside four times the file, for reading and writing


def main(source: str, target: str, folders: list[str]) -> dict[str, Any]:
    """What was found, or why nothing was: {"nest", "others"}, {"code"} or {"failure"}."""
    _leave_network()
    sys.path += folders  # an isolated interpreter does not see every place that its parent imports from
    torch = importlib.import_module("torch")
    safetensors = importlib.import_module("safetensors.torch")
    size = os.path.getsize(source)
    _limit(size)
    torch.serialization.add_safe_globals([_stand_in(name) for name in BESIDE])
    try:
        found, nest, others = _state_dict(
            torch.load(source, map_location="cpu", weights_only=True), torch.Tensor
        )
        if odd := [name for name, tensor in found.items() if tensor.layout != torch.strided]:
            return {"failure": f"{odd[0]} is a sparse tensor; only dense ones are read"}
        whole = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
        if whole > 4 * size + SPARE // 8:
            return {"failure": f"its tensors claim {whole} bytes, the file has {size}"}
        safetensors.save_file({name: tensor.contiguous().clone() for name, tensor in found.items()}, target)
    except Exception as error:
        return _reason(error, source)
    return {"nest": nest, "others": others}


def _stand_in(name: str) -> type:
    """A class that goes by that name and holds what it is given: reading it runs no code of the real one."""
    module, _, own = name.rpartition(".")
    return type(own, (), {"__module__": module, "__qualname__": own, "__init__": lambda self, *parts: None})


class _NoStateDict(Exception):
    """The file was read, and holds something else."""


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _state_dict(value: object, tensor: type) -> tuple[dict[str, Any], list[str], list[str]]:
    """The tensors by name, the keys that lead to them, and the keys of other state dicts beside them."""
    if not isinstance(value, Mapping):
        raise _NoStateDict(f"it holds {_kind(value)}, not a state dict")
    # An empty one is a wrapper that nothing was put into; it must not hide the weights beside it.
    nested = [key for key in NESTS if isinstance(value.get(key), Mapping) and value[key]]
    if nested:
        found, nest, others = _state_dict(value[nested[0]], tensor)
        return found, [nested[0], *nest], nested[1:] + others
    found = {str(name): part for name, part in value.items() if isinstance(part, tensor)}
    if not found:
        keys = ", ".join(map(str, list(value)[:5]))
        raise _NoStateDict(f"it holds no tensors by name, only {keys}" if keys else "it is an empty dict")
    return found, [], []


def _reason(error: Exception, source: str) -> dict[str, str]:
    text = " ".join(str(error).split())
    if isinstance(error, _NoStateDict):
        return {"failure": text}
    asked = re.search(r"GLOBAL (\S+)", text)
    if isinstance(error, pickle.UnpicklingError):
        if asked:
            return {"code": asked[1]}
        if re.search(r"reduce|build|class|function|instantiat|persistent", text, re.IGNORECASE) or _calls(
            source
        ):
            return {"code": "something else than tensors"}
    if "TorchScript" in text:
        return {"code": "TorchScript"}
    if isinstance(error, MemoryError) or "allocate memory" in text:
        return {"failure": "it needs more memory than a file of its size may take"}
    cut = re.search("invalid load key|miniz|central directory|Unsupported operand", text)
    if cut or isinstance(error, EOFError) or type(error).__name__ == "error":
        return {"failure": "it is cut off, or no checkpoint of torch.save at all"}
    what = re.sub(r"Weights only load failed.*?(?=Unsupported|WeightsUnpickler|$)", "", text)[:160]
    return {"failure": f"{type(error).__name__}: {what}".rstrip(": ")}


def _calls(source: str) -> bool:
    """Whether a bare pickle, read without being run, would look something up or call it."""
    with contextlib.suppress(Exception), open(source, "rb") as file:
        return any(code.name in CALLING for code, _, _ in pickletools.genops(file))
    return False


def _limit(size: int) -> None:
    """Address space for four times the file and a bit, at most half of the machine's memory; a minute of CPU time."""
    page = os.sysconf("SC_PAGE_SIZE")
    memory = os.sysconf("SC_PHYS_PAGES") * page
    allowed = min(4 * size + SPARE, memory // 2)
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm") as pages:
            base = int(pages.read().split()[0]) * page
        resource.setrlimit(resource.RLIMIT_AS, (base + allowed, base + allowed))
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, allowed),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def _leave_network() -> None:
    """Where Linux lets a user do so, go where there is no network; must come before any thread starts."""
    new_user, new_network = 0x10000000, 0x40000000
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(new_user | new_network)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3:])))
