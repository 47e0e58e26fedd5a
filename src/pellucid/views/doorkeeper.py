# SPDX-License-Identifier: Apache-2.0
"""Who may read an atlas that is served to other machines: whoever opened the one-time address once."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable

__all__ = ["LOGIN", "Doorkeeper"]

LOGIN = "login"
_TOKEN_BYTES = 32
_MOST_WRONG, _WINDOW_S = 10, 60.0  # wrong tokens from one address in a minute, before it has to wait
_MOST_ADDRESSES = 4096


class Doorkeeper:
    """Gives a cookie for a one-time token, and knows it again. A new one, as on every start, knows no old cookie.

    `announce` is called with every new one-time token: at first, and whenever one was used.
    """

    def __init__(self, port: int, announce: Callable[[str], None]) -> None:
        self.cookie = f"pellucid-{port}"  # cookies are shared between the ports of a host
        self._pass = secrets.token_urlsafe(_TOKEN_BYTES)
        self._announce = announce
        self._wrong: dict[str, deque[float]] = {}
        self._invite()

    def _invite(self) -> None:
        self._token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._announce(self._token)

    @property
    def set_cookie(self) -> str:
        """The header that hands the pass to a browser."""
        return f"{self.cookie}={self._pass}; Path=/; HttpOnly; SameSite=Strict"

    def knows(self, cookies: str) -> bool:
        """Whether a Cookie header carries the pass."""
        pairs = (part.strip().partition("=") for part in cookies.split(";"))
        return any(name == self.cookie and _same(value, self._pass) for name, _, value in pairs)

    def is_tired_of(self, address: str) -> bool:
        """Whether this address has tried too many wrong tokens within a minute."""
        return len(self._recent(address)) >= _MOST_WRONG

    def admits(self, token: str, address: str) -> bool:
        """Whether this is the one-time token; it then never is again."""
        if _same(token, self._token):
            self._invite()
            return True
        if len(self._wrong) >= _MOST_ADDRESSES:
            self._wrong.clear()
        self._wrong.setdefault(address, deque(maxlen=_MOST_WRONG)).append(time.monotonic())
        return False

    def _recent(self, address: str) -> deque[float]:
        times = self._wrong.get(address, deque())
        while times and times[0] < time.monotonic() - _WINDOW_S:
            times.popleft()
        return times


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
