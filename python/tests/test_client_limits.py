"""R243, R245-R250, and the defects that C10 found in document 003's sample."""

import math
import threading
from typing import Any

import pytest
from sendgate import ApiError, Backoff, RateLimitError, UnreachableError
from sendgate._gate import Gate
from sendgate._standing import Standing, http_date_ms, read_retry_after, retry_after_ms, standing_of
from sendgate.client import Request, Response
from world import REFUSAL, START, Json, Server, World, always, answer, client, limits, one_after_another

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def wait_after(headers: Json) -> int:
    """What a call waits that is refused once with these fields."""
    world = World()
    client(world, one_after_another([answer(429, REFUSAL, headers), answer(200, {"limits": []})])).limits()
    return max(world.slept)


GARBAGE = [
    "",
    "Infinity",
    "-Infinity",
    "-5",
    "NaN",
    "soon",
    "1.5",
    "soon 5",
    "0x10",
    "1e3",
    "Sun, 31 Nov",
    "12 13",
    "١٢",
]


@pytest.mark.parametrize("value", [None, *GARBAGE])
def test_r249_c10_an_unreadable_retry_after_waits_a_minute_never_0_and_never_nan(value: str | None) -> None:
    headers = {} if value is None else {"retry-after": value}
    assert retry_after_ms(headers) == 60_000
    assert wait_after(headers) == 60_000


def test_r249_c10_a_date_is_the_distance_from_the_servers_own_date() -> None:
    later = "Sun, 06 Nov 1994 08:51:07 GMT"
    assert wait_after({"retry-after": later, "date": DATE}) == 90_000
    assert wait_after({"retry-after": "Sun, 06 Nov 1994 08:49:00 GMT", "date": DATE}) == 1_000
    assert wait_after({"retry-after": later}) == 60_000
    assert wait_after({"retry-after": "Sun, 31 Nov 1994 08:51:07 GMT", "date": DATE}) == 60_000


