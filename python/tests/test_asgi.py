"""Starlette and FastAPI, for real: who is let in, what is told, and a Mailroom that lives with the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sendgate
from fastapi import Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from fits import Outbox, mailroom
from sendgate import Message, Usage
from sendgate._asgi import fields
from sendgate.fastapi import MailroomDep, RateLimit, RateLimitMiddleware, client_ip, header, mailroom_lifespan
from sendgate.starlette import mailroom_of
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient as StarletteClient
from starlette.testclient import WebSocketDenialResponse
from world import START, World

TWO = {"windows": [{"kind": "sliding", "name": "minute", "limit": 2, "period_ms": 60_000}]}


def test_the_fields_are_those_of_the_workers_answers() -> None:
    """The figures of core/src/rate_headers.rs, which quotes them from R093, R237 and R239."""
    windows: list[dict[str, Any]] = [
        {"kind": "sliding", "name": "second", "limit": 200, "period_ms": 1_000},
        {"kind": "sliding", "name": "minute", "limit": 100, "period_ms": 60_000},
    ]
    usages = [
        Usage(200, 50, 150, 1_639_999_941_000, 1_639_999_941_000),
        Usage(100, 100, 0, 1_640_000_000_000, 1_640_000_000_000),
    ]
    assert fields(windows, usages, 1_639_999_940_000) == {
        "x-ratelimit-limit": "100",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1640000000",
        "ratelimit-policy": '"second";q=200;w=1, "minute";q=100;w=60',
        "ratelimit": '"second";r=150;t=1, "minute";r=0;t=60',
    }
    short: list[dict[str, Any]] = [
        {"kind": "pace", "name": "pace", "interval_ms": 100, "burst": 1},
        {"kind": "calendar", "name": "day"},
    ]
    told = fields(short, [Usage(1, 0, 1, 0, 0), Usage(9, 0, 9, 0, 0)], 5)
    assert told["ratelimit-policy"] == '"pace";q=1;w=1, "day";q=9'


def app_of(world: World, **more: Any) -> FastAPI:  # noqa: ANN401 - as RateLimit has them
    app = FastAPI()
    limit = RateLimit(TWO, now_ms=world.now_ms, **more)

    @app.get("/sync", dependencies=[Depends(limit)])
    def sync() -> str:
        return "sync"

    @app.get("/async")
    async def asynchronous(_: None = Depends(limit)) -> str:
        return "async"

    @app.get("/free")
    def free() -> str:
        return "free"

    return app


def test_sync_and_async_endpoints_share_a_dependency() -> None:
    world = World()
    with TestClient(app_of(world)) as client:
        first = client.get("/sync")
        assert (first.status_code, first.headers["ratelimit"]) == (200, '"minute";r=1;t=60')
        assert first.headers["ratelimit-policy"] == '"minute";q=2;w=60'
        assert client.get("/async").headers["x-ratelimit-remaining"] == "0"
        world.time += 15_500
        refused = client.get("/sync")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "45")
        assert refused.headers["x-ratelimit-reset"] == str((START + 60_000) // 1_000)
        assert refused.json()["detail"]["code"] == "rate_limit_exceeded"
        assert (client.get("/free").status_code, "ratelimit" in client.get("/free").headers) == (200, False)
        world.time = START + 59_999
        assert client.get("/async").status_code == 429
        world.time = START + 60_000
        assert client.get("/async").status_code == 200


def test_keys_are_an_address_a_field_or_whatever_a_function_says() -> None:
    world = World()
    with TestClient(app_of(world, key=header("X-API-Key"))) as client:
        codes = [client.get("/sync", headers={"x-api-key": key}).status_code for key in ("a", "a", "a", "b")]
        assert codes == [200, 200, 429, 200]
        # Whoever has no key shares one.
        assert [client.get("/sync").status_code for _ in range(3)] == [200, 200, 429]

    async def slow(request: Request) -> str:
        await asyncio.sleep(0)
        return request.query_params["user"]

    with TestClient(app_of(world, key=slow)) as client:
        codes = [client.get("/async", params={"user": user}).status_code for user in "aaab"]
        assert codes == [200, 200, 429, 200]
    with TestClient(app_of(world, key="all")) as client:
        assert [client.get("/sync").status_code for _ in range(3)] == [200, 200, 429]
    with pytest.raises(sendgate.SendgateError):
        app_of(world, cost=3)


@pytest.mark.parametrize(
    ("host", "key"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("testclient", "testclient"), (None, "")],
)
def test_an_address_of_ipv6_stands_for_its_network(host: str | None, key: str) -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [], "client": None if host is None else (host, 1)}
    assert client_ip(HTTPConnection(scope)) == key


def starlette_of(world: World, **more: Any) -> Starlette:  # noqa: ANN401 - as the middleware has them
    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    limiting = Middleware(RateLimitMiddleware, limits=TWO, now_ms=world.now_ms, **more)
    return Starlette(routes=[Route("/", page), WebSocketRoute("/ws", socket)], middleware=[limiting])


def test_a_middleware_limits_a_whole_application() -> None:
    world = World()
    with StarletteClient(starlette_of(world, exempt=lambda asked: "x-health" in asked.headers)) as client:
        assert client.get("/", headers={"x-health": "1"}).headers.get("ratelimit") is None
        assert client.get("/").headers["ratelimit"] == '"minute";r=1;t=60'
        assert client.get("/nowhere").status_code == 404
        refused = client.get("/")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
        assert refused.headers["content-type"] == "application/problem+json"
        assert (refused.json()["window"], refused.json()["status"]) == ("minute", 429)


def test_websockets_are_limited_when_they_open() -> None:
    world = World()
    with StarletteClient(starlette_of(world)) as client:
        for _ in range(2):
            with client.websocket_connect("/ws") as opened:
                assert opened.receive_text() == "hello"
        with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws"):
            pass
        assert (refused.value.status_code, refused.value.headers["retry-after"]) == (429, "60")
    assert asyncio.run(closing(starlette_of(world, key="all"))) == [1000, 1000, 1013]


async def closing(app: Starlette) -> list[int]:
    """The codes of a server that cannot answer a handshake by HTTP."""
    codes = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
        if message["type"] == "websocket.close":
            codes.append(message["code"])

    scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "subprotocols": []}
    for _ in range(3):
        await app(dict(scope), receive, send)
    return codes


def test_a_thousand_requests_at_once_get_exactly_the_limit() -> None:
    world = World()
    app = FastAPI()
    hour = {"windows": [{"kind": "sliding", "name": "hour", "limit": 137, "period_ms": 3_600_000}]}
    limit = RateLimit(hour, key="all", now_ms=world.now_ms)

    @app.get("/sync", dependencies=[Depends(limit)])
    def sync() -> None:
        """In a thread of its own."""

    @app.get("/async", dependencies=[Depends(limit)])
    async def asynchronous() -> None:
        await asyncio.sleep(0)

    async def storm() -> list[int]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://app.example") as client:
            answers = await asyncio.gather(*(client.get("/sync" if n % 2 else "/async") for n in range(1_000)))
        return [answer.status_code for answer in answers]

    codes = asyncio.run(storm())
    assert (codes.count(200), codes.count(429)) == (137, 863)


def test_a_mailroom_lives_with_the_application(tmp_path: Path) -> None:
    outbox = Outbox()
    app = FastAPI(lifespan=mailroom_lifespan(lambda: mailroom(tmp_path, outbox), drain_s=30))

    @app.post("/order")
    async def order(room: MailroomDep) -> str:
        message = Message(from_="shop@shop.example", to="ann@example.com", subject="Thanks", text_body="Hello")
        (receipt,) = await room.submit_async(message)
        return receipt.status

    with TestClient(app) as client:
        assert client.post("/order").json() == "queued"
    # The end of the application has waited for it.
    assert [call["Subject"] for call in outbox.calls] == ["Thanks"]


def test_where_no_mailroom_is_open_it_is_said(tmp_path: Path) -> None:
    @asynccontextmanager
    async def nothing(_: Starlette) -> AsyncIterator[None]:
        yield

    async def page(request: Request) -> PlainTextResponse:
        mailroom_of(request)
        return PlainTextResponse("never")

    app = Starlette(routes=[Route("/", page)], lifespan=nothing)
    with StarletteClient(app) as client, pytest.raises(RuntimeError, match="mailroom_lifespan"):
        client.get("/")
    outbox = Outbox()
    idle = Starlette(lifespan=mailroom_lifespan(lambda: mailroom(tmp_path, outbox), deliver=False))
    with StarletteClient(idle):
        message = Message(from_="shop@shop.example", to="ann@example.com", subject="Later", text_body="Hello")
        idle.state.mailroom.submit(message)
    assert outbox.calls == []


def test_the_table_of_keys_is_bounded() -> None:
    world = World()
    with TestClient(app_of(world, key=header("x-k"), most_keys=1)) as client:
        assert [client.get("/sync", headers={"x-k": key}).status_code for key in "ab"] == [200, 429]
        world.time += 60_000
        assert client.get("/sync", headers={"x-k": "b"}).status_code == 200
