"""Limits for any ASGI application, and a Mailroom that lives as long as it does.

::

    from sendgate.starlette import RateLimitMiddleware, header, mailroom_lifespan, mailroom_of

    async def order(request):
        await mailroom_of(request).submit_async(message)
        return PlainTextResponse("thanks")

    app = Starlette(
        routes=[Route("/order", order, methods=["POST"])],
        lifespan=mailroom_lifespan(lambda: Mailroom("mail.db", provider)),
        middleware=[Middleware(RateLimitMiddleware, limits=policy, key=header("X-API-Key"))],
    )

A refusal is a 429 with ``Retry-After`` and the ``RateLimit`` fields of Sendgate's own API. A limit is this process's:
with several workers each has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

try:
    from starlette.datastructures import MutableHeaders
    from starlette.requests import HTTPConnection
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
except ImportError as _missing:  # pragma: no cover - with Starlette it is there
    raise ImportError("sendgate.starlette needs Starlette: pip install 'sendgate[starlette]'") from _missing

from . import Mailroom
from ._asgi import MOST_KEYS, Key, Limit, client_ip, header, problem
from .limits import Policy

__all__ = ["RateLimitMiddleware", "client_ip", "header", "mailroom_lifespan", "mailroom_of"]


class RateLimitMiddleware:
    """Keeps every request, and every WebSocket that opens, inside a limit.

    ``limits`` is a policy. ``key`` says whose limit it is: ``client_ip``, ``header("X-API-Key")``, a str for
    everybody, or a function of the connection, async or not. ``cost`` is what a request takes. ``exempt`` is a
    function of the connection: where it says True nothing is counted. ``most_keys`` bounds the memory.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Policy,
        *,
        key: Key | str = client_ip,
        cost: int = 1,
        exempt: Callable[[HTTPConnection], bool] | None = None,
        now_ms: Callable[[], int] | None = None,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._app = app
        self._limit = Limit(limits, key, cost, now_ms, most_keys)
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers itself, or passes on and adds its fields to the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if self._exempt is not None and self._exempt(connection):
            await self._app(scope, receive, send)
            return
        standing = await self._limit.ask(connection)
        if standing.retry_at is None:

            async def telling(message: Message) -> None:
                if message["type"] in ("http.response.start", "websocket.accept"):
                    headers = MutableHeaders(scope=message)
                    for name, value in standing.headers.items():
                        # An inner limit knows better: it is the nearer one.
                        headers.setdefault(name, value)
                await send(message)

            await self._app(scope, receive, telling)
            return
        if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            await receive()
            # RFC 6455's registry: 1013, try again later.
            await send({"type": "websocket.close", "code": 1013, "reason": "rate_limit_exceeded"})
            return
        await _refusal(standing.window, standing.headers)(scope, receive, send)


def _refusal(window: str | None, headers: dict[str, str]) -> Response:
    body = problem(window, headers["retry-after"])
    return Response(body, 429, headers, media_type="application/problem+json")


def mailroom_lifespan(
    opened: Callable[[], Mailroom], *, deliver: bool = True, drain_s: float = 5.0
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """A lifespan that opens a Mailroom, delivers in the background, and ends with the application.

    At the end what still waits has ``drain_s`` seconds to leave; the rest stays on the file for the next start. With
    ``deliver=False`` another process delivers.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: ANN401 - Starlette or FastAPI
        mailroom = await asyncio.to_thread(opened)
        app.state.mailroom = mailroom
        try:
            if deliver:
                await asyncio.to_thread(mailroom.run)
            yield {"mailroom": mailroom}
            if deliver and drain_s > 0:
                await mailroom.drain_async(drain_s)
        finally:
            await mailroom.stop_async()

    return lifespan


def mailroom_of(connection: HTTPConnection) -> Mailroom:
    """The Mailroom that ``mailroom_lifespan`` opened."""
    found = getattr(connection.app.state, "mailroom", None)
    if not isinstance(found, Mailroom):
        raise RuntimeError("no Mailroom is open: give the application lifespan=mailroom_lifespan(...)")
    return found
