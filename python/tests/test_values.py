"""Values: frozen, equal, hashable, readable, copied and pickled. Every public class is in a row here.

Expected values are reasoned by hand.
"""

import copy
import inspect
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sendgate
from sendgate import (
    Allow,
    Answer,
    Backoff,
    Binding,
    Client,
    Confirm,
    Defer,
    Deferred,
    Due,
    Event,
    Exhausted,
    FieldError,
    Finding,
    Forecast,
    Gate,
    HttpRequest,
    InvalidInput,
    Ledger,
    Limiter,
    Limiters,
    LimitId,
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
    Stretch,
    Suppressions,
    Usage,
    Waiting,
    WaitUntil,
)

NOON = 1_800_000_000_000
AT_NOON = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
WINDOW = {"kind": "sliding", "name": "minute", "limit": 3, "period_ms": 60_000}
POLICY: dict[str, Any] = {"windows": [WINDOW]}
DIMENSION: dict[str, Any] = {"scope": "plan", "name": "shop", "unit": "requests", "windows": [WINDOW]}
MINUTE = Binding("plan", "shop", "minute")
SECOND = LimitId("provider", "postmark", "api-second", 10, "requests")
SHOP = Provider("postmark", "token")


def message(subject: str = "Hi") -> Message:
    return Message(from_="a@shop.example", to="ann@example.com", subject=subject, text_body="Hello")


# A value, and one that differs.
VALUES: list[tuple[Any, Any]] = [
    (Allow(NOON), Allow(NOON + 1)),
    (Defer(NOON, 1), Defer(NOON, 2)),
    (Reject(1), Reject(2)),
    (Usage(3, 1, 2, NOON, NOON + 5), Usage(3, 2, 1, NOON, NOON + 5)),
    (RetryAt(NOON), RetryAt(NOON + 1)),
    (Exhausted(5), Exhausted(6)),
    (Backoff(base_ms=7, jitter="none"), Backoff(base_ms=8, jitter="none")),
    (MINUTE, Binding("plan", "shop", "hour")),
    (Passed(), Occupied(MINUTE)),
    (Deferred(NOON, MINUTE), Deferred(NOON + 1, MINUTE)),
    (Occupied(MINUTE), Occupied(Binding("key", "k1", "minute"))),
    (Refused("never_fits", MINUTE), Refused("account_closed")),
    (
        Standing("plan", "shop", "requests", "minute", 3, 1, 2, None, NOON, NOON, True),
        Standing("plan", "shop", "requests", "minute", 3, 1, 2, 2, NOON, NOON, True),
    ),
    (Reservation("2:1796119200000:dm"), Reservation("2:1796119200000:d")),
    (QuotaUsage("day", 9, 1, 2, 3, 6, 0, NOON, NOON + 1), QuotaUsage("day", 9, 1, 2, 3, 6, 0, NOON, NOON + 2)),
    (FieldError("to", "missing_recipient", "none"), FieldError("cc", "missing_recipient", "none")),
    (message(), message("Another")),
    (
        HttpRequest("POST", "https://esp.example/", {"a": "b"}, b"{}"),
        HttpRequest("POST", "https://esp.example/", {"a": "b"}, b""),
    ),
    (
        SmtpRequest("mail.example", 465, "implicit", ("u", "p"), "a@shop.example", ["b@example.com"], False, b"x"),
        SmtpRequest("mail.example", 465, "implicit", None, "a@shop.example", ["b@example.com"], False, b"x"),
    ),
    (
        Answer("accepted", None, "b7bc2f4a", 200, "0", [("b@example.com", "suppressed")]),
        Answer("throttled", NOON, status=429),
    ),
    (Event("postmark", "bounced", "key", NOON, bounce_class="hard"), Event("postmark", "bounced", "other", NOON)),
    (NeedsCertificate("https://sns.example/1.pem"), NeedsCertificate("https://sns.example/2.pem")),
    (Confirm("https://sns.example/?Token=1"), Confirm("https://sns.example/?Token=2")),
    (Receipt("msg_1", "queued", ["missing_unsubscribe"]), Receipt(None, "refused", [], "from_not_allowed", [])),
    (WaitUntil(NOON), WaitUntil(NOON + 1)),
    (SECOND, LimitId("provider", "postmark", "api-minute", 500, "requests")),
    (Stretch(SECOND, NOON, NOON + 5, 5), Stretch(SECOND, NOON, NOON + 5, 4)),
    (Waiting(1, 2, 3, 4), Waiting(1, 2, 3, 5)),
    (Finding("code", "note", "to", "why", "R1"), Finding("code", "error", "to", "why", "R1")),
]

