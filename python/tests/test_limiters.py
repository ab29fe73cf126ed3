"""Many keys under one policy, and the clock that is used when none is given. Expected values are reasoned by hand."""

import threading
import time

import pytest
import sendgate
from sendgate import Allow, Defer, Limiter, Limiters, SendgateError

NOON = 1_800_000_000_000
POLICY = {"windows": [{"kind": "sliding", "name": "minute", "limit": 3, "period_ms": 60_000}]}


def test_every_key_has_its_own_budget() -> None:
    limiters = Limiters(POLICY)
    assert [limiters.admit("ann", 1, NOON) for _ in range(4)] == [True, True, True, False]
    assert limiters.decide("bob", 3, NOON) == Allow(charged_at=NOON)
    assert limiters.decide("bob", 1, NOON) == Defer(retry_at=NOON + 60_000, window=0)
    assert limiters.peek("eve", 3, NOON) == Allow(charged_at=NOON)
    assert len(limiters) == 2
    assert limiters.usage("ann", NOON)[0].remaining == 0


def test_text_and_its_bytes_are_one_key() -> None:
    limiters = Limiters(POLICY)
    assert limiters.admit("zoë", 3, NOON)
    assert not limiters.admit("zoë".encode(), 1, NOON)
    limiters.refund("zoë", 1, NOON, NOON)
    assert limiters.admit("zoë".encode(), 1, NOON)


def test_many_at_once_are_the_same_decisions() -> None:
    limiters = Limiters(POLICY)
    assert limiters.admit_many(["a", "a", "b", "a", "a"], 1, NOON) == [True, True, True, True, False]
    assert limiters.admit_many([b"b", b"c"], 3, NOON) == [False, True]
    assert limiters.admit_many([], 1, NOON) == []


def test_a_full_table_refuses_and_forgets_only_what_is_over() -> None:
    limiters = Limiters(POLICY, most_keys=1)
    assert limiters.admit("ann", 1, NOON)
    assert not limiters.admit("bob", 1, NOON)
    assert limiters.evict(now_ms=NOON + 1_000) == 0
    assert limiters.evict(now_ms=NOON + 120_000) == 1
    assert limiters.admit("bob", 1, NOON + 120_000)
    assert limiters.memory_bytes > 0


def test_a_state_goes_on_in_a_limiter_and_back() -> None:
    limiters, limiter = Limiters(POLICY), Limiter(POLICY)
    limiters.admit("ann", 2, NOON)
    limiter.load(limiters.state("ann"))
    assert limiter.admit(1, NOON)
    assert not limiter.admit(1, NOON)
    assert limiters.load("bob", limiter.state)
    assert not limiters.admit("bob", 1, NOON)


def test_what_is_no_key_or_no_state_is_an_error() -> None:
    limiters = Limiters(POLICY)
    for key in [7, None, ["a"]]:
        with pytest.raises(TypeError):
            limiters.admit(key, 1, NOON)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            limiters.admit_many(["a", key], 1, NOON)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        limiters.admit("\ud800", 1, NOON)
    with pytest.raises(SendgateError):
        limiters.load("ann", b"no state")
    assert len(limiters) == 0


def test_threads_share_a_table() -> None:
    limiters, admitted = Limiters(POLICY), []

    def ask() -> None:
        for _ in range(100):
            admitted.extend(limiters.admit_many(["ann", "bob"], 1, NOON))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 6


def test_an_instant_that_is_not_given_is_now() -> None:
    before = time.time_ns() // 1_000_000
    decision = Limiter(POLICY).decide()
    after = time.time_ns() // 1_000_000
    assert isinstance(decision, Allow)
    assert before <= decision.charged_at <= after
    assert Limiters(POLICY).admit("ann")
    assert sendgate.Limiter(POLICY).admit()
