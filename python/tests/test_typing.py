"""What the type checkers have to see: mypy and pyright read this in their strict modes, and it runs."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, assert_type

import pytest
import sendgate
from sendgate import (
    Allow,
    Answer,
    Backoff,
    Binding,
    Confirm,
    Defer,
    Deferred,
    Due,
    Event,
    Exhausted,
    FieldError,
    Gate,
    HttpRequest,
    Ledger,
    Limiter,
    Limiters,
    Mailroom,
    Message,
    NeedsCertificate,
    Occupied,
    Passed,
    Provider,
    QuotaUsage,
    Receipt,
    Refused,
    Reject,
    Reservation,
    RetryAt,
    SmtpRequest,
    Standing,
    Suppressions,
    Usage,
    WaitUntil,
)

NOON = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
MINUTE = {"kind": "sliding", "name": "minute", "limit": 3, "period_ms": 60_000}
POSTMARK = Provider("postmark", "token")


def test_limiters() -> None:
    limiter = Limiter({"windows": [MINUTE]})
    decision = limiter.decide(1, NOON)
    assert_type(decision, Allow | Defer | Reject)
    match decision:
        case Allow(charged_at):
            assert_type(charged_at, int)
            assert_type(decision.charged_at_datetime, datetime)
        case Defer(retry_at, window):
            assert_type(retry_at, int)
            assert_type(window, int)
        case Reject(window):
            assert_type(window, int)
    assert_type(limiter.admit(1, 1_800_000_000_000), bool)
    assert_type(limiter.charge(1), int)
    assert_type(limiter.usage(NOON), list[Usage])
    assert_type(limiter.state, bytes)
    limiters = Limiters({"windows": [MINUTE]})
    assert_type(limiters.decide("ann", 1, NOON), Allow | Defer | Reject)
    assert_type(limiters.admit_many(["ann", "bob"]), list[bool])
    assert_type(limiters.admit_many([b"ann"]), list[bool])
    retry = Backoff(base_ms=timedelta(seconds=1)).next(1, 0, NOON, hint_ms=NOON)
    assert_type(retry, RetryAt | Exhausted)
    assert isinstance(retry, RetryAt)
    assert_type(retry.retry_at_datetime, datetime)


def test_a_gate_and_a_ledger() -> None:
    gate = Gate([{"scope": "plan", "name": "shop", "unit": "requests", "windows": [MINUTE]}])
    said = gate.decide({"plan:shop": 1}, NOON)
    assert_type(said, Passed | Deferred | Occupied | Refused)
    match said:
        case Passed():
            pass
        case Deferred(retry_at, binding):
            assert_type(retry_at, int)
            assert_type(binding, Binding)
        case Occupied(binding):
            assert_type(binding, Binding)
        case Refused(reason, of):
            assert_type(reason, str)
            assert_type(of, Binding | None)
    (standing,) = gate.explain([1], held=1)
    assert_type(standing, Standing)
    assert_type(standing.slack, int | None)
    ledger = Ledger({"day": 100}, "Europe/Rome", overdelivery={"allow_up_to": 5})
    reservation = ledger.reserve(2, NOON)
    assert_type(reservation, Reservation)
    assert_type(ledger.peek(500), sendgate.QuotaExceeded | None)
    ledger.commit(reservation, 1)
    ledger.release(reservation)
    assert_type(ledger.usage(), list[QuotaUsage])


def test_messages_and_providers() -> None:
    message = Message(from_="a@shop.example", to=["ann@example.com"], subject="Hi", text_body="Hello", send_at=NOON)
    assert_type(message.recipient_count, int)
    request = POSTMARK.build(message, "order-42", NOON)
    assert_type(request, HttpRequest | SmtpRequest)
    answer = POSTMARK.classify(429, [("Retry-After", "30")], b"", NOON)
    assert_type(answer, Answer)
    assert_type(answer.retry_at_datetime, datetime | None)
    read: Callable[[], object] = lambda: assert_type(  # noqa: E731 - it is read, not called
        POSTMARK.parse_webhook({}, b""), list[Event] | NeedsCertificate | Confirm
    )
    with pytest.raises(sendgate.WebhookRefused):
        read()
    suppressed = Suppressions(["ann@example.com"])
    assert_type("ann@example.com" in suppressed, bool)
    assert_type(suppressed.contains_many(("ann@example.com",)), list[bool])


def test_a_mailroom(tmp_path: Path) -> None:
    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        assert_type(request.headers, dict[str, str])
        return 200, {}, b'{"ErrorCode":0,"MessageID":"b7bc2f4a"}'

    message = Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello")
    with Mailroom(tmp_path / "mail.db", POSTMARK, transport=carry, lease_ms=timedelta(seconds=20)) as mailroom:
        assert_type(mailroom, Mailroom)
        receipts = mailroom.submit(message)
        assert_type(receipts, list[Receipt])
        assert_type(receipts[0].errors, list[FieldError])
        upcoming = mailroom.next()
        assert_type(upcoming, Due | WaitUntil | None)
        if isinstance(upcoming, Due):
            mailroom.carry(upcoming)
        assert_type(mailroom.drain(5), bool)
        assert_type(mailroom.trace("msg_1"), dict[str, Any] | None)

    async def again() -> None:
        async with Mailroom(tmp_path / "mail.db", POSTMARK, transport=carry) as mailroom:
            assert_type(mailroom, Mailroom)
            assert_type(await mailroom.submit_async([message]), list[Receipt])
            assert_type(await mailroom.drain_async(5), bool)

    asyncio.run(again())


def test_exceptions() -> None:
    try:
        Ledger({"day": 1}).reserve(2)
    except sendgate.QuotaExceeded as spent:
        assert_type(spent.period, Literal["day", "month", "year"] | None)
        assert_type(spent.retry_at_datetime, datetime | None)
        assert_type(spent.free, int | None)
        assert_type(spent.code, str)
    try:
        Message(from_="a@", to="ann@example.com")
    except sendgate.InvalidMessage as wrong:
        assert_type(wrong.errors, list[FieldError])
    limited = sendgate.ApiRateLimited(retry_at=1)
    assert_type(limited.retry_at, int | None)
    assert_type(limited.window, str | None)
    assert_type(limited.is_retryable, bool)
