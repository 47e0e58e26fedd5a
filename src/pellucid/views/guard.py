# SPDX-License-Identifier: Apache-2.0
"""What every request passes before a page is looked for, and every answer carries: the walls of a small server."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pellucid.views.doorkeeper import LOGIN, Doorkeeper
from pellucid.views.host import allows

__all__ = ["HEADERS", "Guard"]

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
# The page that the one-time address shows goes on to the atlas by itself: that is a visit within the site, with
# which browsers send a strict cookie, also when the address was followed from a mail.
_WELCOME = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pellucid</title>'
    '<meta http-equiv="refresh" content="0;url=/"><p><a href="/">Open the atlas</a></p></html>'
)


class Guard:
    """Lets a request through to `inner` when its host, its method and (with a doorkeeper) its cookie are right."""

    def __init__(self, inner: ASGIApp, bound: str, doorkeeper: Doorkeeper | None) -> None:
        self._inner = inner
        self._bound = bound
        self._doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return

        async def send_walled(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await (self._refusal(scope) or self._inner)(scope, receive, send_walled)

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or not allows(hosts[0], self._bound):
            return PlainTextResponse("This server answers to its own address only.\n", 403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("An atlas can only be read.\n", 405, {"allow": "GET, HEAD"})
        return None if self._doorkeeper is None else self._stopped(scope, self._doorkeeper)

    def _stopped(self, scope: Scope, doorkeeper: Doorkeeper) -> Response | None:
        """What someone without the right cookie gets to see."""
        if scope["path"] != f"/{LOGIN}":
            if doorkeeper.knows(Headers(scope=scope).get("cookie", "")):
                return None
            return PlainTextResponse("Open the address that the server printed when it started.\n", 401)
        address = (scope.get("client") or ("unknown", 0))[0]
        if doorkeeper.is_tired_of(address):
            return PlainTextResponse("Too many wrong tokens; wait a minute.\n", 429)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or not doorkeeper.admits(given, address):
            return PlainTextResponse(
                "This address was used before or is wrong; the server has printed a new one.\n", 401
            )
        return HTMLResponse(
            _WELCOME, headers={"set-cookie": doorkeeper.set_cookie, "cache-control": "no-store"}
        )
