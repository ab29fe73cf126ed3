"""A Mailroom that tells what it does: to logs (:mod:`sendgate.logging`), to OpenTelemetry, or to an observer of yours.

>>> import tempfile
>>> from sendgate import Message, Provider
>>> from sendgate.observed import Observer, ObservedMailroom
>>> class Counting(Observer):
...     def submitted(self, submission):
...         print(submission.accepted, "accepted")
>>> room = ObservedMailroom(tempfile.mkdtemp() + "/mail.db", Provider("postmark", "token"), observers=[Counting()])
>>> _ = room.submit(Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello"))
1 accepted

It delivers from threads of Python's that hold no GIL while a call is under way, ``workers`` at a time, and one message
with each call unless ``batch`` says otherwise: an event of a call with several names the first of them only. What
observers are told has ids, counts, codes and times, and never an address or a content.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import Due, Mailroom, Message, Receipt, SendgateError, WaitUntil
from ._mailroom import _running

_LOGGER = logging.getLogger("sendgate")


@dataclass(frozen=True)
class Submission:
    """One ``submit``."""

    #: The ids of what was accepted.
    message_ids: tuple[str, ...]
    #: How many messages were accepted, and how many refused one by one.
    accepted: int
    refused: int
    #: Why nothing was accepted: a stable word; None when something was.
    error: str | None
    #: When the same will do (ms since 1970), where a limit stood in the way.
    retry_at: int | None
    #: Nanoseconds since 1970.
    started_ns: int
    ended_ns: int


@dataclass(frozen=True)
class Attempt:
    """One call to a provider, and what became of its message."""

    message_id: str
    #: 1 for the first attempt.
    number: int
    #: The account's name for the provider.
    provider: str | None
    #: ``"sent"``; ``"deferred"`` and ``"held"``, to be tried again; ``"failed"``, ``"suppressed"`` and ``"unknown"``.
    status: str
    #: What went wrong, by the word of the trace's event; None when nothing did.
    error: str | None
    http_status: int | None
    #: When it is tried again (ms since 1970), where it is.
    retry_at: int | None
    #: Milliseconds from its acceptance until now.
    waited_ms: int
    #: Nanoseconds since 1970.
    started_ns: int
    ended_ns: int


class Observer:
    """Is told of what has happened, in the thread where it happened. What it raises is logged, and stops nobody."""

    def submitted(self, submission: Submission) -> None:
        """Messages were accepted, or not."""

    def attempted(self, attempt: Attempt) -> None:
        """A call to a provider is settled."""


class ObservedMailroom(Mailroom):
    """As Mailroom; ``observers`` are told of every submission and attempt, ``workers`` is how many calls at once."""

    _observers: Sequence[Observer]
    _workers: int
    _delivery: threading.Thread | None
    _state: threading.Condition
    _under_way: int
    _changes: int
    _is_ending: bool
    _is_empty: bool

    def __new__(
        cls,
        *arguments: Any,  # noqa: ANN401 - as Mailroom has them
        observers: Iterable[Observer] = (),
        workers: int = 8,
        **named: Any,  # noqa: ANN401 - as Mailroom has them
    ) -> ObservedMailroom:
        """Opens it."""
        account = arguments[1] if len(arguments) > 1 else None
        if not isinstance(account, (dict, str)) or "batch" not in account:
            named.setdefault("batch", {"max_messages": 1})
        self: ObservedMailroom = super().__new__(cls, *arguments, **named)
        self._observers = tuple(observers)
        self._workers = workers
        self._delivery = None
        self._state = threading.Condition()
        self._under_way = 0
        self._changes = 0
        self._is_ending = False
        self._is_empty = False
        return self

    def submit(self, messages: Message | Sequence[Message], idempotency_key: str | None = None) -> list[Receipt]:
        """As Mailroom, and tells of it."""
        started = time.time_ns()
        try:
            receipts: list[Receipt] = super().submit(messages, idempotency_key)
        except SendgateError as error:
            retry_at = getattr(error, "retry_at", None)
            count = len(messages) if isinstance(messages, Sequence) else 1
            told = Submission((), 0, count, error.code, retry_at, started, time.time_ns())
            self._tell(lambda observer: observer.submitted(told))
            raise
        ids = tuple(receipt.message_id for receipt in receipts if receipt.message_id is not None)
        told = Submission(ids, len(ids), len(receipts) - len(ids), None, None, started, time.time_ns())
        self._tell(lambda observer: observer.submitted(told))
        self._wake()
        return receipts

    def run(self) -> bool:
        """Delivers in the background until ``stop``. False when it does so already."""
        # It is stopped before the interpreter ends.
        _running.add(self)  # type: ignore[arg-type]  # the class itself has another name
        with self._state:
            if self._delivery is not None:
                return False
            self._is_ending = self._is_empty = False
            delivery = threading.Thread(target=self._deliver, name="sendgate-delivery", daemon=True)
            self._delivery = delivery
            delivery.start()
            return True

    def stop(self) -> None:
        """Ends the delivery in the background when the calls under way are settled."""
        with self._state:
            delivery, self._delivery = self._delivery, None
            self._is_ending = True
            self._state.notify_all()
        if delivery is not None and delivery is not threading.current_thread():
            delivery.join()
        super().stop()

    def __exit__(self, *_raised: object) -> None:
        self.stop()

    def drain(self, timeout: float | None = None) -> bool:
        """Delivers until no message waits or is on its way, or for ``timeout`` seconds."""
        is_ours = self.run()
        with self._state:
            self._is_empty = False
            self._changes += 1
            self._state.notify_all()
            is_empty = bool(self._state.wait_for(lambda: self._is_empty, timeout))
        if is_ours:
            self.stop()
        return is_empty

    def carry(self, due: Due) -> None:
        """As Mailroom, and tells of it."""
        started = time.time_ns()
        super().carry(due)
        self._told(due, started)

    def settle(self, due: Due, outcome: Any) -> None:  # noqa: ANN401 - as Mailroom has it
        """As Mailroom, and tells of it; the call's beginning is not known here."""
        started = time.time_ns()
        super().settle(due, outcome)
        self._told(due, started)

    def _deliver(self) -> None:
        with ThreadPoolExecutor(self._workers, thread_name_prefix="sendgate") as pool:
            while True:
                with self._state:
                    self._state.wait_for(lambda: self._is_ending or self._under_way < self._workers)
                    if self._is_ending:
                        return
                    seen = self._changes
                found: Due | WaitUntil | None = None
                is_readable = True
                try:
                    found = self.next()
                except SendgateError:
                    is_readable = False
                    _LOGGER.exception("the file cannot be used now", extra={"sendgate_event": "store_failed"})
                with self._state:
                    if isinstance(found, Due):
                        self._under_way += 1
                        pool.submit(self._carried, found)
                        continue
                    if found is None and is_readable and self._under_way == 0 and self._changes == seen:
                        self._is_empty = True
                        self._state.notify_all()
                    self._pause(found, seen)

    def _pause(self, found: WaitUntil | None, seen: int) -> None:
        """Until there may be something to do: a change here, the instant that was named, or another process's mail."""
        wait_s = _LOOK_S if found is None else min(max(found.at / 1_000 - time.time(), 0), _LOOK_S)
        self._state.wait_for(lambda: self._is_ending or self._changes != seen, wait_s)

    def _carried(self, due: Due) -> None:
        try:
            self.carry(due)
        except SendgateError:
            _LOGGER.exception("a call could not be settled", extra={"sendgate_event": "store_failed"})
        finally:
            with self._state:
                self._under_way -= 1
                self._changes += 1
                self._state.notify_all()

    def _wake(self) -> None:
        with self._state:
            self._is_empty = False
            self._changes += 1
            self._state.notify_all()

    def _told(self, due: Due, started_ns: int) -> None:
        view = self.trace(due.message_id)
        if view is not None:
            attempt = _attempt(due, view, started_ns, time.time_ns())
            self._tell(lambda observer: observer.attempted(attempt))

    def _tell(self, tell: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception:
                _LOGGER.exception("an observer failed", extra={"sendgate_event": "observer_failed"})


def _attempt(due: Due, view: dict[str, Any], started_ns: int, ended_ns: int) -> Attempt:
    """Of the trace's lines, not of the message's status: the next attempt may have begun meanwhile."""
    lines = [line for line in view["trace"] if line.get("attempt") == due.attempt and line["event"] != "attempt"]
    line = lines[0] if lines else {**view["trace"][-1], "event": view["status"]}
    event = line["event"]
    retry_at = line.get("retry_at")
    ended = "unknown" if event == "unknown" else "failed"
    status = _STATUS.get(event, ended if retry_at is None else "deferred")
    if any(more["event"] == "exhausted" for more in lines):
        status, event = "held", "attempts_exhausted"
    return Attempt(
        message_id=due.message_id,
        number=due.attempt,
        provider=view.get("provider"),
        status=status,
        error=None if status == "sent" else event,
        http_status=line.get("http_status"),
        retry_at=None if retry_at is None else _millis(retry_at),
        waited_ms=_millis(line["at"]) - _millis(view["accepted_at"]),
        started_ns=started_ns,
        ended_ns=ended_ns,
    )


def _millis(instant: str) -> int:
    return round(datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp() * 1_000)


# What an event of a trace leaves a message as. An unknown outcome that is tried again is deferred; see `_attempt`.
_STATUS = {
    "sent": "sent",
    "refused": "failed",
    "provider_suppressed": "suppressed",
    "credentials_wrong": "held",
    "sender_refused": "held",
}
# How soon what another process has submitted is noticed.
_LOOK_S = 0.2
