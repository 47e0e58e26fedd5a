# SPDX-License-Identifier: Apache-2.0
"""The server: the exported bytes, to the right host and method only, and to other machines with a cookie only."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from pellucid.errors import InputError, NotAnAtlas, UnknownName
from pellucid.figures import Number
from pellucid.records import Record
from pellucid.store import Atlas, AtlasWriter
from pellucid.views import Site, app, serve
from pellucid.views.doorkeeper import Doorkeeper
from pellucid.views.guard import HEADERS
from pellucid.views.host import allows

HERE = [(b"host", b"127.0.0.1:8420")]


def ask(application, path="/", *, method="GET", headers=HERE, query=b"", client="127.0.0.1"):
    """One request to an ASGI application: status, headers, body."""
    raw = path.encode()
    scope = {
        **{
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
        },
        **{"path": path, "raw_path": raw, "query_string": query, "root_path": "", "headers": headers},
        **{"client": (client, 50000), "server": ("127.0.0.1", 8420)},
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture(scope="module")
def application(atlas_path):
    return app(atlas_path)


def test_every_file_is_served_as_it_is_exported(application, atlas_path):
    with Atlas.open(atlas_path) as atlas:
        site = Site(atlas)
        files = dict(site.files())
        files["manifest.json"] = site.render("manifest.json")[0]
    for path, data in files.items():
        status, headers, body = ask(application, f"/{path}")
        assert (status, body) == (200, data), path
        assert headers["content-length"] == str(len(data))
        assert headers.items() >= HEADERS.items()
    assert ask(application, "/")[2] == files["index.html"]


def test_mime_types_and_caching(application, atlas_path):
    with Atlas.open(atlas_path) as atlas:
        blob = next(path for path, _ in Site(atlas).files() if path.endswith(".webp"))
    kinds = {
        path: ask(application, f"/{path}")[1]
        for path in ("index.html", "static/style.css", "static/keys.js", blob)
    }
    types = [headers["content-type"] for headers in kinds.values()]
    assert types == [
        "text/html; charset=utf-8",
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
        "image/webp",
    ]
    assert "immutable" in kinds[blob]["cache-control"]
    assert kinds["index.html"]["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nothing",
            "/../../etc/passwd",
            "//etc/passwd",
            "/static/../style.css",
            "/layer/1/0.html/",
            "/layer/1/%30.html",
        ),
        *(
            "/http://127.0.0.1/index.html",
            "/index.html\0",
            "/static/",
            "/.site.lock",
            "/layer/7/index.html",
            "/login",
        ),
    ],
)
def test_what_is_not_there_is_not_found(application, path):
    status, headers, _ = ask(application, path)
    assert status == 404
    assert headers.items() >= HEADERS.items()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_an_atlas_is_read_only(application, method):
    status, headers, _ = ask(application, "/index.html", method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert "access-control-allow-origin" not in headers


GOOD_HOSTS = ["127.0.0.1", "127.0.0.1:8420", "127.9.9.9", "localhost", "localhost:1", "[::1]", "[::1]:8420"]
BAD_HOSTS = [
    *(
        "",
        " ",
        "evil.example",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "evil.com:8000@127.0.0.1",
        "10.evil.example",
    ),
    *(
        "192.168.evil.example",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f.1",
        "LOCALHOST",
    ),
    *(
        "localhost.",
        "127.0.0.1.",
        "127.0.0.1:",
        "127.0.0.1:99999999",
        "127.0.0.1:65536",
        "127.0.0.1:80:80",
        "::1",
    ),
    *("[127.0.0.1]", "[localhost]", "[::1", "::1]", "192.168.1.4", "169.254.169.254", "127.0.0.1,evil.com"),
    *(
        "127.0.0.1 evil.com",
        "user@localhost",
        "localhost/",
        "http://127.0.0.1",
        "127.0.0.１",
        "ｌocalhost",
        "local\thost",
    ),
    *("[fe80::1%lo]", "127.0.0.1\r\nhost: evil", "[::1]evil", "0177.0.0.1", "evil.com#127.0.0.1"),
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_this_machine_is_answered(application, host):
    assert ask(application, headers=[(b"host", host.encode())])[0] == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_strange_hosts_are_refused_on_every_route_and_method(application, host):
    for path, method in (("/", "GET"), ("/nothing", "GET"), ("/static/style.css", "HEAD"), ("/", "POST")):
        status, headers, body = ask(application, path, method=method, headers=[(b"host", host.encode())])
        assert status == 403, (path, method)
        assert b"<html" not in body
        assert headers.items() >= HEADERS.items()


def test_no_host_two_hosts_and_forwarded_hosts(application):
    assert ask(application, headers=[])[0] == 403
    assert ask(application, headers=HERE * 2)[0] == 403
    assert (
        ask(application, headers=[(b"host", b"evil.example"), (b"x-forwarded-host", b"localhost")])[0] == 403
    )


@pytest.mark.parametrize(
    ("bound", "host", "allowed"),
    [
        ("192.168.1.4", "192.168.1.4:8420", True),
        ("192.168.1.4", "192.168.1.5", False),
        ("atlas.lan", "atlas.lan:80", True),
        ("atlas.lan", "evil.lan", False),
        ("0.0.0.0", "10.1.2.3:8420", True),
        ("::", "[fd00::5]:8420", True),
        ("0.0.0.0", "evil.example", False),
        ("0.0.0.0", "0.0.0.0", False),
        ("127.0.0.1", "10.1.2.3", False),
    ],
)
def test_other_hosts_answer_to_their_own_name(bound, host, allowed):
    assert allows(host, bound) is allowed or host == bound


def test_websockets_are_closed(application):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(application({"type": "websocket", "path": "/", "headers": HERE}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


class TestOtherMachines:
    """With a doorkeeper, as on an address that others can reach."""

    HERE = ((b"host", b"192.168.1.4:8420"),)

    @pytest.fixture
    def tokens(self):
        return []

    @pytest.fixture
    def application(self, atlas_path, tokens):
        return app(atlas_path, host="192.168.1.4", doorkeeper=Doorkeeper(8420, tokens.append))

    def ask(self, application, path="/", cookie="", **options):
        return ask(
            application,
            path,
            headers=[*self.HERE, *([(b"cookie", cookie.encode())] if cookie else [])],
            **options,
        )

    def log_in(self, application, token, **options):
        return self.ask(application, "/login", query=f"token={token}".encode(), **options)

    def test_nothing_is_shown_without_a_cookie(self, application):
        for path in (
            "/",
            "/index.html",
            "/static/style.css",
            "/layer/1/0.html",
            "/nothing",
            "/manifest.json",
        ):
            status, headers, body = self.ask(application, path)
            assert (status, len(body) < 100) == (401, True), path
            assert headers.items() >= HEADERS.items()

    def test_the_address_works_once_and_the_cookie_ever_after(self, application, tokens):
        status, headers, body = self.log_in(application, tokens[0])
        assert status == 200
        assert tokens[0].encode() not in body
        cookie, _, rules = headers["set-cookie"].partition("; ")
        assert rules == "Path=/; HttpOnly; SameSite=Strict"
        assert cookie.startswith("pellucid-8420=")
        assert self.ask(application, cookie=f"a=b; {cookie}")[0] == 200
        assert self.log_in(application, tokens[0])[0] == 401
        assert len(tokens) == len(set(tokens)) == 2
        assert self.log_in(application, tokens[1])[0] == 200

    def test_tokens_are_long_and_new_each_time(self, application, tokens):
        assert len(tokens[0]) >= 43  # 256 bits
        Doorkeeper(8420, tokens.append)
        assert tokens[0] != tokens[1]

    def test_a_new_start_knows_no_old_cookie(self, application, tokens, atlas_path):
        cookie = self.log_in(application, tokens[0])[1]["set-cookie"].partition(";")[0]
        fresh = app(atlas_path, host="192.168.1.4", doorkeeper=Doorkeeper(8420, tokens.append))
        assert self.ask(fresh, cookie=cookie)[0] == 401

    @pytest.mark.parametrize(
        "cookie", ["pellucid-8420=", "pellucid-8420=x", "pellucid=x", "pellucid-8420", "=;;=\xff"]
    )
    def test_wrong_cookies(self, application, cookie):
        assert self.ask(application, cookie=cookie)[0] == 401

    def test_guessing_is_slowed_for_the_one_who_guesses(self, application, tokens):
        answers = [self.log_in(application, f"guess{each}", client="10.0.0.9")[0] for each in range(12)]
        assert answers == [401] * 10 + [429] * 2
        assert self.log_in(application, tokens[0], client="10.0.0.9")[0] == 429
        assert self.log_in(application, tokens[0], client="10.0.0.8")[0] == 200

    def test_a_head_request_does_not_use_the_token_up(self, application, tokens):
        assert self.log_in(application, tokens[0], method="HEAD")[0] == 401
        assert self.log_in(application, tokens[0])[0] == 200


def test_the_server_follows_an_atlas_that_is_being_written(make_atlas, tmp_path):
    path = make_atlas(tmp_path / "a.atlas", units=2, side=8)
    application = app(path)
    assert b"a new word" not in ask(application, "/layer/4/0.html")[2]
    assert b"a new word" not in ask(application, "/")[2]
    with AtlasWriter.open(path) as writer:
        writer.commit_job(
            "more", [Record("verdict", "features.3.squeeze", None, {"untrained": Number(0, "a new word")})]
        )
        writer.put_card({"name": "a new word"})
        assert b"a new word" in ask(application, "/")[2]
        assert b"a new word" in ask(application, "/layer/4/index.html")[2]
    assert b"a new word" in ask(application, "/layer/4/0.html")[2]


def test_a_damaged_record_is_no_page_and_no_crash(make_atlas, tmp_path):
    path = make_atlas(tmp_path / "a.atlas", units=2, side=8)
    data = path.read_bytes()
    place = data.index(b"mean response")
    path.write_bytes(data.replace(b"mean response", b"mean rEsponse"))
    assert place
    application = app(path)
    answers = {
        page: ask(application, f"/layer/{page}")[0] for page in ("1/0.html", "4/0.html", "4/index.html")
    }
    assert set(answers.values()) == {404}


def test_serve_refuses_what_is_no_atlas(tmp_path):
    (tmp_path / "x.atlas").write_bytes(b"thesis")
    with pytest.raises(NotAnAtlas):
        serve(tmp_path / "x.atlas", port=0)
    with pytest.raises(UnknownName):
        serve(tmp_path / "y.atlas", port=0)


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", None, "in use"),
        ("192.0.2.1", 0, "no address of this machine"),
        ("no such host", 0, "no address to listen on"),
        ("127.0.0.1", 70000, "from 0 to 65535"),
        ("127.0.0.1", -1, "from 0 to 65535"),
    ],
)
def test_serve_says_in_one_line_why_it_cannot_listen(atlas_path, host, port, words):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=words) as problem:
            serve(atlas_path, host=host, port=taken.getsockname()[1] if port is None else port)
    assert "\n" not in str(problem.value)


@contextlib.contextmanager
def served(atlas, *options):
    """A server in a process of its own: the process and the lines it prints."""
    code = f"import sys; from pellucid.views import serve; serve(sys.argv[1], port=0, {', '.join(options)})"
    process = subprocess.Popen([sys.executable, "-c", code, atlas], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_real_server_answers_and_stops_on_a_signal(atlas_path):
    with served(atlas_path) as process:
        line = process.stderr.readline()
        port = int(
            re.fullmatch(r"small\.atlas is open at http://127\.0\.0\.1:(\d+)/ \(Ctrl-C ends it\)\n", line)[1]
        )
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/layer/1/0.html")
        answer = connection.getresponse()
        body = answer.read()
        with Atlas.open(atlas_path) as atlas:
            assert (answer.status, body) == (200, Site(atlas).render("layer/1/0.html")[0])
        assert not {"server", "set-cookie"} & {name.lower() for name in answer.headers}
        connection.request("HEAD", "/layer/1/0.html")
        head = connection.getresponse()
        assert (head.status, head.read(), head.headers["content-length"]) == (200, b"", str(len(body)))
        connection.request("GET", "/", headers={"Host": "evil.example"})
        assert connection.getresponse().status == 403
        connection.close()
        process.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        process.wait(timeout=20)
        assert time.monotonic() - stopped < 10


def test_an_open_server_warns_and_prints_a_login_address(atlas_path):
    with served(atlas_path, "host='0.0.0.0'") as process:
        lines = [process.stderr.readline() for _ in range(3)]
        port, token = re.fullmatch(
            r"log in once at http://0\.0\.0\.0:(\d+)/login\?token=(\S+)\n", lines[1]
        ).groups()
        assert lines[0].startswith("warning: 0.0.0.0 can be reached from other machines")
        with (
            open(f"/proc/{process.pid}/cmdline", "rb")
            if os.path.isdir("/proc")
            else contextlib.nullcontext() as found
        ):
            assert found is None or token.encode() not in found.read()
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=20)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, token.encode() in answer.read()) == (401, False)
        connection.close()
