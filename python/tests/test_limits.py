"""Decorators and blocks on a clock that runs as fast as everybody waits."""

from __future__ import annotations

import asyncio
import doctest
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sendgate
from sendgate import Limiter, Limiters, RateLimited, limits
from sendgate.limits import limited
from world import START, World

MINUTE = {"windows": [{"kind": "sliding", "name": "minute", "limit": 2, "period_ms": 60_000}]}
PACE = {"windows": [{"kind": "pace", "name": "pace", "interval_ms": 250, "burst": 1}]}


class Clock(World):
    def sleep(self, seconds: float) -> None:
        self.sleep_ms(round(seconds * 1_000))

    async def sleep_async(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.sleep(seconds)


def on(clock: Clock, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as limited has them
    return {"now_ms": clock.now_ms, "sleep": clock.sleep, **more}


def test_the_example_runs() -> None:
    assert doctest.testmod(limits).failed == 0


def test_beyond_the_limit_it_says_when() -> None:
    clock = Clock()
    calls: list[int] = []
    send = limited(MINUTE, **on(clock))(calls.append)
    send(1)
    clock.time += 1_000
    send(2)
    with pytest.raises(RateLimited) as raised:
        send(3)
    assert (raised.value.retry_at, raised.value.window) == (START + 60_000, "minute")
    assert raised.value.code == "rate_limit_exceeded"
    assert (calls, clock.slept) == ([1, 2], [])
    clock.time = START + 59_999
    with pytest.raises(RateLimited):
        send(3)
    clock.time = START + 60_000
    send(3)
    assert calls == [1, 2, 3]


def test_it_waits_until_exactly_then() -> None:
    clock = Clock()
    made: list[int] = []

    @limited(PACE, wait=True, **on(clock))
    def call() -> None:
        """Notes when."""
        made.append(clock.time)

    for _ in range(4):
        call()
    assert made == [START, START + 250, START + 500, START + 750]
    assert (call.__name__, call.__doc__) == ("call", "Notes when.")


def test_a_timeout_is_known_before_anybody_waits() -> None:
    clock = Clock()
    send = limited(MINUTE, wait=True, timeout=59.999, **on(clock))(lambda: None)
    send()
    send()
    with pytest.raises(RateLimited) as raised:
        send()
    assert (raised.value.retry_at, clock.slept) == (START + 60_000, [])
    patient = limited(MINUTE, wait=True, timeout=60, **on(clock))(lambda: None)
    for _ in range(3):
        patient()
    assert clock.slept == [60_000]
    for wrong in ({"timeout": 1}, {"timeout": -1, "wait": True}):
        with pytest.raises(ValueError, match="timeout"):
            limited(MINUTE, **wrong)  # type: ignore[arg-type]


def test_a_key_of_its_own_for_everybody() -> None:
    clock = Clock()

    def user_of(user: str, *, text: str) -> str:
        return user

    shared = Limiters(MINUTE)
    send = limited(shared, key=user_of, **on(clock))(lambda user, *, text: f"{user} {text}")
    assert [send("ann", text="a"), send("ann", text="b"), send("bob", text="c")] == ["ann a", "ann b", "bob c"]
    with pytest.raises(RateLimited) as raised:
        send("ann", text="d")
    # Limiters keep their windows' names to themselves.
    assert raised.value.window is None
    # Whoever is given the same object shares it.
    with pytest.raises(RateLimited), limited(shared, **on(clock)).of("ann"):
        pass
    with pytest.raises(ValueError, match="of"), limited(shared, key=user_of, **on(clock)):
        pass


def test_a_block_counts_however_it_ends() -> None:
    clock = Clock()
    limit = limited(Limiter(MINUTE), **on(clock))
    with limit:
        pass
    with pytest.raises(KeyError), limit:
        raise KeyError
    with pytest.raises(RateLimited), limit:
        pass

    async def block() -> None:
        async with limited(MINUTE, cost=2, **on(clock)) as same:
            with pytest.raises(RateLimited):
                async with same.of(""):
                    pass

    asyncio.run(block())


def test_what_could_never_be_called_is_told_when_it_is_decorated() -> None:
    for limit in (MINUTE, Limiter(MINUTE), Limiters(MINUTE)):
        with pytest.raises(sendgate.SendgateError) as raised:
            limited(limit, cost=3)
        assert raised.value.code == "cost_above_limit" and not isinstance(raised.value, RateLimited)
    with pytest.raises(sendgate.SendgateError):
        limited({"windows": [{"kind": "pace"}]})


def test_tasks_wait_in_turn_and_no_window_holds_more() -> None:
    clock = Clock()
    made: list[int] = []

    @limited(PACE, wait=True, now_ms=clock.now_ms, sleep=clock.sleep_async)
    async def call() -> str:
        made.append(clock.time)
        return "done"

    async def several() -> list[str]:
        return await asyncio.gather(*(call() for _ in range(20)))

    assert asyncio.run(several()) == ["done"] * 20
    assert all(later - earlier >= 250 for earlier, later in itertools.pairwise(made))


def test_threads_never_get_more_than_the_limit() -> None:
    clock = Clock()
    admitted: list[int] = []
    send: Callable[[], None] = limited(
        {"windows": [{"kind": "sliding", "name": "hour", "limit": 50, "period_ms": 3_600_000}]}, **on(clock)
    )(lambda: admitted.append(1))

    def many() -> None:
        for _ in range(100):
            try:
                send()
            except RateLimited:
                continue

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 50


def test_keys_that_nothing_counts_for_any_more_make_room() -> None:
    clock = Clock()
    limit = Limiters(PACE)
    call = limited(limit, key=str, **on(clock))(lambda n: n)
    for n in range(5_000):
        call(n)
        clock.time += 250
    assert len(limit) <= 2


def test_a_full_table_is_no_open_door() -> None:
    clock = Clock()
    call = limited(Limiters(MINUTE, most_keys=3), key=str, wait=True, **on(clock))(lambda n: n)
    assert [call(n) for n in range(3)] == [0, 1, 2]
    with pytest.raises(sendgate.SendgateError) as raised:
        call(3)
    assert raised.value.code == "too_many_keys"
    clock.time += 60_000
    assert call(3) == 3
