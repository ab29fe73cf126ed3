"""Limits for functions and blocks of code: ``@limited(policy)`` refuses, or waits, for sync and async alike.

>>> from sendgate import RateLimited
>>> from sendgate.limits import limited
>>> minute = {"kind": "sliding", "name": "minute", "limit": 2, "period_ms": 60_000}
>>> @limited({"windows": [minute]}, key=lambda user: user, now_ms=lambda: 1_800_000_000_000)
... def greet(user):
...     return f"Hello {user}"
>>> greet("ann"), greet("ann"), greet("bob")
('Hello ann', 'Hello ann', 'Hello bob')
>>> try:
...     greet("ann")
... except RateLimited as error:
...     print(error.window, error.retry_at - 1_800_000_000_000)
minute 60000
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from . import Allow, Defer, Limiter, Limiters, RateLimited, Reject, SendgateError

P = ParamSpec("P")
R = TypeVar("R")

Policy = str | dict[str, Any]
Key = str | bytes | Callable[..., str | bytes]


class limited:
    """Keeps a function, or a block of code, inside a limit.

    ``limit`` is a policy, ``Limiters`` or a ``Limiter``; decorators that are given the same object share it. ``key`` is
    whose limit it is: a str, or a callable that gets the function's arguments. ``cost`` is how many units a call takes.
    Without ``wait`` a call beyond the limit raises ``RateLimited``, whose ``retry_at`` (ms since 1970) is the first
    instant at which it will do. With ``wait`` it waits until exactly then, for ``timeout`` seconds at most: a call that
    could only be made later raises at once, and waits for nothing.

    ``now_ms`` and ``sleep`` (seconds) are the clock; for async functions ``sleep`` returns an awaitable.

    As a block: ``with limited(...):``, ``async with limited(...):``, and ``with limits.of("ann"):`` for another key.

    Raises SendgateError when a call could never be made, because it costs more than a window ever admits, and when a
    call is made for one key more than the ``most_keys`` of Limiters.
    """

    def __init__(
        self,
        limit: Policy | Limiters | Limiter,
        *,
        key: Key = "",
        cost: int = 1,
        wait: bool = False,
        timeout: float | None = None,
        now_ms: Callable[[], int] | None = None,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        if timeout is not None and (not wait or timeout < 0):
            raise ValueError("timeout is for wait=True, in seconds from 0")
        self._windows = windows_of(limit) if isinstance(limit, (str, dict)) else None
        self._limit = Limiters(limit) if isinstance(limit, (str, dict)) else limit
        self._key, self._cost, self._wait, self._timeout = key, cost, wait, timeout
        self._now_ms = now_ms or system_now_ms
        self._sleep = sleep
        decision = self._peek(b"")
        if isinstance(decision, Reject):
            raise never(self._name_of(decision.window))

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function, or an async one."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waiting(*arguments: P.args, **named: P.kwargs) -> Any:  # noqa: ANN401 - the function's
                await self.acquire_async(self._key_of(arguments, named))
                return await function(*arguments, **named)

            return waiting  # type: ignore[return-value]  # R is a coroutine here

        @functools.wraps(function)
        def calling(*arguments: P.args, **named: P.kwargs) -> R:
            self.acquire(self._key_of(arguments, named))
            return function(*arguments, **named)

        return calling

    def of(self, key: str | bytes) -> limited:
        """The same limit for another key, to be entered as a block."""
        other = object.__new__(limited)
        other.__dict__.update(self.__dict__, _key=key)
        return other

    def acquire(self, key: str | bytes | None = None) -> int:
        """Takes the units of one call, and returns the instant they count from. Raises RateLimited."""
        key, until = self._begin(key)
        while True:
            decision, now = self._decide(key)
            if isinstance(decision, Allow):
                return int(decision.charged_at)
            (self._sleep or time.sleep)(self._pause(decision, now, until))

    async def acquire_async(self, key: str | bytes | None = None) -> int:
        """``acquire`` without holding up the event loop."""
        key, until = self._begin(key)
        while True:
            decision, now = self._decide(key)
            if isinstance(decision, Allow):
                return int(decision.charged_at)
            slept = (self._sleep or asyncio.sleep)(self._pause(decision, now, until))
            if isinstance(slept, Awaitable):
                await slept

    def __enter__(self) -> limited:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        """What has begun counts, however it ends."""

    async def __aenter__(self) -> limited:
        await self.acquire_async()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        """What has begun counts, however it ends."""

    def _key_of(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> str | bytes:
        return self._key(*arguments, **named) if callable(self._key) else self._key

    def _begin(self, key: str | bytes | None) -> tuple[str | bytes, int | None]:
        if key is None:
            if callable(self._key):
                raise ValueError("a block has no arguments to make a key of: use of(key)")
            key = self._key
        return key, None if self._timeout is None else self._now_ms() + int(self._timeout * 1_000)

    def _decide(self, key: str | bytes) -> tuple[Allow | Defer | Reject, int]:
        now = self._now_ms()
        if isinstance(self._limit, Limiter):
            return self._limit.decide(self._cost, now), now
        return decide(self._limit, key, self._cost, now), now

    def _peek(self, key: bytes) -> Allow | Defer | Reject:
        now = self._now_ms()
        if isinstance(self._limit, Limiter):
            return self._limit.peek(self._cost, now)
        return self._limit.peek(key, self._cost, now)

    def _pause(self, decision: Defer | Reject, now: int, until: int | None) -> float:
        """Seconds to wait; raises when nobody wants to, or not so long."""
        if isinstance(decision, Reject):
            # What costs too much was found at the beginning.
            raise coded("too_many_keys", "the table is full of keys that count")
        if not self._wait or (until is not None and decision.retry_at > until):
            raise rate_limited(decision.retry_at, self._name_of(decision.window), now)
        return float(max(decision.retry_at - now, 1) / 1_000)

    def _name_of(self, window: int) -> str | None:
        return self._windows[window]["name"] if self._windows is not None else None


def windows_of(policy: Policy) -> list[dict[str, Any]]:
    """The windows of a policy, in its order; what is wrong with it is found by whoever makes a limiter of it."""
    read = json.loads(policy) if isinstance(policy, str) else policy
    return list(read.get("windows", []))


def rate_limited(retry_at: int, window: str | None, now: int) -> RateLimited:
    """The error of what will do later."""
    seconds = -(-(retry_at - now) // 1_000)
    error = RateLimited(f"{f'the window {window}' if window else 'a window'} is full; try again in {seconds} s")
    error.code, error.retry_at, error.window = "rate_limit_exceeded", retry_at, window
    return error


def never(window: str | None) -> SendgateError:
    """The error of what no waiting helps."""
    return coded(
        "cost_above_limit", f"it costs more than {f'the window {window}' if window else 'a window'} ever admits"
    )


def coded(code: str, detail: str) -> SendgateError:
    """An error with its stable word."""
    error = SendgateError(detail)
    error.code = code
    return error


def decide(limiters: Limiters, key: str | bytes, cost: int, now: int) -> Allow | Defer | Reject:
    """Decides, and forgets a few keys that nothing counts for any more; Reject is a full table."""
    limiters.evict(_LOOKED_AT, now)
    decision = limiters.decide(key, cost, now)
    if isinstance(decision, Reject) and limiters.evict(_LOOKED_AT_WHEN_FULL, now) > 0:
        decision = limiters.decide(key, cost, now)
    return decision


def system_now_ms() -> int:
    """This machine's time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


# Keys that are looked at with every call, so that the table never grows much beyond what counts.
_LOOKED_AT = 2
# And when there is no room for one more, which an attacker may bring about: still less than a millisecond.
_LOOKED_AT_WHEN_FULL = 1_000
