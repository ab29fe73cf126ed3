"""Exceptions are one tree, and each is raised by a case here: one that is added without a case fails."""

import inspect
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sendgate
from sendgate import (
    ApiError,
    ApiQuotaExceeded,
    ApiRateLimited,
    HttpRequest,
    IdempotencyConflict,
    InvalidInput,
    InvalidMessage,
    Limiter,
    Mailroom,
    Message,
    NotSent,
    Provider,
    QuotaExceeded,
    RateLimited,
    RateLimitError,
    SendgateError,
    StoreFailed,
    UnreachableError,
    UnsupportedFeature,
    WebhookRefused,
)
from world import REFUSAL, START, World, always, client, one_after_another

NOON = 1_800_000_000_000
POSTMARK = Provider("postmark", "token")
HOUR = {"kind": "sliding", "name": "hour", "limit": 1, "period_ms": 3_600_000}


def message(subject: str = "Hi") -> Message:
    return Message(from_="a@shop.example", to="ann@example.com", subject=subject, text_body="Hello")


def malformed_policy(_: Path) -> None:
    Limiter({"windows": []})


def malformed_message(_: Path) -> None:
    Message(from_="a@", to="ann@example.com", subject="Hi", text_body="Hello")


def missing_feature(_: Path) -> None:
    template = Message(from_="a@shop.example", to="ann@example.com", template={"id": "7"})
    Provider("smtp", base_url="smtp://127.0.0.1:1").build(template, "id")


def another_message_under_a_key(path: Path) -> None:
    mailroom = Mailroom(path / "mail.db", POSTMARK)
    mailroom.submit(message(), "key")
    mailroom.submit(message("Another"), "key")


def forged_report(_: Path) -> None:
    POSTMARK.parse_webhook({}, b"{}", secrets=["user:password"])


def no_directory(path: Path) -> None:
    Mailroom(path / "nowhere" / "mail.db", POSTMARK)


def full_window(path: Path) -> None:
    mailroom = Mailroom(path / "mail.db", POSTMARK, account_windows=[HOUR])
    mailroom.submit(message())
    mailroom.submit(message())


def spent_quota(path: Path) -> None:
    mailroom = Mailroom(path / "mail.db", POSTMARK, quotas=[{"period": "month", "limit": 1}])
    mailroom.submit(message())
    mailroom.submit(message())


def spent_ledger(_: Path) -> None:
    sendgate.Ledger({"day": 1}).reserve(2, NOON)


