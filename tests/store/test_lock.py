# SPDX-License-Identifier: Apache-2.0
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_atlas

from pellucid.errors import AtlasInUse, StorageError
from pellucid.store import Atlas, AtlasWriter
from pellucid.store.lock import WriterLock

HOLD = """
import sys
from pellucid.store import AtlasWriter
writer = AtlasWriter.open(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""
RACE = """
import os, sys, time
from pellucid.errors import AtlasInUse
from pellucid.store import AtlasWriter
print("ready", flush=True)
sys.stdin.readline()
begin = time.monotonic()
try:
    writer = AtlasWriter.open(sys.argv[1])
except AtlasInUse as error:
    print("lost", time.monotonic() - begin, error, flush=True)
else:
    print("won", os.getpid(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(child_env):
    """Start Python code that talks through its standard input and output; all are ended at the end."""
    started = []

    def begin(code: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=child_env, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_the_second_writer_is_told_who_is_the_first(tmp_path, start):
    path = tmp_path / "toy.atlas"
    holder = start(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    begin = time.monotonic()
    with pytest.raises(
        AtlasInUse, match=f"by process {holder.pid} on {socket.gethostname()}; wait"
    ) as caught:
        AtlasWriter.open(path)
    assert time.monotonic() - begin < 1
    assert caught.value.exit_code == 73
    with Atlas.open(path) as reader:
        assert reader.layers() == []


def test_a_dead_holder_blocks_nobody(tmp_path, start):
    path = tmp_path / "toy.atlas"
    holder = start(HOLD, path)
    holder.stdout.readline()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert json.loads(Path(tmp_path / ".toy.atlas.lock").read_text())["pid"] == holder.pid
    begin = time.monotonic()
    AtlasWriter.open(path).close()
    assert time.monotonic() - begin < 1


def test_a_forked_child_does_not_keep_the_lock(tmp_path, start):
    code = HOLD.replace(
        'print("held"', "pid = os.fork()\nif pid == 0: os.close(1); time.sleep(60); os._exit(0)\nprint(pid"
    )
    path = tmp_path / "toy.atlas"
    holder = start("import os, time\n" + code, path)
    child = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    try:
        AtlasWriter.open(path).close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_of_many_writers_one_wins(tmp_path, start):
    path = tmp_path / "toy.atlas"
    racers = [start(RACE, path) for _ in range(4)]
    for racer in racers:
        racer.stdout.readline()
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = [racer.stdout.readline().split(" ", 2) for racer in racers]
    winners = [line for line in said if line[0] == "won"]
    assert len(winners) == 1, said
    for word, seconds, *message in (line for line in said if line[0] == "lost"):
        assert float(seconds) < 1, word
        assert f"process {winners[0][1].strip()} on" in message[0]


def test_within_one_process_too(tmp_path):
    path = tmp_path / "toy.atlas"
    with AtlasWriter.open(path) as writer:
        with pytest.raises(AtlasInUse, match=f"process {os.getpid()} on"):
            AtlasWriter.open(path)
        writer.put_plan({"still": "mine"})
    with AtlasWriter.open(path) as writer:
        assert writer.plan == {"still": "mine"}


def test_two_names_of_one_file_meet_at_one_lock(tmp_path):
    path = toy_atlas.make(tmp_path / "toy.atlas", 5)
    (tmp_path / "alias.atlas").symlink_to(path)
    with AtlasWriter.open(tmp_path / "alias.atlas"), pytest.raises(AtlasInUse):
        AtlasWriter.open(path)


def test_the_lock_file_must_be_a_plain_file(tmp_path):
    target = tmp_path / "precious"
    target.write_text("keep me")
    lock = tmp_path / ".toy.atlas.lock"
    lock.symlink_to(target)
    with pytest.raises(StorageError, match="should be a plain lock file"):
        AtlasWriter.open(tmp_path / "toy.atlas")
    assert target.read_text() == "keep me"
    for make in (lock.mkdir, lambda: os.mkfifo(lock)):
        lock.unlink() if lock.is_symlink() else None
        make()
        with pytest.raises(StorageError, match="should be a plain lock file"):
            AtlasWriter.open(tmp_path / "toy.atlas")
        lock.rmdir() if lock.is_dir() else lock.unlink()
    assert not (tmp_path / "toy.atlas").exists()


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"[" * 5000, b"[]", b'{"pid": null}', b'{"pid": 999999999, "host": "HOST"}']
)
def test_what_the_file_says_is_only_a_hint(tmp_path, content):
    lock = tmp_path / ".toy.atlas.lock"
    lock.write_bytes(content.replace(b"HOST", socket.gethostname().encode()))
    AtlasWriter.open(tmp_path / "toy.atlas").close()
    lock.write_bytes(content.replace(b"HOST", socket.gethostname().encode()))
    fd = os.open(lock, os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    begin = time.monotonic()
    with pytest.raises(AtlasInUse, match="by another process"):
        AtlasWriter.open(tmp_path / "toy.atlas")
    assert time.monotonic() - begin < 1
    os.close(fd)


def test_the_lock_is_freed_when_opening_fails(tmp_path, monkeypatch):
    path = toy_atlas.make(tmp_path / "toy.atlas", 5)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pellucid.store.writer._writable", fail)
    with pytest.raises(KeyboardInterrupt):
        AtlasWriter.open(path)
    monkeypatch.undo()
    AtlasWriter.open(path).close()


def test_releasing_twice_is_harmless(tmp_path):
    lock = WriterLock(tmp_path / "toy.atlas")
    lock.release()
    lock.release()
    assert lock.path.read_bytes() == b""
