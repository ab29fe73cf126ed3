"""The installed wheel, from outside. Expected values are reasoned by hand; behaviour in full is in the vectors."""

import ast
import doctest
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sendgate
from sendgate import Allow, Backoff, Defer, Exhausted, Limiter, Reject, RetryAt, SendgateError, Usage

NOON = 1_800_000_000_000


def three_a_second() -> Limiter:
    return Limiter({"windows": [{"kind": "sliding", "name": "second", "limit": 3, "period_ms": 1_000}]})


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(SendgateError) as caught:
        call()
    return caught.value.code


def test_allow_defer_and_reject_are_three_answers() -> None:
    limiter = three_a_second()
    assert limiter.decide(3, NOON) == Allow(charged_at=NOON)
    assert limiter.decide(1, NOON) == Defer(retry_at=NOON + 1_000, window=0)
    assert limiter.decide(4, NOON) == Reject(window=0)
    assert limiter.peek(3, NOON + 1_000) == Allow(charged_at=NOON + 1_000)


def test_answers_match_in_a_match_statement() -> None:
    limiter = three_a_second()
    limiter.charge(3, NOON)
    match limiter.decide(1, NOON):
        case Defer(retry_at, window):
            assert (retry_at, window) == (NOON + 1_000, 0)
        case other:
            pytest.fail(f"not deferred: {other}")


def test_answers_are_frozen_hashable_and_readable() -> None:
    for answer, field, text in [
        (Allow(5), "charged_at", "Allow(charged_at=5)"),
        (Defer(5, 1), "retry_at", "Defer(retry_at=5, window=1)"),
        (Reject(1), "window", "Reject(window=1)"),
        (RetryAt(5), "retry_at", "RetryAt(retry_at=5)"),
        (Exhausted(5), "attempts", "Exhausted(attempts=5)"),
        (Usage(3, 1, 2, 5, 6), "used", "Usage(limit=3, used=1, remaining=2, next_at=5, full_at=6)"),
    ]:
        assert repr(answer) == text
        assert len({answer, answer}) == 1
        with pytest.raises(AttributeError):
            setattr(answer, field, 7)
    assert Allow(5) != Allow(6)
    assert Allow(5) != Reject(5)


def test_a_policy_is_a_dict_or_its_json() -> None:
    text = '{"windows":[{"kind":"sliding","name":"second","limit":3,"period_ms":1000}]}'
    assert Limiter(text).state == three_a_second().state


def test_a_refund_and_a_charge_past_the_limit_show_in_the_usage() -> None:
    limiter = three_a_second()
    assert limiter.charge(5, NOON) == NOON
    limiter.refund(3, NOON, NOON)
    [usage] = limiter.usage(NOON)
    assert (usage.limit, usage.used, usage.remaining) == (3, 2, 1)


def test_a_state_moves_to_another_limiter() -> None:
    first, second = three_a_second(), three_a_second()
    first.decide(3, NOON)
    second.load(first.state)
    assert second.decide(1, NOON) == Defer(retry_at=NOON + 1_000, window=0)


def test_a_refused_state_leaves_the_limiter_as_it_was() -> None:
    limiter = three_a_second()
    limiter.decide(2, NOON)
    before = limiter.state
    assert code_of(lambda: limiter.load(before[:-1])) == "state_length"
    assert limiter.state == before


def test_every_error_of_a_policy_has_its_code() -> None:
    window = {"kind": "sliding", "name": "second", "limit": 3, "period_ms": 1_000}
    calendar = {"kind": "calendar", "name": "day", "limit": 3, "unit": "day", "time_zone": "Moon/Crater"}
    for windows, code in [
        ([{**window, "colour": "red"}], "malformed_policy"),
        ([], "window_count"),
        ([{**window, "name": ""}], "bad_window_name"),
        ([window, window], "duplicate_window_name"),
        ([{**window, "limit": 0}], "out_of_range"),
        ([calendar], "unknown_time_zone"),
    ]:
        policy: dict[str, Any] = {"windows": windows}
        assert code_of(partial(Limiter, policy)) == code


def test_an_error_is_a_value_error_with_its_text() -> None:
    with pytest.raises(ValueError, match=r"a limiter has 1 to 8 windows, got 0"):
        Limiter({"windows": []})


def test_an_argument_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        Limiter(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        three_a_second().decide("1", NOON)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        three_a_second().decide(-1, NOON)


def test_threads_share_one_budget() -> None:
    limiter = Limiter({"windows": [{"kind": "sliding", "name": "hour", "limit": 100, "period_ms": 3_600_000}]})
    allowed: list[Allow] = []

    def ask() -> None:
        answers = [limiter.decide(1, NOON) for _ in range(100)]
        allowed.extend(answer for answer in answers if isinstance(answer, Allow))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 100


def test_a_backoff_doubles_until_it_gives_up() -> None:
    """R102, R103; that the draws are the same in every language (R107) is in the vectors."""
    backoff = Backoff(base_ms=1_000, cap_ms=5_000, max_attempts=4, jitter="none")
    assert backoff.next(2, 0, NOON) == RetryAt(NOON + 2_000)
    assert backoff.next(3, 0, NOON, hint_ms=NOON + 9_000) == RetryAt(NOON + 9_000)
    assert backoff.next(4, 0, NOON) == Exhausted(4)


def test_what_a_backoff_is_not_told_is_the_default_of_the_core() -> None:
    backoff = Backoff(base_ms=7)
    assert backoff == Backoff(base_ms=7, cap_ms=60_000, max_attempts=5, jitter="full")
    assert (backoff.base_ms, backoff.cap_ms, backoff.max_attempts, backoff.jitter) == (7, 60_000, 5, "full")
    assert repr(backoff) == "Backoff(base_ms=7, cap_ms=60000, max_attempts=5, jitter='full')"
    assert code_of(lambda: Backoff(jitter="some")) == "unknown_variant"  # type: ignore[arg-type]


def test_an_address_is_normalized_or_refused_without_being_repeated() -> None:
    assert sendgate.normalize_address("Ann@BÜCHER.example") == "ann@xn--bcher-kva.example"
    with pytest.raises(SendgateError) as caught:
        sendgate.normalize_address("ann.example")
    assert re.fullmatch(r"[a-z_]+", caught.value.code)
    assert "ann" not in str(caught.value)


def test_the_examples_of_the_package_and_of_every_class_run() -> None:
    result = doctest.testmod(sendgate)
    assert (result.attempted, result.failed) == (55, 0)


def test_the_examples_of_the_stub_run() -> None:
    """An editor shows these."""
    stub = Path(sendgate.__file__).with_suffix(".pyi")
    runner, parser = doctest.DocTestRunner(), doctest.DocTestParser()
    for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            runner.run(parser.get_doctest(ast.get_docstring(node) or "", {}, node.name, stub.name, node.lineno))
    result = runner.summarize()
    # Those of the package's own docstring are not in it.
    assert (result.attempted, result.failed) == (45, 0)


def test_every_public_name_has_a_docstring() -> None:
    for name in sendgate.__all__:
        value = getattr(sendgate, name)
        assert isinstance(value, str) or value.__doc__, name
        members = vars(value) if isinstance(value, type) else {}
        for member in members:
            if not member.startswith("_"):
                assert getattr(value, member).__doc__, f"{name}.{member}"
