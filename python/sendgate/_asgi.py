"""What Starlette and FastAPI share: who asks, whether it may, and the fields that tell of it."""

from __future__ import annotations

import inspect
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from . import Allow, Limiters, RateLimited, Reject, Usage
from .limits import Policy, decide, never, rate_limited, system_now_ms, windows_of


class Connection(Protocol):
    """What keys are made of: Starlette's Request and WebSocket."""

    @property
    def headers(self) -> Any: ...  # noqa: ANN401 - Starlette's

    @property
    def client(self) -> Any: ...  # noqa: ANN401 - Starlette's


Key = Callable[[Any], "str | bytes | Awaitable[str | bytes]"]


def client_ip(connection: Connection) -> str:
    """The address that asks, as the server knows it; of IPv6 the /64 network, which is one customer's (RFC 6177).

    Behind a proxy the server has to be told to believe it, as by uvicorn's ``--proxy-headers``.
    """
    host = connection.client.host if connection.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def header(name: str) -> Key:
    """A key that is the value of a header field. Whoever does not send it shares one limit with all others such."""
    return lambda connection: str(connection.headers.get(name, ""))


class Standing(NamedTuple):
    """What became of one request."""

    #: When it will do; None when it does now.
    retry_at: int | None
    #: The window that is full.
    window: str | None
    headers: dict[str, str]


class Limit:
    """A policy for many keys in this process. Tasks and threads may share it.

    No window ever holds more than its limit. A new key is refused while the table is full of keys that count.
    """

    def __init__(
        self, policy: Policy, key: Key | str, cost: int, now_ms: Callable[[], int] | None, most_keys: int
    ) -> None:
        self._windows = windows_of(policy)
        self._limiters = Limiters(policy, most_keys=most_keys)
        self._key: Key = (lambda _: key) if isinstance(key, str) else key
        self._cost = cost
        self._now_ms = now_ms or system_now_ms
        decision = self._limiters.peek(b"", cost, self._now_ms())
        if isinstance(decision, Reject):
            raise never(self._windows[decision.window]["name"])

    async def ask(self, connection: Any) -> Standing:  # noqa: ANN401 - Starlette's
        """Counts a request, when it may be made."""
        found = self._key(connection)
        key = await found if inspect.isawaitable(found) else found
        now = self._now_ms()
        decision = decide(self._limiters, key, self._cost, now)
        headers = fields(self._windows, self._limiters.usage(key, now), now)
        if isinstance(decision, Allow):
            return Standing(None, None, headers)
        if isinstance(decision, Reject):
            # The table is full. Nobody knows when a key ends to count; soon one may.
            return Standing(now + 1_000, None, {**headers, "retry-after": "1"})
        headers["retry-after"] = str(_seconds(decision.retry_at, now))
        return Standing(decision.retry_at, self._windows[decision.window]["name"], headers)

    def error(self, standing: Standing) -> RateLimited:
        """The error of a request that may not be made."""
        return rate_limited(standing.retry_at or 0, standing.window, self._now_ms())


def problem(window: str | None, retry_after: str) -> bytes:
    """The body of a refusal, as the Worker's own are (RFC 9457)."""
    told = {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "code": "rate_limit_exceeded",
        "detail": f"{f'the window {window}' if window else 'the table of keys'} is full; try again in {retry_after} s",
        "window": window,
    }
    return json.dumps(told).encode()


def fields(windows: list[dict[str, Any]], usages: list[Usage], now: int) -> dict[str, str]:
    """The header fields that tell where limits stand, named and counted as in the Worker's answers.

    ``X-RateLimit-*`` (Unix seconds) speak of the window with the least remaining; ``RateLimit-Policy`` and
    ``RateLimit`` (IETF draft ``ratelimit-headers``) list every window, with seconds from now.
    """
    binding = min(usages, key=lambda usage: (usage.remaining, -usage.next_at))
    both = list(zip(windows, usages, strict=True))
    return {
        "x-ratelimit-limit": str(binding.limit),
        "x-ratelimit-remaining": str(binding.remaining),
        "x-ratelimit-reset": str(-(-max(binding.next_at, now) // 1_000)),
        "ratelimit-policy": ", ".join(_policy(window, usage) for window, usage in both),
        "ratelimit": ", ".join(
            f'"{window["name"]}";r={usage.remaining};t={-(-max(usage.next_at - now, 0) // 1_000)}'
            for window, usage in both
        ),
    }


def _policy(window: dict[str, Any], usage: Usage) -> str:
    quota = f'"{window["name"]}";q={usage.limit}'
    length = window.get("period_ms") or window.get("interval_ms")
    # A calendar's period has no one length; what is shorter than a second cannot be said.
    return quota if not isinstance(length, int) else f"{quota};w={max(-(-length // 1_000), 1)}"


def _seconds(retry_at: int, now: int) -> int:
    return max(-(-(retry_at - now) // 1_000), 1)


#: Keys of one limit, unless told otherwise: about 200 MB with five windows.
MOST_KEYS = 1_000_000
