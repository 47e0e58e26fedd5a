# SPDX-License-Identifier: Apache-2.0
"""`FILE.py:FUNCTION`: the user's own code, run as it is; its errors are told in one line."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

from pellucid.errors import InputError, UnknownName, did_you_mean
from pellucid.models.blueprint import Blueprint

__all__ = ["file_blueprint"]


def file_blueprint(where: str) -> Blueprint:
    """The blueprint of `FILE.py:FUNCTION`; FUNCTION is called without arguments, or is a module already.

    Raises
    ------
    UnknownName : the file or the function is missing
    InputError : the code fails, or returns something that is no torch.nn.Module
    """
    file, _, function = where.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UnknownName(f"no file {file}; MODEL as FILE.py:FUNCTION names a Python file")
    if not function:
        raise InputError(f"{where}: name the function after the colon, as {path.name}:build")
    drawn = "the weights of {name} are as its code makes them with seed {seed}"
    return Blueprint(f"{path.name}:{function}", lambda: _built(path, function), random=drawn)


def _built(path: Path, function: str) -> nn.Module:
    what = f"{path.name}:{function}"
    with _importable(path.parent), redirect_stdout(sys.stderr):  # standard output is for results
        code = _executed(path)
        if not hasattr(code, function):
            there = _offered(code)
            raise UnknownName(f"{path.name} has no function {function!r}; {did_you_mean(function, there)}")
        made: Any = getattr(code, function)
        if not isinstance(made, nn.Module):
            made = _called(made, what)
    if not isinstance(made, nn.Module):
        raise InputError(f"{what} returns {type(made).__name__!r}; a torch.nn.Module is needed")
    return made


def _offered(code: ModuleType) -> list[str]:
    """What the file has to offer: its own functions and modules; where there are none, its own classes of modules."""
    public = {name: value for name, value in vars(code).items() if not name.startswith("_")}
    own = {
        name: value for name, value in public.items() if getattr(value, "__module__", None) == code.__name__
    }
    functions = [name for name, value in own.items() if isinstance(value, FunctionType)]
    modules = [name for name, value in public.items() if isinstance(value, nn.Module)]
    classes = [
        name for name, value in own.items() if isinstance(value, type) and issubclass(value, nn.Module)
    ]
    return functions + modules or classes


def _executed(path: Path) -> ModuleType:
    # a name that cannot hide an installed package; dataclasses and pickle look their module up by it
    name = f"pellucid_model_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path.name} is no Python file; MODEL as FILE.py:FUNCTION ends in .py")
    code = importlib.util.module_from_spec(spec)
    sys.modules[name] = code
    try:
        spec.loader.exec_module(code)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(f"{path.name} fails when it is run: {_told(error)}") from error
    return code


def _called(function: Any, what: str) -> object:
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise InputError(f"{what} fails when it is called without arguments: {_told(error)}") from error


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The file's own folder is where its imports are looked up first, as when Python runs the file."""
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)
