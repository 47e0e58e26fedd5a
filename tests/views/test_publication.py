# SPDX-License-Identifier: Apache-2.0
"""Exports: whole or not at all, the same bytes each time, and never over something that is not ours."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.errors import AtlasInUse, InputError, NoSpace, NotAnAtlas, StorageError, UnknownName
from pellucid.store import Atlas
from pellucid.store.lock import WriterLock
from pellucid.views import Site, exchange, export, publication, verify


@pytest.fixture(scope="module")
def other_path(make_atlas, tmp_path_factory) -> Path:
    return make_atlas(tmp_path_factory.mktemp("other") / "other.atlas", units=2, side=8)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_export_writes_the_site_and_its_manifest(atlas_path, tmp_path):
    report = export(atlas_path, tmp_path / "deep" / "site")
    with Atlas.open(atlas_path) as atlas:
        files = dict(Site(atlas).files())
    found = tree(tmp_path / "deep" / "site")
    listing = json.loads(found.pop("manifest.json"))
    assert found == files
    assert listing["files"] == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    assert report.files == len(files) + 1
    assert report.bytes == sum(
        path.stat().st_size for path in (tmp_path / "deep/site").rglob("*") if path.is_file()
    )
    assert report.to_json()["index"].endswith("site/index.html")
    assert verify(tmp_path / "deep" / "site") == []


def test_export_again_is_the_same_and_leaves_nothing_beside(atlas_path, other_path, tmp_path):
    export(atlas_path, tmp_path / "site")
    first = tree(tmp_path / "site")
    export(other_path, tmp_path / "site")
    assert tree(tmp_path / "site") != first
    export(atlas_path, tmp_path / "site")
    assert tree(tmp_path / "site") == first
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]


def test_export_through_a_link_fills_the_folder_that_it_leads_to(other_path, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    export(other_path, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert verify(tmp_path / "real") == []


@pytest.mark.parametrize("what", ["a folder", "a file", "a stranger", "no manifest", "another manifest"])
def test_what_is_not_an_export_is_never_replaced(other_path, tmp_path, what):
    site = tmp_path / "site"
    if what == "a file":
        site.write_text("thesis")
    elif what == "a folder":
        site.mkdir()
        (site / "thesis.tex").write_text("thesis")
    else:
        export(other_path, site)
        if what == "a stranger":
            (site / "blob" / "thesis.tex").write_text("thesis")
        elif what == "no manifest":
            (site / "manifest.json").unlink()
        else:
            (site / "manifest.json").write_text('{"made_by": "another tool", "files": {}}')
    before = tree(site) if site.is_dir() else site.read_text()
    with pytest.raises(InputError) as problem:
        export(other_path, site)
    assert "\n" not in str(problem.value)
    assert (tree(site) if site.is_dir() else site.read_text()) == before


def test_litter_of_file_managers_does_not_count(other_path, tmp_path):
    export(other_path, tmp_path / "site")
    (tmp_path / "site" / ".DS_Store").write_bytes(b"x")
    assert verify(tmp_path / "site") == []
    export(other_path, tmp_path / "site")


def test_atlases_that_cannot_be_read_change_nothing(other_path, tmp_path):
    export(other_path, tmp_path / "site")
    before = tree(tmp_path / "site")
    (tmp_path / "broken.atlas").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    with pytest.raises(NotAnAtlas):
        export(tmp_path / "broken.atlas", tmp_path / "site")
    with pytest.raises(UnknownName):
        export(tmp_path / "nothing.atlas", tmp_path / "site")
    assert tree(tmp_path / "site") == before


def test_two_exports_to_one_folder_are_refused(other_path, tmp_path):
    lock = WriterLock(tmp_path / "site")
    try:
        with pytest.raises(AtlasInUse, match=str(os.getpid())):
            export(other_path, tmp_path / "site")
    finally:
        lock.release()
    export(other_path, tmp_path / "site")


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EIO, StorageError)]
)
def test_a_disk_that_fails_leaves_the_old_site(atlas_path, other_path, tmp_path, monkeypatch, number, kind):
    export(other_path, tmp_path / "site")
    before = tree(tmp_path / "site")
    written = []

    def failing(fd: int) -> None:
        written.append(fd)
        if len(written) > 20:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(publication.os, "fsync", failing)
    with pytest.raises(kind) as problem:
        export(atlas_path, tmp_path / "site")
    monkeypatch.undo()
    assert type(problem.value) is kind
    assert tree(tmp_path / "site") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]


def test_what_a_killed_export_left_is_removed(other_path, tmp_path):
    (tmp_path / ".site.tmp" / "layer").mkdir(parents=True)
    (tmp_path / ".site.tmp" / "layer" / "half").touch()
    export(other_path, tmp_path / "site")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]


def test_where_names_cannot_be_exchanged_the_old_folder_steps_aside(
    atlas_path, other_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(exchange, "_exchanged", lambda one, other: False)
    export(other_path, tmp_path / "site")
    export(atlas_path, tmp_path / "site")
    assert verify(tmp_path / "site") == []
    assert "layer/1/7.html" in tree(tmp_path / "site")
    before = tree(tmp_path / "site")
    (tmp_path / "site").rename(tmp_path / ".site.tmp.old")  # as a crash between the two renames leaves it

    def failing(fd: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(publication.os, "fsync", failing)
    with pytest.raises(StorageError):
        export(other_path, tmp_path / "site")
    assert tree(tmp_path / "site") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".site.lock", "site"]


def test_folders_are_exchanged_at_one_stroke_here(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "one" / "1").touch()
    if not exchange._exchanged(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system cannot exchange names")
    assert (tmp_path / "other" / "1").exists()
    assert not (tmp_path / "one" / "1").exists()
    with pytest.raises(OSError, match="No such file"):
        exchange._exchanged(tmp_path / "one", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda site: (site / "index.html").unlink(), "index.html is missing"),
        (lambda site: (site / "index.html").write_text("x"), "index.html has changed"),
        (lambda site: (site / "extra.html").write_text("x"), "extra.html is not from the export"),
        (lambda site: (site / "manifest.json").unlink(), "has no manifest.json of ours"),
        (lambda site: (site / "manifest.json").write_text("[" * 100_000), "has no manifest.json of ours"),
        (lambda site: relink(site / "index.html"), "index.html has changed"),
    ],
)
def test_verify_names_what_is_wrong(other_path, tmp_path, damage, words):
    export(other_path, tmp_path / "site")
    damage(tmp_path / "site")
    (problem,) = verify(tmp_path / "site")
    assert problem.endswith(words)


def test_verify_holds_the_site_against_the_atlas(atlas_path, other_path, tmp_path):
    export(other_path, tmp_path / "site")
    assert verify(tmp_path / "site", other_path) == []
    assert verify(tmp_path / "site") == []
    stale = verify(tmp_path / "site", atlas_path)
    assert stale[0] == f"manifest.json lists other files than {atlas_path} has now"
    assert any(line == "index.html has changed" for line in stale)
    (tmp_path / "site" / "index.html").write_text("x")
    assert verify(tmp_path / "site", other_path) == ["index.html has changed"]
    with pytest.raises(UnknownName):
        verify(tmp_path / "site", tmp_path / "missing.atlas")


def relink(path: Path) -> None:
    twin = path.parent.parent / "twin"
    path.rename(twin)
    path.symlink_to(twin)


def test_a_hostile_manifest_leads_nowhere(tmp_path):
    listing = {"made_by": "pellucid export", "format": 1, "files": {"../../etc/passwd": "0" * 64}}
    (tmp_path / "manifest.json").write_text(json.dumps(listing))
    assert "no manifest.json of ours" in verify(tmp_path)[0]


# Children that die at their Nth call to the system, for every N; prints which tree each of them left at the target.
DYING = """
import ctypes, os, shutil, sys
from pathlib import Path
from pellucid.store import Atlas
from pellucid.views import Site, export
old, new, site = map(Path, sys.argv[1:])
os.fsync = lambda fd: None  # a process that dies takes nothing with it that a disk would have kept
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "ctypes.dlsym")

