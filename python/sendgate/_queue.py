"""Single sends, gathered into requests: as many as fit, within a bounded delay, and nobody's outcome lost."""

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ._errors import ApiError

Json = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """How messages are gathered."""

    #: Messages in a request at most; fewer once the API says so.
    batch_max: int = 500
    #: Bytes of messages in a request at most.
    batch_bytes: int = 10_000_000
    #: How long a message waits for others.
    batch_delay_ms: int = 10
    #: Messages that may wait for their outcome; more are refused with ``queue_full``.
    max_pending: int = 10_000


@dataclass(eq=False)
class Item:
    """One message that waits for its outcome."""

    text: bytes
    outcome: "Future[Json]" = field(default_factory=Future)


class SendQueue:
    """Threads may share it. ``deliver`` sends one request, retries included."""

    def __init__(
        self,
        deliver: Callable[[bytes], Json],
        sleep_ms: Callable[[int], None],
        pool: ThreadPoolExecutor,
        settings: Settings,
    ) -> None:
        self._deliver = deliver
        self._sleep_ms = sleep_ms
        self._pool = pool
        self._settings = settings
        self._lock = threading.Lock()
        self._pending: list[Item] = []
        self._pending_bytes = 0
        self._unsettled = 0

    def bound(self, most: int) -> None:
        """Never asks for more than this at once."""
        with self._lock:
            if 1 <= most < self._settings.batch_max:
                self._settings = replace(self._settings, batch_max=most)

    def add(self, message: Json) -> "Future[Json]":
        """The outcome of this one message, to come."""
        item = Item(json.dumps(message, separators=(",", ":")).encode())
        with self._lock:
            if self._unsettled >= self._settings.max_pending:
                raise ApiError(f"{self._unsettled} messages wait already", code="queue_full", attempts=0)
            self._unsettled += 1
            item.outcome.add_done_callback(self._settled)
            self._take(item)
        return item.outcome

    def flush(self) -> None:
        """Sends what has been gathered without waiting any longer."""
        with self._lock:
            self._start()

    def _settled(self, _: "Future[Json]") -> None:
        with self._lock:
            self._unsettled -= 1

    def _take(self, item: Item) -> None:
        if self._pending and self._pending_bytes + len(item.text) > self._settings.batch_bytes:
            self._start()
        self._pending.append(item)
        self._pending_bytes += len(item.text)
        if len(self._pending) >= self._settings.batch_max:
            self._start()
        elif len(self._pending) == 1:
            self._pool.submit(self._linger, self._pending)

    def _linger(self, begun: list[Item]) -> None:
        self._sleep_ms(self._settings.batch_delay_ms)
        with self._lock:
            if begun is self._pending:
                self._start()

    def _start(self) -> None:
        items, self._pending, self._pending_bytes = self._pending, [], 0
        if items:
            self._pool.submit(self._send, items)

    def _send(self, items: list[Item]) -> None:
        work = [items]
        while work:
            batch = work.pop()
            try:
                answer = self._deliver(b'{"messages":[' + b",".join(item.text for item in batch) + b"]}")
                for place, item in enumerate(batch):
                    _settle(item, answer, place)
            except ApiError as error:
                work += self._again(batch, error)
            except BaseException as error:
                # A defect of ours, or the end of the process: nobody may wait for ever.
                for item in batch:
                    _fail(item, error)
                raise

    def _again(self, batch: list[Item], error: ApiError) -> list[list[Item]]:
        """What of a refused request is asked again, in parts: one bad message must not take the others with it."""
        flaws = _flaws_by_item(error, len(batch))
        if len(batch) > 1 and flaws:
            for place, of_item in flaws.items():
                _fail(batch[place], _of_item(error, of_item))
            rest = [item for place, item in enumerate(batch) if place not in flaws]
            return [rest] if rest else []
        if len(batch) > 1 and error.code in _SPLITS:
            half = (len(batch) + 1) // 2
            if error.code == "too_many_messages":
                self.bound(half)
            return [batch[half:], batch[:half]]
        for item in batch:
            _fail(item, error)
        return []


def outcome_of(answer: Json, place: int) -> Json:
    """What became of the message in this place. Raises ApiError when it was refused."""
    outcomes, request_id = answer.get("messages"), answer.get("request_id")
    outcome = outcomes[place] if isinstance(outcomes, list) and place < len(outcomes) else None
    if not isinstance(outcome, dict):
        raise ApiError("the answer has no word on this message", request_id=request_id)
    refusal = outcome.get("error")
    if isinstance(refusal, dict):
        flaws = [_bare(flaw) for flaw in refusal.get("errors", [])]
        detail = flaws[0]["detail"] if flaws else "the message was refused"
        code = refusal.get("code", "unknown_answer")
        raise ApiError(detail, code=code, status=202, request_id=request_id, errors=flaws)
    return outcome


def _settle(item: Item, answer: Json, place: int) -> None:
    try:
        outcome = outcome_of(answer, place)
    except ApiError as error:
        _fail(item, error)
    else:
        if item.outcome.set_running_or_notify_cancel():
            item.outcome.set_result(outcome)


def _fail(item: Item, error: BaseException) -> None:
    if not item.outcome.done() and item.outcome.set_running_or_notify_cancel():
        item.outcome.set_exception(error)


def _flaws_by_item(error: ApiError, count: int) -> dict[int, list[Json]]:
    """The flaws that name a message, by its place."""
    found: dict[int, list[Json]] = {}
    if 400 <= error.status < 500:
        for flaw in error.errors:
            named = _PLACE.match(str(flaw.get("field")))
            if named and int(named[1]) < count:
                found.setdefault(int(named[1]), []).append(_bare(flaw))
    return found


def _of_item(error: ApiError, flaws: list[Json]) -> ApiError:
    """The same refusal for one message, whose own code may be another than the first one's."""
    code = flaws[0].get("code", "")
    return ApiError(
        str(flaws[0].get("detail")),
        code=code if code in _OWN_CODES else "invalid_message",
        status=error.status,
        request_id=error.request_id,
        window=error.window,
        errors=flaws,
        attempts=error.attempts,
    )


def _bare(flaw: Json) -> Json:
    """A flaw as if the message had come alone: ``messages[3].to`` is ``messages[0].to``."""
    return {**flaw, "field": _PLACE.sub("messages[0]", str(flaw.get("field")))}


_PLACE = re.compile(r"^messages\[([0-9]{1,5})\]")
# Refusals of a request as a whole that a smaller one may escape.
_SPLITS = {"too_many_messages", "body_too_large", "overquota"}
# Words of flaws that are codes of refusals, too.
_OWN_CODES = {"from_not_allowed", "message_too_large", "too_many_attachments", "unknown_field", "unsupported_feature"}