def test_r249_the_standards_example_of_a_date_is_one_instant_in_its_three_forms() -> None:
    # RFC 9110 section 5.6.7: 784111777 in Unix seconds.
    for text in (DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
        assert http_date_ms(text) == 784_111_777_000
    others = [
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "6 Nov 94",
        "",
    ]
    assert [http_date_ms(text) for text in others] == [None] * len(others)


def test_r249_retry_after_comes_first_and_0_is_a_second() -> None:
    assert wait_after({"retry-after": "7"}) == 7_000
    assert wait_after({"retry-after": "0"}) == 1_000
    assert read_retry_after({"retry-after": "9" * 10_000}) == 365 * 86_400_000


def test_r250_c10_a_thousand_refusals_in_a_row_end_in_a_typed_error_without_recursion() -> None:
    world = World()
    asked: list[Request] = []

    def transport(request: Request) -> Response:
        asked.append(request)
        return answer(429, REFUSAL, {"retry-after": "1"})

    patient = client(world, transport, backoff=Backoff(max_attempts=1_000), max_wait_ms=10**9)
    with pytest.raises(RateLimitError) as caught:
        patient.limits()
    assert isinstance(caught.value, ApiError)
    error = caught.value
    assert len(asked) == error.attempts == 1_000
    assert (error.code, error.status, error.request_id, error.window) == ("rate_limit_exceeded", 429, "req_1", "minute")
    assert error.retry_at == world.time + 1_000


def test_r245_after_five_attempts_it_is_over() -> None:
    with pytest.raises(RateLimitError) as caught:
        client(World(), always(429, REFUSAL, {"retry-after": "1"})).limits()
    assert caught.value.attempts == 5


def test_c10_there_is_jitter() -> None:
    waits = []
    for random in (0, 2**64 - 1):
        world = World()
        answers = [answer(429, REFUSAL, {"retry-after": "5"}), answer(200, {"limits": []})]
        client(world, one_after_another(answers), random64=lambda random=random: random).limits()
        waits.append(world.time - START)
    # The largest draw after the first failure is a whole base delay.
    assert waits == [5_000, 6_000]


def test_r243_r248_with_nothing_left_it_waits_for_the_reset_and_is_never_refused() -> None:
    world = World()
    server = Server(world, 3, 10_000, limits)
    polite = client(world, server)
    for _ in range(10):
        polite.limits()
    assert (len(server.requests), server.refused, world.time - START) == (10, 0, 30_000)


@pytest.mark.parametrize("ratelimit", [True, False])
@pytest.mark.parametrize("skew_ms", [0, 3_600_000, -3_600_000, -3 * 365 * 86_400_000])
def test_c10_a_clock_that_is_off_waits_as_long_as_any_other(skew_ms: int, ratelimit: bool) -> None:
    world = World()
    server = Server(world, 1, 10_000, limits, skew_ms=skew_ms, ratelimit=ratelimit)
    polite = client(world, server)
    for _ in range(3):
        polite.limits()
    assert (server.refused, world.time - START) == (0, 20_000)


def test_c10_without_the_servers_own_time_an_absolute_reset_is_not_believed() -> None:
    fields = {"x-ratelimit-limit": "9", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4000000000"}
    assert standing_of(fields) == Standing(0, 0)
    for reset in ("Infinity", "NaN", "-1", "soon"):
        assert standing_of({**fields, "x-ratelimit-reset": reset, "date": DATE}) == Standing(0, 0)


def test_c10_concurrent_callers_share_one_gate_of_a_hundred_none_is_refused() -> None:
    world = World()
    server = Server(world, 7, 10_000, limits)
    polite = client(world, server, max_wait_ms=10**9, concurrency=50)
    threads = [threading.Thread(target=polite.limits) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.requests), server.refused) == (100, 0)


def test_c10_an_answer_that_is_overtaken_by_a_later_one_frees_nothing() -> None:
    gate = Gate(World(), 50)
    gate.leave(gate.enter(START), Standing(3, 1_000))
    slow, fast = gate.enter(START), gate.enter(START)
    # The slow one's answer was made before the fast one arrived, and says 2; in truth 1 remains.
    gate.leave(fast, Standing(1, 1_000))
    gate.leave(slow, Standing(2, 1_000))
    gate.enter(START)
    assert gate._left == 0


def test_c10_after_a_refusal_one_goes_ahead_and_the_others_wait_for_what_it_is_told() -> None:
    world = World()
    gate = Gate(world, 50)
    gate.leave(gate.enter(START), Standing(math.inf, 0), 30_000)
    ahead = gate.enter(START + 30_000)
    assert world.time == START + 30_000
    passed: list[Any] = []
    others = [threading.Thread(target=lambda: passed.append(gate.enter(START + 90_000))) for _ in range(3)]
    for thread in others:
        thread.start()
    assert passed == []
    gate.leave(ahead, Standing(3, 1_000))
    for thread in others:
        thread.join()
    assert len(passed) == 3


def test_a_wait_longer_than_may_be_waited_fails_at_once_and_says_until_when() -> None:
    world = World()
    quota = {**REFUSAL, "code": "quota_daily"}
    failing = client(world, always(429, quota, {"retry-after": "36000"}))
    for _ in range(2):
        with pytest.raises(RateLimitError) as caught:
            failing.send_batch([])
        assert (caught.value.code, caught.value.retry_at) == ("quota_daily", START + 36_000_000)
        assert caught.value.attempts == 1, "a quota does not shut the gate for others"
    assert world.slept == []

    shut = client(world, always(429, REFUSAL, {"retry-after": "36000"}))
    with pytest.raises(RateLimitError):
        shut.limits()
    with pytest.raises(RateLimitError) as caught:
        shut.limits()
    assert (caught.value.attempts, caught.value.retry_at) == (0, START + 36_000_000)


def test_overquota_is_not_waited_for() -> None:
    with pytest.raises(RateLimitError) as caught:
        client(World(), always(429, {**REFUSAL, "code": "overquota"})).send_batch([])
    assert (caught.value.attempts, caught.value.retry_at) == (1, None)


SHAPES = [
    {"code": "scope_missing", "detail": "no", "request_id": "req_9"},
    {"error": "scope_missing", "message": "no"},
    {"error": {"code": "SCOPE_MISSING", "message": "no"}},
    {"error_code": "scope_missing", "message": "no", "error": "The API key may not do this", "request_id": "req_9"},
]


@pytest.mark.parametrize("body", SHAPES)
def test_a_callers_mistake_is_told_at_once_in_every_error_shape(body: Json) -> None:
    with pytest.raises(ApiError) as caught:
        client(World(), always(403, body, {"x-request-id": "req_9"})).limits()
    error = caught.value
    assert (error.code, str(error), error.status, error.request_id) == ("scope_missing", "no", 403, "req_9")
    assert error.attempts == 1


def test_what_fails_for_a_moment_is_tried_again() -> None:
    world = World()
    answers = [answer(503, {"code": "store_failed"}), answer(502), answer(200, {"limits": []})]
    assert client(world, one_after_another(answers)).limits() == {"limits": []}
    assert world.slept == [1_000, 1_000]

    broken = client(world, one_after_another([ConnectionError("reset")] * 5))
    with pytest.raises(UnreachableError) as caught:
        broken.limits()
    assert (caught.value.code, caught.value.status, caught.value.attempts) == ("unreachable", 0, 5)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_r247_a_read_that_has_not_changed_is_answered_from_memory() -> None:
    asked: list[str | None] = []

    def transport(request: Request) -> Response:
        asked.append(request.headers.get("if-none-match"))
        return answer(304) if asked[-1] == '"1"' else answer(200, {"limits": ["a"]}, {"etag": '"1"'})

    caching = client(World(), transport)
    assert [caching.usage(), caching.usage()] == [{"limits": ["a"]}] * 2
    assert asked == [None, '"1"']
