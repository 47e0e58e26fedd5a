# SPDX-License-Identifier: Apache-2.0
"""The one module that may load files which run code, and only those whose digest the user named. Review with care."""

from __future__ import annotations

import hashlib
import io
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pellucid.errors import InputError, RefusedFile
from pellucid.models.archive import CODE
from pellucid.models.blueprint import Blueprint

__all__ = ["trusted_blueprint"]


def trusted_blueprint(path: Path, kind: str, trust_code: str | None) -> Blueprint:
    """The network in an exported program or a pickled module, if `trust_code` is `sha256:` and the file's digest.

    The bytes that were hashed are the bytes that are loaded.

    Raises
    ------
    RefusedFile : no digest was named, or another one
    InputError : the file holds no module that can be observed
    """
    data = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    what = CODE.get(kind, "a pickled module")
    if trust_code is None or trust_code.strip().lower() != digest:
        other = "" if trust_code is None else "the digest named is another one; "
        raise RefusedFile(
            f"{path.name} is {what} and could run code; {other}if you trust who made it: --trust-code {digest}"
        )
    if kind not in ("exported", "torch"):
        raise InputError(
            f"{path.name} is {what}, which cannot be observed inside; use FILE.py:FUNCTION that builds it"
        )
    loaders = {"exported": _exported, "torch": _pickled}
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():  # standard output is for results
            warnings.simplefilter("ignore")  # torch.export warns about its own insides
            module, shape = loaders[kind](io.BytesIO(data))
    except InputError as error:
        raise InputError(f"{path.name} {error}") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path.name} cannot be loaded: {type(error).__name__}: {reason}") from error
    return Blueprint(path.name, lambda: module, shape=shape)


def _exported(file: io.BytesIO) -> tuple[nn.Module, str | None]:
    program = torch.export.load(file)
    taken = program.graph_signature.user_inputs
    fed = [
        node.meta["val"].shape
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in taken
    ]
    if len(fed) != 1 or len(fed[0]) != 4:
        raise InputError(f"takes {len(fed)} inputs; one of N, C, H, W was wanted")
    if isinstance(fed[0][0], int):
        raise InputError(
            f"was exported for batches of exactly {fed[0][0]}; export it with a dynamic batch dimension"
        )
    channels, height, width = fed[0][1:]
    known = all(isinstance(size, int) for size in (channels, height, width))
    return torch.export.unflatten(program), f"{channels}x{height}x{width}" if known else None


def _pickled(file: io.BytesIO) -> tuple[nn.Module, None]:
    value: Any = torch.load(file, map_location="cpu", weights_only=False)
    if not isinstance(value, nn.Module):
        raise InputError(f"holds a {type(value).__name__}, not a network; give a state dict with --weights")
    return value, None