# What holds a state goes on by itself as a copy: how it is made, how two of its units are used, and where it stands.
HOLDERS: list[tuple[type[Any], Callable[[], Any], Callable[[Any], object], Callable[[Any], object]]] = [
    (Limiter, lambda: Limiter(POLICY), lambda held: held.decide(2, NOON), lambda held: held.usage(NOON)),
    (Gate, lambda: Gate([DIMENSION]), lambda held: held.decide(2, NOON), lambda held: held.explain(1, NOON)),
    (Ledger, lambda: Ledger({"day": 3}), lambda held: held.reserve(2, NOON), lambda held: held.usage(NOON)),
]


def due() -> Due:
    """A call that nobody carries out."""
    mailroom = Mailroom(":memory:", SHOP)
    mailroom.submit(message())
    found = mailroom.next()
    assert isinstance(found, Due)
    return found


# What is not pickled, and the words of the refusal. A credential never leaves the process unasked.
REFUSALS: list[tuple[type[Any], Callable[[], object], str]] = [
    (Provider, lambda: SHOP, "credential"),
    (Suppressions, Suppressions, "secret key"),
    (Limiters, lambda: Limiters(POLICY), "keep no names"),
    (Mailroom, lambda: Mailroom(":memory:", SHOP), "credentials"),
    (Due, due, "Mailroom"),
    (Forecast, lambda: sendgate.plan(SHOP, 1), "ask simulate or plan again"),
    (Client, lambda: Client("https://mail.shop.example", "sg_k"), "key"),
    (sendgate.AsyncClient, lambda: sendgate.AsyncClient("https://mail.shop.example", "sg_k"), "key"),
]


def test_every_public_class_is_in_a_row() -> None:
    """A class that is added has to say whether it is a value, holds a state, or is never pickled."""
    rows = {type(value) for value, _ in VALUES} | {row[0] for row in HOLDERS} | {row[0] for row in REFUSALS}
    public = {getattr(sendgate, name) for name in sendgate.__all__}
    classes = {kind for kind in public if inspect.isclass(kind) and not issubclass(kind, Exception)}
    assert classes == rows


@pytest.mark.parametrize(("value", "other"), VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_frozen_equal_hashable_and_readable(value: Any, other: Any) -> None:  # noqa: ANN401
    assert value == copy.copy(value) and value != other and value != 5
    assert hash(value) == hash(copy.deepcopy(value))
    assert len({value, other, copy.copy(value)}) == 2
    assert type(value).__name__ in repr(value)
    assert "ann@" not in repr(value) and "Token" not in repr(value)
    fields = [name for name in dir(value) if not name.startswith("_") and not callable(getattr(value, name))]
    for name in [*fields, "another"]:
        with pytest.raises(AttributeError):
            setattr(value, name, 7)
    with pytest.raises(TypeError):
        type("Sub", (type(value),), {})


@pytest.mark.parametrize("value", [value for row in VALUES for value in row], ids=lambda value: type(value).__name__)
def test_a_value_is_pickled_by_every_protocol_from_2_on(value: object) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert type(again) is type(value) and again == value


COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(("kind", "made", "use", "standing"), HOLDERS)
def test_a_copy_of_what_holds_a_state_goes_on_by_itself(
    kind: type[Any],
    made: Callable[[], Any],
    use: Callable[[Any], object],
    standing: Callable[[Any], object],
    copied: Callable[[Any], Any],
) -> None:
    first = made()
    used = use(first)
    second = copied(first)
    assert type(second) is kind
    assert (second.state, standing(second), repr(second)) == (first.state, standing(first), repr(first))
    # What the copy uses is not used of the first.
    before, fresh = standing(first), made()
    assert used == use(fresh)
    try:
        assert use(second) != used
    except sendgate.QuotaExceeded as spent:
        assert spent.free == 1
    assert standing(first) == before


@pytest.mark.parametrize(("kind", "made", "words"), REFUSALS)
def test_what_holds_a_secret_or_a_file_is_not_pickled(kind: type[Any], made: Callable[[], object], words: str) -> None:
    held = made()
    assert type(held) is kind
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=words):
            pickle.dumps(held, protocol)
    assert "token" not in repr(held) and "sg_k" not in repr(held)