def tree():
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}

def child(atlas, last):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = [last]
    def die(event, args):
        if event in EVENTS:
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
    sys.addaudithook(die)
    export(atlas, site)
    os._exit(0)

with Atlas.open(new) as atlas:
    list(Site(atlas).files())  # so that the templates are compiled once and not in every child
assert child(new, -1) == 0
trees = {"new": tree()}
assert child(old, -1) == 0
trees["old"] = tree()
def left_by(last):
    assert child(new, last) == 9
    found = tree()
    shutil.rmtree(site.with_name(".site.tmp"), ignore_errors=True)  # else the next child would count its removal
    name = next((name for name in trees if trees[name] == found), "broken")
    if name != "old":
        assert child(old, -1) == 0
    return name

# One file is written like the other: between the beginning and the moment of exchange every fifth call will do.
last = 1
while left_by(last) == "old":
    last += 1 if last < 8 else 5
seen = [left_by(each) for each in (*range(1, 8, 3), *range(last - 5, last + 4))]
print(*seen)
print(child(new, -1), tree() == trees["new"])
"""


def test_killed_at_any_call_the_target_is_the_old_or_the_new_site(other_path, make_atlas, tmp_path):
    small = make_atlas(tmp_path / "small.atlas", units=1, side=8)
    script = [sys.executable, "-c", DYING, small, other_path, tmp_path / "site"]
    done = subprocess.run(script, capture_output=True, text=True, timeout=120, check=True)
    seen, end = done.stdout.splitlines()
    assert end == "0 True"
    assert re.fullmatch("(old ){4,}(new ?){4,}", seen)
