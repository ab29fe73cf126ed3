"""A clock that runs as fast as everybody waits, and a server with one true window."""

import json
import threading
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from sendgate import Client
from sendgate.client import Request, Response

Json = dict[str, Any]
START = 1_796_119_200_000
REFUSAL = {"status": 429, "code": "rate_limit_exceeded", "detail": "full", "request_id": "req_1", "window": "minute"}


class World:
    """A clock whose sleepers move it."""

    def __init__(self) -> None:
        self.time = START
        self.slept: list[int] = []
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        return self.time

    def sleep_ms(self, wait_ms: int) -> None:
        assert isinstance(wait_ms, int) and wait_ms >= 0
        with self._lock:
            self.slept.append(wait_ms)
            self.time += wait_ms


class Server:
    """So many requests in every period, told as Sendgate tells it."""

    def __init__(
        self,
        world: World,
        limit: int,
        period_ms: int,
        answers: Callable[[Request], Response],
        *,
        skew_ms: int = 0,
        ratelimit: bool = True,
    ) -> None:
        self.world, self.limit, self.period_ms, self.answers = world, limit, period_ms, answers
        self.skew_ms, self.ratelimit = skew_ms, ratelimit
        self.admitted: list[int] = []
        self.requests: list[Request] = []
        self.refused = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            now = self.world.time
            self.admitted = [at for at in self.admitted if at > now - self.period_ms]
            fits = len(self.admitted) < self.limit
            if fits:
                self.admitted.append(now)
            else:
                self.refused += 1
            remaining = self.limit - len(self.admitted)
            wait_ms = self.admitted[0] + self.period_ms - now
            told = now + self.skew_ms
        headers = {
            "date": formatdate(told // 1_000, usegmt=True),
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-reset": str(-(-(told + wait_ms) // 1_000)),
        }
        if self.ratelimit:
            headers["ratelimit"] = f'"w";r={remaining};t={-(-wait_ms // 1_000)}'
        if not fits:
            return answer(429, REFUSAL, {**headers, "retry-after": str(max(1, -(-wait_ms // 1_000)))})
        status, more, body = self.answers(request)
        return Response(status, {**headers, **more}, body)


def answer(status: int, body: object = None, headers: Json | None = None) -> Response:
    return Response(status, headers or {}, b"" if body is None else json.dumps(body).encode())


def always(status: int, body: object = None, headers: Json | None = None) -> Callable[[Request], Response]:
    return lambda _: answer(status, body, headers)


def one_after_another(answers: Iterable[Response | Exception]) -> Callable[[Request], Response]:
    rest = iter(answers)

    def transport(_: Request) -> Response:
        found = next(rest)
        if isinstance(found, Exception):
            raise found
        return found

    return transport


def limits(_: Request) -> Response:
    return answer(200, {"limits": []})


def messages_of(request: Request) -> list[Json]:
    return list(json.loads(request.body or b"")["messages"])


def accept(request: Request) -> Response:
    """What Sendgate answers to good messages."""
    found = messages_of(request)
    outcomes = [{"message_id": f"msg_{m['subject']}", "to": [m["to"]], "status": "queued"} for m in found]
    return answer(202, {"request_id": "req_1", "messages": outcomes})


def letter(subject: object) -> Json:
    return {"from": "a@shop.example", "to": "b@example.com", "subject": str(subject)}


def client(world: World, transport: Callable[[Request], Response], **options: Any) -> Client:  # noqa: ANN401
    settings: Json = {"clock": world, "random64": lambda: 0, **options}
    return Client("http://api.example/", "sg_k", transport=transport, **settings)