def transport_that_has_not_sent(path: Path) -> None:
    """What a transport raises is for the Mailroom; here it is seen on its way."""
    raised: list[NotSent] = []

    def carry(_: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        raised.append(NotSent("no connection", code="refused"))
        raise raised[0]

    mailroom = Mailroom(path / "mail.db", POSTMARK, transport=carry)
    (receipt,) = mailroom.submit(message())
    due = mailroom.next()
    assert isinstance(due, sendgate.Due)
    mailroom.carry(due)
    view = mailroom.trace(receipt.message_id or "")
    assert view is not None and view["status"] == "deferred"
    raise raised[0]


def refusal_of_the_api(_: Path) -> None:
    client(World(), always(403, {"code": "scope_missing", "detail": "no"})).limits()


def api_window(_: Path) -> None:
    client(World(), always(429, REFUSAL, {"retry-after": "1"})).limits()


def api_quota(_: Path) -> None:
    client(World(), always(429, {**REFUSAL, "code": "quota_daily"}, {"retry-after": "36000"})).send_batch([])


def nobody_answers(_: Path) -> None:
    client(World(), one_after_another([TimeoutError()] * 5)).limits()


# What is raised exactly, by what, and its stable word. An abstract class has the case of one below it.
CASES: list[tuple[type[SendgateError], Callable[[Path], None], str]] = [
    (InvalidInput, malformed_policy, "window_count"),
    (InvalidMessage, malformed_message, "invalid_address"),
    (UnsupportedFeature, missing_feature, "unsupported_feature"),
    (IdempotencyConflict, another_message_under_a_key, "idempotency_conflict"),
    (WebhookRefused, forged_report, "webhook_unsigned"),
    (StoreFailed, no_directory, "database_open"),
    (RateLimited, full_window, "rate_limit_exceeded"),
    (QuotaExceeded, spent_quota, "quota_monthly"),
    (QuotaExceeded, spent_ledger, "overquota"),
    (NotSent, transport_that_has_not_sent, "refused"),
    (ApiError, refusal_of_the_api, "scope_missing"),
    (ApiRateLimited, api_window, "rate_limit_exceeded"),
    (ApiQuotaExceeded, api_quota, "quota_daily"),
    (UnreachableError, nobody_answers, "unreachable"),
]
ABSTRACT = {SendgateError: InvalidInput, RateLimitError: ApiRateLimited}


def test_every_exported_exception_has_a_case() -> None:
    public = {getattr(sendgate, name) for name in sendgate.__all__}
    exported = {kind for kind in public if inspect.isclass(kind) and issubclass(kind, BaseException)}
    raised = {kind for kind, _, _ in CASES}
    assert exported == raised | set(ABSTRACT)
    for kind, below in ABSTRACT.items():
        assert issubclass(below, kind) and below in raised


@pytest.mark.parametrize(("kind", "case", "code"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_a_case_raises_its_exception(
    kind: type[SendgateError], case: Callable[[Path], None], code: str, tmp_path: Path
) -> None:
    with pytest.raises(SendgateError) as raised:
        case(tmp_path)
    error = raised.value
    assert type(error) is kind
    assert error.code == code
    assert "ann@" not in str(error) and "token" not in str(error)
    # It crosses to another process with all it says.
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is kind and str(again) == str(error) and vars(again) == vars(error)


def test_rate_limited_is_one_whoever_says_so_and_no_quota(tmp_path: Path) -> None:
    windows: list[Callable[[Path], None]] = [full_window, api_window]
    quotas: list[Callable[[Path], None]] = [spent_quota, api_quota]
    for case in windows:
        with pytest.raises(RateLimited) as limited:
            case(tmp_path)
        assert not isinstance(limited.value, QuotaExceeded)
        assert isinstance(limited.value.window, str)
        assert isinstance(limited.value.retry_at_datetime, datetime)
    for number, case in enumerate(quotas):
        place = tmp_path / str(number)
        place.mkdir()
        with pytest.raises(QuotaExceeded) as spent:
            case(place)
        assert not isinstance(spent.value, RateLimited)
        assert spent.value.period in ("day", "month")
        assert isinstance(spent.value.retry_at, int)


def test_both_refusals_of_the_api_are_a_rate_limit_error() -> None:
    for case in (api_window, api_quota):
        with pytest.raises(RateLimitError) as caught:
            case(Path())
        assert isinstance(caught.value, ApiError) and caught.value.status == 429


def test_what_is_malformed_is_a_value_error_and_nothing_else_is() -> None:
    malformed: set[type[Exception]] = {kind for kind, _, _ in CASES if issubclass(kind, ValueError)}
    assert malformed == {InvalidInput, InvalidMessage, UnsupportedFeature, IdempotencyConflict, WebhookRefused}


def test_an_end_is_there_as_a_datetime_too() -> None:
    with pytest.raises(ApiQuotaExceeded) as spent:
        api_quota(Path())
    # The world's clock has not moved: what is asked to be waited is ten hours.
    assert spent.value.retry_at == START + 36_000_000
    told = spent.value.retry_at_datetime
    assert told is not None and told == datetime.fromtimestamp(spent.value.retry_at / 1_000, UTC)
    with pytest.raises(QuotaExceeded) as never:
        spent_ledger(Path())
    assert (never.value.retry_at, never.value.retry_at_datetime, never.value.free) == (None, None, 1)


def test_a_tree_can_be_made_by_hand_for_tests_of_ones_own() -> None:
    error = RateLimited("full", retry_at=NOON, window="hour")
    assert (str(error), error.code, error.window) == ("full", "rate_limit_exceeded", "hour")
    assert json.dumps({"retry_at": error.retry_at}) == '{"retry_at": 1800000000000}'
