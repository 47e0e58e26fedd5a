# SPDX-License-Identifier: Apache-2.0
"""A full or broken disk: the right exit code, nothing lost, and the work goes on when there is space again."""

import errno
import os
import shutil
import sqlite3
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import toy_atlas

from pellucid.errors import AtlasInUse, NoSpace, NotAnAtlas, StorageError
from pellucid.store import Atlas, AtlasWriter
from pellucid.store.faults import file_errors, sqlite_errors

JOBS = 120
FILL = """
import sys, toy_atlas
from pellucid.errors import PellucidError
from pellucid.store import AtlasWriter
{limit}
try:
    with AtlasWriter.open(sys.argv[1]) as writer:
        toy_atlas.fill(writer, int(sys.argv[2]), say=True)
except PellucidError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    with AtlasWriter.open(tmp_path_factory.mktemp("whole") / "toy.atlas") as writer:
        toy_atlas.fill(writer, JOBS)
        return writer.digest()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MiB, where the system lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def said_jobs(result: "subprocess.CompletedProcess[str]") -> list[str]:
    return result.stdout.split()


def go_on(path: Path) -> str:
    with AtlasWriter.open(path) as writer:
        toy_atlas.fill(writer, JOBS)
        assert writer.verify() == []
        return writer.digest()


def test_a_full_disk(small_disk, tmp_path, run_child, whole):
    path = small_disk / "toy.atlas"
    result = run_child(FILL.format(limit=""), path, JOBS)
    assert (result.returncode, result.stderr.count("\n")) == (75, 1), result.stderr
    assert "no space left" in result.stderr
    assert 10 < len(said_jobs(result)) < JOBS
    with Atlas.open(path) as atlas:  # the disk is still full
        assert len(list(atlas.records())) >= len(said_jobs(result))
        assert atlas.verify() == []
    roomy = Path(shutil.copy(path, tmp_path / "toy.atlas"))
    if Path(f"{path}-wal").exists():
        shutil.copy(f"{path}-wal", f"{roomy}-wal")
    assert go_on(roomy) == whole


def test_a_finished_atlas_is_read_from_a_full_disk(small_disk):
    path = toy_atlas.make(small_disk / "toy.atlas", 20)
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    with Atlas.open(path) as atlas:
        assert len(list(atlas.records())) == 20


def test_a_disk_too_full_to_begin(small_disk, run_child):
    (small_disk / "ballast").write_bytes(bytes(2000 * 1024))
    result = run_child(FILL.format(limit=""), small_disk / "toy.atlas", JOBS)
    assert (result.returncode, result.stderr.count("\n")) == (75, 1), result.stderr
    (small_disk / "ballast").unlink()
    assert [path.name for path in small_disk.iterdir()] in ([".toy.atlas.lock"], [])


def test_the_same_writer_goes_on_when_there_is_space_again(small_disk):
    ballast = small_disk / "ballast"
    with AtlasWriter.open(small_disk / "toy.atlas") as writer:
        toy_atlas.prepare(writer)
        free = os.statvfs(small_disk).f_bavail * 4096
        ballast.write_bytes(bytes(max(0, free - 20_000)))
        with pytest.raises(NoSpace):
            writer.save_state("scan", bytes(50_000))
        assert writer.load_state("scan") is None
        ballast.unlink()
        writer.save_state("scan", bytes(50_000))
        writer.drop_state("scan")
        assert writer.verify() == []


def test_a_limit_on_file_sizes(tmp_path, run_child, whole):
    path = tmp_path / "toy.atlas"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))"
    result = run_child(FILL.format(limit=limit), path, JOBS)
    assert (result.returncode, result.stderr.count("\n")) == (75, 1), result.stderr
    with Atlas.open(path) as atlas:
        assert len(list(atlas.records())) >= len(said_jobs(result)) > 10
    assert go_on(path) == whole


def test_a_limit_of_sqlite(tmp_path, whole):
    path = tmp_path / "toy.atlas"
    writer = AtlasWriter.open(path)
    writer._connection.execute("PRAGMA max_page_count = 30")
    with pytest.raises(NoSpace, match="no space left to write"):
        toy_atlas.fill(writer, JOBS)
    writer._connection.execute("PRAGMA max_page_count = 100000")
    toy_atlas.fill(writer, JOBS)
    assert writer.digest() == whole
    writer.close()


def broken(code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("it went wrong")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize(
    ("code", "error", "exit_code"),
    [
        (sqlite3.SQLITE_FULL, NoSpace, 75),
        (sqlite3.SQLITE_IOERR_WRITE, StorageError, 74),
        (sqlite3.SQLITE_IOERR_READ, StorageError, 74),
        (sqlite3.SQLITE_CANTOPEN, StorageError, 74),
        (sqlite3.SQLITE_READONLY, StorageError, 74),
        (sqlite3.SQLITE_CORRUPT, NotAnAtlas, 2),
        (sqlite3.SQLITE_NOTADB, NotAnAtlas, 2),
        (sqlite3.SQLITE_TOOBIG, NotAnAtlas, 2),
        (sqlite3.SQLITE_BUSY, AtlasInUse, 73),
    ],
)
def test_each_answer_of_sqlite_has_its_error(tmp_path, code, error, exit_code):
    with pytest.raises(error) as caught, sqlite_errors(tmp_path / "x.atlas"):
        raise broken(code, "SQLITE_X")
    assert type(caught.value) is error
    assert caught.value.exit_code == exit_code
    assert "x.atlas" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EIO, StorageError)]
)
def test_each_answer_of_the_system_has_its_error(tmp_path, number, error):
    with pytest.raises(error) as caught, file_errors(tmp_path / "x.atlas"):
        raise OSError(number, os.strerror(number), str(tmp_path / "x.atlas"))
    assert type(caught.value) is error


def test_names_out_of_a_file_cannot_write_to_the_terminal(tmp_path):
    evil = sqlite3.DatabaseError("no such column: \x1b[2J\nrm -rf")
    with pytest.raises(NotAnAtlas) as caught, sqlite_errors(tmp_path / "x.atlas"):
        raise evil
    assert str(caught.value).isprintable()


def test_a_misuse_stays_a_bug(finished):
    atlas = Atlas.open(finished)
    atlas.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        atlas.layers()
