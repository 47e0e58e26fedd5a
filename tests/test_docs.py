# SPDX-License-Identifier: Apache-2.0
"""What is public has a page: names, commands, errors, kinds of evidence; and the version is told once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import pellucid
from pellucid import errors
from pellucid.cli.command import app, store_app
from pellucid.evidence import EVIDENCE

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", [name for name in pellucid.__all__ if not name.startswith("__")])
def test_every_public_name_is_in_the_python_page_and_documented(name: str) -> None:
    assert re.search(rf"^\.\. auto\w+:: {name}$", (DOCS / "python.rst").read_text(), re.MULTILINE)
    assert len(getattr(pellucid, name).__doc__) > 40


@pytest.mark.parametrize("name", [each.name for each in app.registered_commands] + ["store"])
def test_every_command_has_a_section(name: str) -> None:
    assert re.search(rf"^{name}\n-+$", (DOCS / "commands.rst").read_text(), re.MULTILINE)


@pytest.mark.parametrize("each", store_app.registered_commands, ids=lambda each: each.name)
def test_every_store_command_is_told(each: object) -> None:
    assert f"pellucid store {each.name}" in (DOCS / "commands.rst").read_text()


@pytest.mark.parametrize("kind", EVIDENCE)
def test_every_kind_of_evidence_says_how_it_misleads(kind: str) -> None:
    page = (DOCS / "kinds" / f"{kind}.rst").read_text()
    assert "How it misleads" in page
    assert "What to look at" in page
    assert f"kinds/{kind}" in (DOCS / "index.rst").read_text()


@pytest.mark.parametrize("name", [name for name in errors.__all__ if isinstance(getattr(errors, name), type)])
def test_every_error_stands_in_the_tree(name: str) -> None:
    assert name in (errors.__doc__ or "")


def test_version_changelog_and_citation_agree() -> None:
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert newest is not None
    assert cited is not None
    assert newest[1] == cited[1] == pellucid.__version__


def test_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        assert target.startswith("http") or (ROOT / target).exists(), target
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    tracked = set(listed.stdout.split("\0"))
    if listed.returncode == 0:  # an unpacked release has no index: there what exists was packed
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", text) + re.findall(
            r'src="(?!http)([^"]+)"', text
        ):
            assert target in tracked or any(name.startswith(f"{target.rstrip('/')}/") for name in tracked), (
                target
            )
