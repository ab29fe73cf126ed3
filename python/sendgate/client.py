"""A client for Sendgate's Send API that keeps inside its limits.

>>> client = Client("https://mail.shop.example", "sg_shop_k1_...")  # doctest: +SKIP
>>> client.send({"from": "orders@shop.example", "to": "ann@example.com", "text_body": "Hello."})  # doctest: +SKIP

All threads of one client share a gate: with nothing remaining they wait until the server says there is more, by the
server's own time. ``Retry-After`` comes first, then waits that grow with full jitter, for a bounded number of attempts.
Every attempt of a send carries the same idempotency key, so a retried time-out cannot send twice.
"""

import asyncio
import http.client
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from . import Backoff, RetryAt
from ._errors import ApiError, ApiQuotaExceeded, ApiRateLimited, RateLimitError, UnreachableError, error_of
from ._gate import Clock, Gate, Ticket
from ._queue import SendQueue, Settings, outcome_of
from ._standing import read_retry_after, retry_after_ms, standing_of

__all__ = [
    "ApiError",
    "ApiQuotaExceeded",
    "ApiRateLimited",
    "AsyncClient",
    "Client",
    "Clock",
    "RateLimitError",
    "Request",
    "Response",
    "Settings",
    "UnreachableError",
]

Json = dict[str, Any]


class Request(NamedTuple):
    """What a transport carries."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout_s: float


class Response(NamedTuple):
    """What a transport brings back; the names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Transport = Callable[[Request], Response]


