"""One gate for all callers of a client: who may ask now.

The server says with every answer how much remains. Whatever else was under way at any time between a request and its
answer may not be counted in that yet, so it is taken off: what is left over may go. With nothing left callers wait for
an answer, or for the pause to end; then one goes ahead to ask, and the others wait for what it is told.
"""

import threading
from typing import NamedTuple, Protocol

from ._errors import ApiRateLimited
from ._standing import Standing


class Clock(Protocol):
    """A clock that nobody sets back while we wait."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""

    def sleep_ms(self, wait_ms: int) -> None:
        """Waits."""


class Ticket(NamedTuple):
    """A request under way."""

    started: int
    beside: int


class Gate:
    """Threads may share it."""

    def __init__(self, clock: Clock, concurrency: int) -> None:
        self._clock = clock
        self._concurrency = concurrency
        self._changed = threading.Condition()
        # Requests that may still start; 1 until the first answer.
        self._left: float = 1
        self._under_way = 0
        self._started = 0
        self._paused_until = 0

    def enter(self, latest: int) -> Ticket:
        """Returns when one request may start; raises ApiRateLimited rather than wait past ``latest``."""
        while True:
            with self._changed:
                pause_ms = self._paused_until - self._clock.now_ms()
                if pause_ms <= 0:
                    if self._left < 1 and self._under_way == 0:
                        self._left = 1
                    if self._left >= 1 and self._under_way < self._concurrency:
                        self._left -= 1
                        self._started += 1
                        self._under_way += 1
                        return Ticket(self._started, self._under_way - 1)
                    self._changed.wait()
                    continue
                if self._paused_until > latest:
                    raise ApiRateLimited(
                        "the limit is used up for longer than may be waited",
                        code="rate_limit_exceeded",
                        status=429,
                        retry_at=self._paused_until,
                        attempts=0,
                    )
            self._clock.sleep_ms(pause_ms)

    def leave(self, ticket: Ticket, standing: Standing | None, refused_for_ms: int = 0) -> None:
        """A request is over: what its answer said remains, and how long a refusal wants everybody to wait."""
        with self._changed:
            self._under_way -= 1
            if standing is not None:
                uncounted = ticket.beside + self._started - ticket.started
                self._left = max(0, standing.remaining - uncounted)
                if standing.remaining == 0:
                    refused_for_ms = max(refused_for_ms, standing.wait_ms)
            if refused_for_ms > 0:
                self._left = 0
                self._paused_until = max(self._paused_until, self._clock.now_ms() + refused_for_ms)
            self._changed.notify_all()
