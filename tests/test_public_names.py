# SPDX-License-Identifier: Apache-2.0
"""The list of public names is what there is, and rooms never hide the functions of the same name."""

from __future__ import annotations

import importlib
import types

import pytest

import pellucid


@pytest.mark.parametrize("name", pellucid.__all__)
def test_every_listed_name_exists(name: str) -> None:
    assert getattr(pellucid, name) is not None
    assert name in dir(pellucid)


@pytest.mark.parametrize("room", ["demo", "doctor", "measure", "respond", "survey"])
def test_a_room_does_not_hide_the_function_of_its_name(room: str) -> None:
    assert isinstance(importlib.import_module(f"pellucid.{room}"), types.ModuleType)
    assert isinstance(getattr(pellucid, room), types.FunctionType)


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match="optimize"):
        _ = pellucid.optimise  # type: ignore[attr-defined]