def test_copies_of_a_provider_and_of_suppressions_stay_in_the_process() -> None:
    assert copy.copy(SHOP) is SHOP and copy.deepcopy([SHOP])[0] is SHOP
    first = Suppressions(["ann@example.com"])
    second, third = copy.copy(first), copy.deepcopy(first)
    second.add("bob@example.com")
    assert ("bob@example.com" in second, "bob@example.com" in first) == (True, False)
    assert "ann@example.com" in third and third.key == first.key


# Every argument that is an instant: what takes it, and what it answers.
INSTANTS: list[tuple[str, Callable[[Any], object]]] = [
    ("charged_at", Allow),
    ("retry_at", lambda at: Defer(at, 0)),
    ("retry_at", RetryAt),
    ("retry_at", lambda at: Deferred(at, MINUTE)),
    ("retry_at", lambda at: Answer("throttled", at)),
    ("next_at", lambda at: Usage(3, 1, 2, at, NOON)),
    ("full_at", lambda at: Usage(3, 1, 2, NOON, at)),
    ("next_at", lambda at: Standing("key", "k", "requests", "m", 3, 1, 2, 2, at, NOON, True)),
    ("full_at", lambda at: Standing("key", "k", "requests", "m", 3, 1, 2, 2, NOON, at, True)),
    ("starts_at", lambda at: QuotaUsage("day", 9, 1, 2, 3, 6, 0, at, NOON)),
    ("resets_at", lambda at: QuotaUsage("day", 9, 1, 2, 3, 6, 0, NOON, at)),
    ("at", lambda at: Event("postmark", "sent", "key", at)),
    ("at", WaitUntil),
    ("now_ms", lambda now: Limiter(POLICY).decide(1, now)),
    ("now_ms", lambda now: Limiter(POLICY).peek(1, now)),
    ("now_ms", lambda now: Limiter(POLICY).admit(1, now)),
    ("now_ms", lambda now: Limiter(POLICY).charge(1, now)),
    ("now_ms", lambda now: Limiter(POLICY).usage(now)),
    ("charged_at", lambda at: Limiter(POLICY).refund(1, at, NOON)),
    ("now_ms", lambda now: Limiter(POLICY).refund(1, NOON, now)),
    ("now_ms", lambda now: Limiters(POLICY).decide("a", 1, now)),
    ("now_ms", lambda now: Limiters(POLICY).peek("a", 1, now)),
    ("now_ms", lambda now: Limiters(POLICY).admit("a", 1, now)),
    ("now_ms", lambda now: Limiters(POLICY).admit_many(["a"], 1, now)),
    ("now_ms", lambda now: Limiters(POLICY).usage("a", now)),
    ("now_ms", lambda now: Limiters(POLICY).evict(None, now)),
    ("charged_at", lambda at: Limiters(POLICY).refund("a", 1, at, NOON)),
    ("now_ms", lambda now: Backoff(jitter="none").next(1, 0, now)),
    ("hint_ms", lambda hint: Backoff(jitter="none").next(1, 0, NOON, hint_ms=hint)),
    ("now_ms", lambda now: Gate([DIMENSION]).decide(1, now)),
    ("now_ms", lambda now: Gate([DIMENSION]).peek(1, now)),
    ("now_ms", lambda now: Gate([DIMENSION]).explain(1, now)),
    ("now_ms", lambda now: Gate([DIMENSION]).charge(1, now)),
    ("now_ms", lambda now: Ledger({"day": 3}).reserve(1, now)),
    ("now_ms", lambda now: Ledger({"day": 3}).peek(1, now)),
    ("now_ms", lambda now: Ledger({"day": 3}).commit(Reservation("2:1796119200000:d"), 1, now)),
    ("now_ms", lambda now: Ledger({"day": 3}).release(Reservation("2:1796119200000:d"), 1, now)),
    ("now_ms", lambda now: Ledger({"day": 3}).usage(now)),
    ("now_ms", lambda now: SHOP.build(message(), "id", now)),
    ("now_ms", lambda now: SHOP.build_batch([(message(), "id")], now)),
    ("now_ms", lambda now: SHOP.classify(429, {"Retry-After": "3"}, b"", now)),
    ("now_ms", lambda now: SHOP.classify_batch(429, {"Retry-After": "3"}, b"", 2, now)),
]


