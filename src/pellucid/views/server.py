# SPDX-License-Identifier: Apache-2.0
"""An atlas served: the same bytes as its export, to this machine only unless another host is asked for."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pellucid.errors import InputError
from pellucid.views.addresses import HOME
from pellucid.views.doorkeeper import LOGIN, Doorkeeper
from pellucid.views.guard import Guard
from pellucid.views.host import is_loopback
from pellucid.views.live_site import LiveSite, is_quick

__all__ = ["DEFAULT_PORT", "app", "serve"]

DEFAULT_PORT = 8420
_LARGEST_HEAD = 16 << 10  # bytes of a request's headers
_KEEP_ALIVE_S = 30
_MOST_CONNECTIONS = 500
_BACKLOG = 128


def app(atlas: str | Path, *, host: str = "127.0.0.1", doorkeeper: Doorkeeper | None = None) -> Starlette:
    """The ASGI application that answers with the files of the atlas's site: `/layer/3/42.html` as exported.

    Parameters
    ----------
    host : the name that the server is bound to; requests must be addressed to it or to this machine
    doorkeeper : who else may come in; None only where nobody else can

    Raises
    ------
    UnknownName, NotAnAtlas : there is no atlas, or it is damaged
    """
    site = LiveSite(atlas)
    turn = asyncio.Semaphore(1)  # long pages one after the other: they would only slow each other down

    async def page(request: Request) -> Response:
        path = request.path_params["path"] or HOME
        if is_quick(path):
            found = site.render(path)  # a thread would cost as much as the page
        else:
            async with turn:
                found = await run_in_threadpool(site.render, path)
        if found is None:
            return PlainTextResponse("There is no such page in this atlas.\n", 404)
        # What a blob is called by its content never changes; all else may, while a survey goes on.
        kept = "private, max-age=31536000, immutable" if path.startswith("blob/") else "no-cache"
        return Response(found[0], media_type=found[1], headers={"cache-control": kept})

    guard = Middleware(Guard, bound=host, doorkeeper=doorkeeper)
    return Starlette(routes=[Route("/{path:path}", page)], middleware=[guard])


def serve(
    atlas: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    open_browser: bool = False,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the atlas until interrupted.

    On this machine's own addresses anyone on it may read. On any other address one needs the one-time login address
    that is printed, again after each use; there is no encryption.

    Parameters
    ----------
    port : 0 for any free one
    open_browser : show the first page in a browser
    announce : called with each line for the user; None prints them on standard error

    Raises
    ------
    InputError : the port is in use or not allowed, or the host is not an address of this machine
    UnknownName, NotAnAtlas : there is no atlas, or it is damaged

    Examples
    --------
    >>> serve("resnet18.atlas")  # doctest: +SKIP
    resnet18.atlas is open at http://127.0.0.1:8420/ (Ctrl-C ends it)
    """
    say = announce or _print
    with _listening(host, port) as door:
        bound = door.getsockname()[1]
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound}/"
        doorkeeper = None
        if not is_loopback(host):
            say(f"warning: {host} can be reached from other machines, and what is read is not encrypted")
            doorkeeper = Doorkeeper(
                bound, lambda token: say(f"log in once at {address}{LOGIN}?token={token}")
            )
        config = uvicorn.Config(
            app(atlas, host=host, doorkeeper=doorkeeper),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            h11_max_incomplete_event_size=_LARGEST_HEAD,
            timeout_keep_alive=_KEEP_ALIVE_S,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=2,
        )
        say(f"{Path(atlas).name} is open at {address} (Ctrl-C ends it)")
        if open_browser and doorkeeper is None:
            webbrowser.open(address)  # it waits in the door's queue until the server takes it
        uvicorn.Server(config).run(sockets=[door])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that what is wrong with host or port is known before anything else is done."""
    if not 0 <= port <= 65535:  # the system would take the lower half of a larger number
        raise InputError(f"{port} is no port; ports run from 0 to 65535, and 0 means any free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"{host!r} with port {port} is no address to listen on; 127.0.0.1 with 8420 is one"
        ) from error
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(_BACKLOG)
    except OSError as error:
        door.close()
        raise _unusable(host, port, error) from error
    return door


def _unusable(host: str, port: int, error: OSError) -> InputError:
    number = error.errno
    if number == errno.EADDRINUSE:
        return InputError(
            f"port {port} of {host} is in use; choose another with --port, or 0 for any free one"
        )
    if number == errno.EACCES:
        return InputError(
            f"port {port} may not be used without special rights; choose one from 1024 to 65535"
        )
    if number == errno.EADDRNOTAVAIL:
        return InputError(
            f"{host} is no address of this machine; 127.0.0.1 is, and 0.0.0.0 means all of them"
        )
    return InputError(f"port {port} of {host} cannot be listened on: {error}")


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
