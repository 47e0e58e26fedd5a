# SPDX-License-Identifier: Apache-2.0
"""Which room may import which: the one explicit table, held against the imports of every file."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "pellucid"

ALLOWED = {
    "errors": set(),
    "figures": {"errors"},
    "records": {"errors", "figures"},
    "store": {"errors", "figures", "records"},
    "views": {"errors", "figures", "records", "store"},
    "kernels": {"errors", "figures"},
    "stimuli": {"errors", "figures"},
    "data": {"errors", "records"},
    "models": {"errors", "records", "data"},
    "ascent": {"errors", "records", "models"},
    "scan": {"errors", "records", "data", "models"},
    "evidence": {
        "errors",
        "figures",
        "records",
        "kernels",
        "stimuli",
        "data",
        "models",
        "ascent",
        "scan",
        "circuits",
    },
    "survey": {
        "errors",
        "figures",
        "records",
        "store",
        "data",
        "models",
        "ascent",
        "scan",
        "evidence",
        "stimuli",
    },
    "attribution": {"errors", "figures", "records", "kernels", "data", "models"},
    "look": {
        "errors",
        "figures",
        "records",
        "store",
        "views",
        "kernels",
        "data",
        "models",
        "attribution",
        "inversion",
    },
    "circuits": {"errors", "records", "data", "models", "scan"},
    "doctor": {"errors", "records"},
    "terminal": set(),
    "measure": {"errors", "data", "models", "ascent"},
    "inversion": {"errors", "figures", "records", "models", "ascent", "evidence"},
    "respond": {"errors", "records", "kernels", "data", "models"},
    "demo": {"models", "evidence", "survey", "views"},
}
WITHOUT_TORCH = ("errors", "records", "figures", "kernels", "stimuli", "store", "views", "doctor")
FILES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
            assert node.level == 0, f"{path}: relative import"
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_the_rooms_it_may(path: Path) -> None:
    room = room_of(path)
    if room in ("cli", "__init__", "__main__", "version"):
        return  # the command line and the list of public names see every room
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "pellucid":
            continue
        assert len(parts) > 1, f"{path.name} imports the package root"
        assert parts[1] in (room, "version") or parts[1] in ALLOWED[room], f"{room} may not import {name}"


def test_kinds_of_evidence_never_import_one_another() -> None:
    shared = {
        "circuits",
        "climbing",
        "combination",
        "connections",
        "consistencies",
        "exemplars",
        "job",
        "moved",
        "optima",
        "portraits",
        "probing",
        "removal",
        "shown",
        "spectrum_figures",
        "starts",
        "tuning_curves",
        "tuning_figures",
        "tunings",
        "unit_look",
        "without",
    }
    for path in (SOURCE / "evidence").glob("*.py"):
        if path.stem == "__init__":
            continue
        kinds = {name.split(".")[2] for name in imported(path) if name.startswith("pellucid.evidence.")}
        assert kinds <= shared, f"{path.name} imports {kinds - shared}"


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in WITHOUT_TORCH], ids=lambda p: p.stem)
def test_rooms_without_torch_never_name_it(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0] in ("torch", "torchvision", "timm")}


def test_an_atlas_is_read_and_shown_where_torch_is_blocked() -> None:
    blocked = (
        "import sys; sys.modules['torch'] = None\n"
        "import pellucid, pellucid.store, pellucid.figures, pellucid.views, pellucid.records, pellucid.cli\n"
        "pellucid.export, pellucid.serve\n"
    )
    subprocess.run([sys.executable, "-c", blocked], check=True, timeout=60)


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, pellucid; dir(pellucid); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