def urllib_transport(request: Request) -> Response:
    """The standard library's own. Raises OSError or HTTPException when there is no answer."""
    asked = urllib.request.Request(request.url, request.body, dict(request.headers), method=request.method)
    try:
        with _OPENER.open(asked, timeout=request.timeout_s) as answer:
            return _response(answer.status, answer.headers.items(), answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return _response(answer.code, answer.headers.items(), answer.read())


def _response(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Response:
    return Response(status, {name.lower(): value for name, value in headers}, body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The API redirects nobody, and a key must not follow to another host."""

    def redirect_request(self, *_: object) -> None:
        """None: the answer is taken as it is."""


class SystemClock:
    """The machine's monotonic clock, put to its time of day once."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int((time.monotonic() + self._offset_s) * 1_000)

    def sleep_ms(self, wait_ms: int) -> None:
        """Waits."""
        time.sleep(max(wait_ms, 0) / 1_000)


class Client:
    """Threads may share a client, and should: it is the client that keeps the limits.

    Close it to send what is gathered.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        transport: Transport = urllib_transport,
        clock: Clock | None = None,
        random64: Callable[[], int] = lambda: secrets.randbits(64),
        backoff: Backoff | None = None,
        timeout_s: float = 30.0,
        max_wait_ms: int = 300_000,
        concurrency: int = 8,
        gathering: Settings | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._transport = transport
        self._clock: Clock = clock or SystemClock()
        self._random64 = random64
        self._backoff = backoff or Backoff()
        self._timeout_s = timeout_s
        self._max_wait_ms = max_wait_ms
        self._gate = Gate(self._clock, concurrency)
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="sendgate")
        self._queue = SendQueue(self._send, self._clock.sleep_ms, self._pool, gathering or Settings())
        self._cache: OrderedDict[str, tuple[str, Response]] = OrderedDict()
        self._cache_lock = Lock()
        self.suppressions: SuppressionList = SuppressionList(self._ask)

    def send(self, message: Json, *, idempotency_key: str | None = None) -> Json:
        """Sends one message, together with those that other threads send in the same moment.

        With an idempotency key of its own it goes alone. Raises ApiError when it is refused.
        """
        if idempotency_key is None:
            return self.submit(message).result()
        return outcome_of(self.send_batch([message], idempotency_key=idempotency_key), 0)

    def submit(self, message: Json) -> "Future[Json]":
        """Takes one message, and gives its outcome to come."""
        return self._queue.add(message)

    def send_all(self, messages: Iterable[Json]) -> list[Json | ApiError]:
        """Sends many messages, and gives the outcome of each in their order.

        A refusal stands in its message's place.
        """
        waiting = [self._queue.add(message) for message in messages]
        self._queue.flush()
        return [_outcome(future) for future in waiting]

    def flush(self) -> None:
        """Sends what ``send`` and ``submit`` have gathered without waiting any longer."""
        self._queue.flush()

    def send_batch(self, messages: list[Json], *, idempotency_key: str | None = None) -> Json:
        """Sends messages as one request, and gives the answer as it is."""
        return self._send(_json({"messages": messages}), idempotency_key=idempotency_key)

    def send_bulk(self, request: Json, *, idempotency_key: str | None = None) -> Json:
        """Sends one message to many, each with substitutions of its own."""
        return self._send(_json(request), "/v1/send/bulk", idempotency_key=idempotency_key)

    def message(self, message_id: str) -> Json:
        """Where a message is, and its trace."""
        return self._json("GET", f"/v1/messages/{_segment(message_id)}")

    def messages(self, **filters: str | int | None) -> Json:
        """A page of messages."""
        return self._json("GET", "/v1/messages", filters)

    def cancel(self, message_id: str) -> Json:
        """Takes back a message that has not left."""
        return self._json("POST", f"/v1/messages/{_segment(message_id)}/cancel")

    def reschedule(self, message_id: str, send_at: str | None) -> Json:
        """Moves the time of a message that waits; None is as soon as may be."""
        return self._json("PATCH", f"/v1/messages/{_segment(message_id)}", body=_json({"send_at": send_at}))

    def limits(self) -> Json:
        """Every limit that applies to the key. Learns how many messages a request may hold."""
        answer = self._json("GET", "/v1/limits")
        for limit in answer["limits"]:
            if limit["name"] == "messages_per_request":
                self._queue.bound(limit["limit"])
        return answer

    def check_limits(self, request: Json) -> Json:
        """Asks what would become of a send, and sends nothing."""
        return self._json("POST", "/v1/limits/check", body=_json(request))

    def usage(self) -> Json:
        """What is in use of every quota in its current period."""
        return self._json("GET", "/v1/usage")

    def alerts(self, **filters: str | int | None) -> Json:
        """What the owner should know of: ``after``, ``limit``."""
        return self._json("GET", "/v1/alerts", filters)

    def forget(self, email: str) -> Json:
        """Forgets a person, and goes on sparing it."""
        return self._json("DELETE", f"/v1/subjects/{_segment(email)}")

    def close(self) -> None:
        """Sends what has been gathered, and waits for its outcome."""
        self._queue.flush()
        self._pool.shutdown(wait=True)

    def __reduce__(self) -> NoReturn:
        """A key leaves the process only where somebody means it to."""
        raise TypeError("a Client holds a key and is not pickled: make it where it is needed")

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, body: bytes, path: str = "/v1/send", *, idempotency_key: str | None = None) -> Json:
        key = idempotency_key
        if key is None:
            key = f"auto-{self._random64():016x}{self._random64():016x}"
        return self._json("POST", path, body=body, headers={"idempotency-key": key})

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int | None] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        return _read(self._ask(method, path, query, body, headers))

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int | None] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Asks until there is an answer, the attempts are used up, or the next would come too late."""
        url = self._base_url + path + _query(query)
        latest = self._clock.now_ms() + self._max_wait_ms
        fields = {"authorization": f"Bearer {self._key}", "accept": "application/json"}
        if body is not None:
            fields["content-type"] = "application/json"
        fields.update(headers or {})
        cached = self._cached(url) if method == "GET" else None
        if cached is not None:
            fields["if-none-match"] = cached[0]
        attempts = 0
        while True:
            attempts += 1
            ticket = self._gate.enter(latest)
            answer = self._attempt(ticket, Request(method, url, fields, body, self._timeout_s))
            if isinstance(answer, Response):
                if answer.status == 304 and cached is not None:
                    return cached[1]
                self._keep(method, url, answer)
                return answer
            answer.attempts = attempts
            if not answer.is_retryable:
                raise answer
            now = self._clock.now_ms()
            retry = self._backoff.next(attempts, self._random64(), now, hint_ms=answer.retry_at)
            if not isinstance(retry, RetryAt) or retry.retry_at > latest:
                raise answer
            self._clock.sleep_ms(retry.retry_at - now)

    def _attempt(self, ticket: Ticket, request: Request) -> Response | ApiError:
        """One request, and what it means for everybody at the gate."""
        try:
            answer = self._transport(request)
        except (OSError, http.client.HTTPException) as cause:
            self._gate.leave(ticket, None)
            error = UnreachableError("no answer came; it may have been done", code="unreachable")
            error.__cause__ = cause
            return error
        except BaseException:
            self._gate.leave(ticket, None)
            raise
        standing = standing_of(answer.headers)
        if answer.status < 300 or answer.status == 304:
            self._gate.leave(ticket, standing)
            return answer
        refusal = error_of(answer.status, answer.headers, answer.body, None)
        is_limit = answer.status == 429 and refusal.is_retryable
        wait_ms = retry_after_ms(answer.headers) if is_limit else read_retry_after(answer.headers)
        if wait_ms is not None:
            refusal.retry_at = self._clock.now_ms() + wait_ms
        # A quota is refused to what was asked; a smaller request, or a read, may still pass.
        stops_all = is_limit and not refusal.code.startswith("quota_")
        self._gate.leave(ticket, standing, wait_ms or 0 if stops_all else 0)
        return refusal

    def _cached(self, url: str) -> tuple[str, Response] | None:
        with self._cache_lock:
            return self._cache.get(url)

    def _keep(self, method: str, url: str, answer: Response) -> None:
        etag = answer.headers.get("etag")
        if method != "GET" or etag is None:
            return
        with self._cache_lock:
            self._cache[url] = (etag, answer)
            self._cache.move_to_end(url)
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)


class SuppressionList:
    """The suppression list."""

    def __init__(self, ask: Callable[..., Response]) -> None:
        self._ask = ask

    def list(self, **filters: str | int | None) -> Json:
        """A page.

        The filters are ``reason``, ``scope``, ``status``, ``created_from``, ``created_before``, ``contains``; ``after``
        and ``limit`` choose the page.
        """
        return _read(self._ask("GET", _LIST, filters))

    def all(self, **filters: str | int | None) -> Iterator[Json]:
        """Every entry, page after page."""
        page = self.list(**filters)
        while True:
            yield from page["suppressions"]
            if page.get("next") is None:
                return
            page = self.list(**{**filters, "after": page["next"]})

    def get(self, email: str) -> Json:
        """An address's entries."""
        return _read(self._ask("GET", f"{_LIST}/{_segment(email)}"))

    def add(self, entry: Json) -> Json:
        """Puts an address on the list."""
        return _read(self._ask("POST", _LIST, body=_json(entry)))

    def update(self, email: str, change: Json, *, scope: str | None = None) -> Json:
        """Changes an address's entry in a scope."""
        return _read(self._ask("PATCH", f"{_LIST}/{_segment(email)}", {"scope": scope}, _json(change)))

    def remove(self, email: str, *, scope: str | None = None) -> None:
        """Takes an address off the list: its entry in a scope, or all it has."""
        self._ask("DELETE", f"{_LIST}/{_segment(email)}", {"scope": scope})

    def import_(self, entries: "str | bytes | Iterable[Json]") -> Json:
        """Takes a CSV, or entries."""
        if isinstance(entries, str):
            entries = entries.encode()
        is_csv = isinstance(entries, bytes)
        body = entries if isinstance(entries, bytes) else _json([*entries])
        kind = "text/csv; charset=utf-8" if is_csv else "application/json"
        return _read(self._ask("POST", f"{_LIST}/import", body=body, headers={"content-type": kind}))

    def export(self, **filters: str | int | None) -> str:
        """One part of the list as text, CSV unless ``format`` says ``json``."""
        return self._ask("GET", f"{_LIST}/export", filters).body.decode()


class AsyncClient:
    """The same for asyncio: every call of a :class:`Client` waits in a thread of its own, never in the loop."""

    def __init__(self, base_url: str, key: str, **options: Any) -> None:  # noqa: ANN401 - as Client has them
        self._client = Client(base_url, key, **options)

    async def send(self, message: Json, *, idempotency_key: str | None = None) -> Json:
        """As :meth:`Client.send`; sends of one moment become one request."""
        if idempotency_key is None:
            return await asyncio.wrap_future(self._client.submit(message))
        return await asyncio.to_thread(self._client.send, message, idempotency_key=idempotency_key)

    async def call(self, name: str, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the method has them
        """Any other method of :class:`Client` by its name: ``await client.call("suppressions.add", entry)``."""
        method: Any = self._client
        for part in name.split("."):
            method = getattr(method, part)
        return await asyncio.to_thread(method, *arguments, **named)

    async def suppressions(self, **filters: str | int | None) -> AsyncIterator[Json]:
        """Every entry of the suppression list, page after page."""
        after: str | int | None = filters.pop("after", None)
        while True:
            page = await self.call("suppressions.list", **filters, after=after)
            for entry in page["suppressions"]:
                yield entry
            after = page.get("next")
            if after is None:
                return

    async def close(self) -> None:
        """Sends what has been gathered, and waits for its outcome."""
        await asyncio.to_thread(self._client.close)

    def __reduce__(self) -> NoReturn:
        """As of a :class:`Client`."""
        raise TypeError("an AsyncClient holds a key and is not pickled: make it where it is needed")

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _outcome(future: "Future[Json]") -> Json | ApiError:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ApiError):
        return error
    raise error


def _read(answer: Response) -> Json:
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError("the answer is not a JSON object", status=answer.status)
    return value


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _segment(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _query(query: Mapping[str, str | int | None] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return f"?{urllib.parse.urlencode(given)}" if given else ""


_OPENER = urllib.request.build_opener(_NoRedirect)
_LIST = "/v1/suppressions"
# Answers kept for their ETag.
_CACHED = 100
