"""What a million decisions leave behind, and what delivery keeps from the other threads of a process.

Memory is the process's resident set, because ``tracemalloc`` does not see what Rust takes. No time is asserted.
"""

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sendgate import (
    Backoff,
    Gate,
    HttpRequest,
    Ledger,
    Limiter,
    Limiters,
    Mailroom,
    Message,
    Provider,
    Suppressions,
)

NOON = 1_800_000_000_000
MILLION = 1_000_000
WINDOWS: list[dict[str, Any]] = [
    {"kind": "sliding", "name": "second", "limit": 100, "period_ms": 1_000},
    {"kind": "sliding", "name": "hour", "limit": 5_000, "period_ms": 3_600_000},
    {"kind": "calendar", "name": "day", "limit": 50_000, "unit": "day", "time_zone": "UTC"},
]
POSTMARK = Provider("postmark", "token")
# A leak of three bytes a decision shows over a million, and of 45 bytes over 45,000 messages; the allocator's own
# coming and going does not.
MOST_GROWTH = 2_000_000


def resident_bytes() -> int:
    """The second field of /proc/self/statm, proc(5)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def limiter() -> Callable[[int], object]:
    held = Limiter({"windows": WINDOWS})
    return lambda n: held.decide(1, NOON + n)


def limiters() -> Callable[[int], object]:
    held = Limiters({"windows": WINDOWS})
    keys = [f"customer-{number}" for number in range(1_000)]
    return lambda n: held.decide(keys[n % 1_000], 1, NOON + n)


def gate() -> Callable[[int], object]:
    held = Gate(
        [
            {"scope": "plan", "name": "shop", "unit": "requests", "windows": WINDOWS},
            {"scope": "domain_group", "name": "gmail", "unit": "recipients", "windows": WINDOWS},
        ]
    )
    return lambda n: held.decide([1, 2], NOON + n)


def ledger() -> Callable[[int], object]:
    held = Ledger({"day": MILLION * 10})

    def use(n: int) -> None:
        held.commit(held.reserve(1, NOON + n))

    return use


def suppressions() -> Callable[[int], object]:
    held = Suppressions(f"user{number}@example.com" for number in range(1_000))
    asked = [f"user{number}@example.com" for number in range(500, 1_500)]
    return lambda n: asked[n % 1_000] in held


def backoff() -> Callable[[int], object]:
    held = Backoff()
    return lambda n: held.next(1, n, NOON + n)


def denials() -> Callable[[int], object]:
    """An exception each."""
    held = Ledger({"day": 1})

    def refused(n: int) -> None:
        assert held.peek(2, NOON + n) is not None

    return refused


def building() -> Callable[[int], object]:
    def built(n: int) -> None:
        message = Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body=f"Order {n}")
        POSTMARK.build(message, f"order-{n}", NOON)

    return built


# How it is made, and how often it is asked: exceptions and messages are slower to make by an order.
USES: list[tuple[Callable[[], Callable[[int], object]], int]] = [
    (limiter, MILLION),
    (limiters, MILLION),
    (gate, MILLION),
    (suppressions, MILLION),
    (backoff, MILLION),
    (ledger, 200_000),
    (denials, 100_000),
    (building, 50_000),
]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize(("made", "times"), USES, ids=lambda value: getattr(value, "__name__", value))
def test_memory_does_not_grow_over_a_million_decisions(made: Callable[[], Callable[[int], object]], times: int) -> None:
    ask = made()
    # What is taken once is taken now: the allocator's arenas, the states of all keys, full logs.
    for n in range(times // 10):
        ask(n)
    gc.collect()
    before = resident_bytes()
    for n in range(times // 10, times):
        ask(n)
    gc.collect()
    assert resident_bytes() - before < MOST_GROWTH


def message(number: int = 0) -> Message:
    return Message(from_="a@shop.example", to="ann@example.com", subject=f"{number}", text_body="Hello")


def test_other_threads_go_on_while_drain_waits(tmp_path: Path) -> None:
    """If ``drain`` held the GIL, or the thread that delivers did between its calls, nobody would open the door."""
    asked, door = threading.Event(), threading.Event()

    def carry(_: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        asked.set()
        assert door.wait(60)
        return 200, {}, b'{"ErrorCode":0,"MessageID":"b7bc2f4a"}'

    def open_the_door() -> None:
        assert asked.wait(60)
        door.set()

    with Mailroom(tmp_path / "mail.db", POSTMARK, transport=carry) as mailroom:
        (receipt,) = mailroom.submit(message())
        other = threading.Thread(target=open_the_door)
        other.start()
        assert mailroom.drain(60)
        other.join()
        view = mailroom.trace(receipt.message_id or "")
    assert view is not None and view["status"] == "sent"


def test_two_threads_wait_for_each_other_inside_the_mailroom(tmp_path: Path) -> None:
    """One drains while the other submits: each is inside a call of the Mailroom's while the other is."""

    def carry(_: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b'{"ErrorCode":0,"MessageID":"b7bc2f4a"}'

    with Mailroom(tmp_path / "mail.db", POSTMARK, transport=carry, batch={"max_messages": 1}) as mailroom:
        mailroom.run()
        threads = [threading.Thread(target=mailroom.submit, args=([message(n) for n in range(20)],)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert mailroom.drain(60)
        assert mailroom.next() is None
