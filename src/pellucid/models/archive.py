# SPDX-License-Identifier: Apache-2.0
"""What a model file is, told by its content and never by its name alone; nothing in it is loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path

from pellucid.errors import InputError, UnknownName

__all__ = ["CODE", "kind_of"]

# What runs code when it is loaded, in words for the user.
CODE = {
    "exported": "an exported program (.pt2)",
    "torchscript": "a TorchScript archive",
    "package": "a torch.package archive",
    "arrays": "a NumPy archive, which may hold pickled objects,",
    "archive": "an archive that is no state dict of torch.save",
}

PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*")
MOST_HEADER = (
    25_000_000  # bytes, a few 100,000 tensors; the format's own limit of 100 MB parses into gigabytes
)


def kind_of(path: Path) -> str:
    """One of `safetensors`, `torch`, `onnx`, `picture`, `text`, a key of CODE, or `unknown`.

    `torch` is what torch.save wrote: a state dict, or a whole module, which only loading it would tell.

    Raises
    ------
    UnknownName : there is no such file
    InputError : it is a folder, or cannot be read
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; a model file was wanted")
    try:
        with path.open("rb") as file:
            head = file.read(512)  # as far as the mark of a tar archive
    except FileNotFoundError as error:
        raise UnknownName(f"no file {path}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if head.startswith(PICTURES):
        return "picture"
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if int.from_bytes(head[:8], "little") <= MOST_HEADER and head[8:9] == b"{":
        return "safetensors"
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix == ".pt2":
        return "exported"
    if (
        head.startswith(b"\x80")
        or b"ustar" in head
        or path.suffix in (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".tar")
    ):
        return "torch"
    return "text" if head and all(byte >= 32 or byte in b"\t\n\r\f" for byte in head) else "unknown"


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return "torch"  # torch's own reader has the last word on what is damaged
    inner = {name.partition("/")[2] for name in names} | set(names)
    if "archive_format" in inner or any(name.endswith("exported_program.json") for name in names):
        return "exported"
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "torchscript"
    if ".data/extern_modules" in inner or any(
        name.startswith(".data/") and "extern" in name for name in inner
    ):
        return "package"
    if any(name.endswith(".npy") for name in names):
        return "arrays"
    return "torch" if "data.pkl" in inner else "archive"
