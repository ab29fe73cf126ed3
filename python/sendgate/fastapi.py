"""Limits and a Mailroom as dependencies of FastAPI.

::

    from sendgate.fastapi import MailroomDep, RateLimit, header, mailroom_lifespan

    app = FastAPI(lifespan=mailroom_lifespan(lambda: Mailroom("mail.db", provider)))
    per_user = RateLimit(policy, key=header("X-API-Key"))

    @app.post("/order", dependencies=[Depends(per_user)])
    async def order(mailroom: MailroomDep):
        await mailroom.submit_async(message)

For a limit over the whole application use ``sendgate.starlette.RateLimitMiddleware``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated

try:
    from fastapi import Depends, HTTPException, Request, Response
except ImportError as _missing:  # pragma: no cover - with FastAPI it is there
    raise ImportError("sendgate.fastapi needs FastAPI: pip install 'sendgate[fastapi]'") from _missing

from starlette.requests import HTTPConnection

from . import Mailroom
from ._asgi import MOST_KEYS, Key, Limit, client_ip, header, problem
from .limits import Policy
from .starlette import RateLimitMiddleware, mailroom_lifespan, mailroom_of

__all__ = [
    "MailroomDep",
    "RateLimit",
    "RateLimitMiddleware",
    "client_ip",
    "header",
    "mailroom_lifespan",
    "mailroom_of",
]


class RateLimit:
    """A dependency that keeps its endpoints, sync or async, inside a limit: ``Depends(RateLimit(policy))``.

    The endpoints that share one object share the limit. ``limits`` is a policy; ``key`` is ``client_ip``,
    ``header("X-API-Key")``, a str for everybody, or a function of the request, async or not; ``cost`` is what a request
    takes; ``most_keys`` bounds the memory.

    Beyond it the answer is a 429 with ``Retry-After``; every answer has the ``RateLimit`` fields.
    """

    def __init__(
        self,
        limits: Policy,
        *,
        key: Key | str = client_ip,
        cost: int = 1,
        now_ms: Callable[[], int] | None = None,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._limit = Limit(limits, key, cost, now_ms, most_keys)

    async def __call__(self, request: Request, response: Response) -> None:
        """Counts the request, or raises HTTPException."""
        standing = await self._limit.ask(request)
        if standing.retry_at is not None:
            told = json.loads(problem(standing.window, standing.headers["retry-after"]))
            raise HTTPException(429, told, standing.headers) from self._limit.error(standing)
        response.headers.update(standing.headers)


def _mailroom(connection: HTTPConnection) -> Mailroom:
    return mailroom_of(connection)


#: A parameter of this type is the Mailroom that ``mailroom_lifespan`` opened.
MailroomDep = Annotated[Mailroom, Depends(_mailroom)]