@pytest.mark.parametrize(("argument", "asked"), INSTANTS)
def test_an_instant_is_milliseconds_or_an_aware_datetime(argument: str, asked: Callable[[Any], object]) -> None:
    rome = AT_NOON.astimezone(timezone(timedelta(hours=1)))
    assert asked(NOON) == asked(AT_NOON) == asked(rome)
    with pytest.raises(InvalidInput, match=rf"^{argument} is a datetime without a time zone") as naive:
        asked(datetime(2027, 1, 15, 8, 0))
    assert naive.value.code == "naive_datetime"
    with pytest.raises(InvalidInput, match=rf"^{argument} must be 1970 or later") as early:
        asked(datetime(1969, 12, 31, tzinfo=UTC))
    assert early.value.code == "out_of_range"
    with pytest.raises(TypeError, match=argument):
        asked("2027-01-15T08:00:00Z")


def test_parse_webhook_takes_its_instants_and_durations_too() -> None:
    for now, tolerance in ((NOON, 300_000), (AT_NOON, timedelta(minutes=5))):
        with pytest.raises(sendgate.WebhookRefused):
            SHOP.parse_webhook({}, b"{}", now, secrets=["u:p"], tolerance_ms=tolerance)
    with pytest.raises(InvalidInput, match=r"^now_ms is a datetime without"):
        SHOP.parse_webhook({}, b"{}", datetime(2027, 1, 15))
    with pytest.raises(InvalidInput, match=r"^tolerance_ms must not be negative"):
        SHOP.parse_webhook({}, b"{}", NOON, tolerance_ms=timedelta(seconds=-1))


def test_part_of_a_millisecond_is_cut_off_exactly() -> None:
    # A float of seconds would have rounded the first up and the second down.
    for micros, millis in ((999, 0), (1_000, 1), (1_001, 1), (999_999, 999)):
        assert Allow(AT_NOON + timedelta(microseconds=micros)).charged_at == NOON + millis


def test_every_instant_that_comes_back_is_there_as_a_datetime() -> None:
    """The convention: beside each field that is an instant stands one called ``*_datetime``."""
    instants = {
        "charged_at",
        "retry_at",
        "next_at",
        "full_at",
        "at",
        "starts_at",
        "resets_at",
        "reserved_at",
        "from_at",
        "until_at",
    }
    seen = set()
    for value in [value for row in VALUES for value in row]:
        for field in instants & set(dir(value)):
            seen.add(field)
            told, millis = getattr(value, f"{field}_datetime"), getattr(value, field)
            if millis is None:
                assert told is None
            else:
                assert told == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
                assert told.utcoffset() == timedelta(0)
        for field in dir(value):
            assert not field.endswith("_at") or field in instants, f"{field} has no datetime"
    assert seen == instants
    assert Allow(NOON).charged_at_datetime == AT_NOON


def test_durations_are_milliseconds_or_a_timedelta() -> None:
    assert Backoff(base_ms=timedelta(seconds=2), cap_ms=timedelta(minutes=1)) == Backoff(base_ms=2_000, cap_ms=60_000)
    with pytest.raises(InvalidInput, match=r"^base_ms must not be negative"):
        Backoff(base_ms=timedelta(seconds=-1))
    with pytest.raises(TypeError, match="cap_ms"):
        Backoff(cap_ms=1.5)  # type: ignore[arg-type]
    Mailroom(":memory:", SHOP, lease_ms=timedelta(seconds=30))


def test_values_match_by_their_fields() -> None:
    match Answer("throttled", NOON, status=429):
        case Answer("throttled", retry_at, status=429):
            assert retry_at == NOON
        case other:
            pytest.fail(f"not matched: {other}")
