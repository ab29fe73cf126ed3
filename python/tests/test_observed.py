"""What a Mailroom tells of itself: to logs, to OpenTelemetry's own SDK, and errors by mail without a flood."""

from __future__ import annotations

import doctest
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sendgate
from fits import Outbox
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sendgate import HttpRequest, Message, Provider, observed
from sendgate import logging as sendgate_logging
from sendgate.logging import LogObserver, MailHandler
from sendgate.observed import Attempt, ObservedMailroom, Observer, Submission
from sendgate.opentelemetry import OpenTelemetryObserver
from world import START, World, client
from world import accept as accepting

SOON = {"base_ms": 1, "cap_ms": 20, "hold_ms": 20}
PERSONAL = ("ann", "example.com", "shop.example", "Secret", "Hello", "token")


class Notes(Observer):
    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.attempts: list[Attempt] = []

    def submitted(self, submission: Submission) -> None:
        self.submissions.append(submission)

    def attempted(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)


def message(subject: str = "Secret", **more: Any) -> Message:  # noqa: ANN401 - fields
    fields = {"from": "shop@shop.example", "to": "ann@example.com", "subject": subject, "text_body": "Hello", **more}
    return Message(fields)


def opened(path: Path, *observers: Observer, **more: Any) -> ObservedMailroom:  # noqa: ANN401 - settings
    settings = {"transport": Outbox(), "retry": SOON, **more}
    return ObservedMailroom(path / "mail.db", Provider("postmark", "token"), observers=observers, **settings)


def fickle() -> Callable[[HttpRequest], tuple[int, dict[str, str], bytes]]:
    """Surely not, then a broken server, then yes; and a subject of its own is refused for good."""
    outbox, calls = Outbox(), []

    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        if b"refused" in request.body:
            # postmarkapp.com/developer/api/overview: 300 is an invalid email request.
            return 422, {}, b'{"ErrorCode":300,"Message":"no"}'
        calls.append(request)
        if len(calls) == 1:
            raise sendgate.NotSent
        return outbox(request)

    return carry


def test_the_examples_run() -> None:
    for module in (observed, sendgate_logging):
        assert doctest.testmod(module).failed == 0


def test_every_submission_and_attempt_is_told(tmp_path: Path) -> None:
    notes = Notes()
    with opened(tmp_path, notes, transport=fickle(), domains=["shop.example"]) as room:
        assert room.run() and not room.run()
        receipts = room.submit([message(), message(**{"from": "a@other.example"})])
        assert room.drain(30)
        (refused,) = room.submit(message("refused"))
        assert room.drain(30)
        with pytest.raises(sendgate.InvalidMessage):
            room.submit(message(**{"from": "a@other.example"}))
    first, second, third = notes.submissions
    assert (first.message_ids, first.accepted, first.refused) == ((receipts[0].message_id,), 1, 1)
    assert second.message_ids == (refused.message_id,)
    assert (third.accepted, third.refused, third.error) == (0, 1, "from_not_allowed")
    told = [(attempt.number, attempt.status) for attempt in notes.attempts]
    assert told == [(1, "deferred"), (2, "sent"), (1, "failed")]
    deferred, sent, failed = notes.attempts
    assert deferred.retry_at is not None and deferred.provider == "postmark"
    assert sent.message_id == receipts[0].message_id and sent.waited_ms >= 0 and sent.ended_ns >= sent.started_ns
    assert (failed.http_status, failed.error, sent.error, deferred.error) == (422, "refused", None, "transient")


def test_many_are_delivered_at_once_and_each_is_told(tmp_path: Path) -> None:
    notes, outbox = Notes(), Outbox()
    with opened(tmp_path, notes, transport=outbox) as room:
        room.submit([message(str(n)) for n in range(100)])
        assert room.drain(30)
    assert len(outbox.calls) == 100
    assert sorted(attempt.message_id for attempt in notes.attempts) == sorted(notes.submissions[0].message_ids)


@pytest.mark.parametrize(
    ("answer", "attempts", "status", "error"),
    [
        ((429, {}, b"{}"), 5, "deferred", "throttled"),
        ((500, {}, b"{}"), 1, "held", "attempts_exhausted"),
        # postmarkapp.com/developer/api/overview: 10 a bad token, 400 an unknown sender, 405 no credits, 406 inactive.
        ((401, {}, b'{"ErrorCode":10}'), 5, "held", "credentials_wrong"),
        ((422, {}, b'{"ErrorCode":400}'), 5, "held", "sender_refused"),
        ((422, {}, b'{"ErrorCode":405}'), 5, "deferred", "quota_spent"),
        ((422, {}, b'{"ErrorCode":406}'), 5, "suppressed", "provider_suppressed"),
    ],
)
def test_an_answer_has_one_meaning(
    tmp_path: Path, answer: tuple[int, dict[str, str], bytes], attempts: int, status: str, error: str
) -> None:
    notes = Notes()
    room = opened(tmp_path, notes, transport=lambda _: answer, retry={"max_attempts": attempts})
    room.submit(message())
    due = room.next()
    assert isinstance(due, sendgate.Due)
    room.carry(due)
    (attempt,) = notes.attempts
    assert (attempt.status, attempt.error) == (status, error)
    assert (attempt.retry_at is None) == (status == "suppressed")


def test_a_host_that_delivers_itself_tells_as_well(tmp_path: Path) -> None:
    notes = Notes()
    with opened(tmp_path, notes) as room:
        room.submit(message())
        due = room.next()
        assert isinstance(due, sendgate.Due)
        room.settle(due, "maybe_sent")
        assert room.drain(30)
    assert [attempt.status for attempt in notes.attempts] == ["unknown"]


def test_an_observer_that_breaks_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Observer):
        def submitted(self, submission: Submission) -> None:
            raise KeyError

    notes = Notes()
    with opened(tmp_path, Broken(), notes) as room:
        room.submit(message())
        assert room.drain(30)
    assert len(notes.attempts) == 1
    assert "an observer failed" in caplog.text


def test_logs_have_fields_and_nothing_personal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sendgate")
    minute = {"kind": "sliding", "name": "minute", "limit": 2, "period_ms": 3_600_000}
    with opened(tmp_path, LogObserver(), transport=fickle(), account_windows=[minute]) as room:
        (receipt,) = room.submit(message())
        assert room.drain(30)
        room.submit(message("refused"))
        assert room.drain(30)
        with pytest.raises(sendgate.RateLimited):
            room.submit(message())
    records = [record.__dict__ for record in caplog.records if record.name == "sendgate"]
    assert [(record["levelname"], record["sendgate_event"]) for record in records] == [
        ("INFO", "submitted"),
        ("WARNING", "deferred"),
        ("INFO", "sent"),
        ("INFO", "submitted"),
        ("ERROR", "failed"),
        ("WARNING", "submit_refused"),
    ]
    assert records[2]["sendgate_message_id"] == receipt.message_id and records[2]["sendgate_attempt"] == 2
    assert records[5]["sendgate_code"] == "rate_limit_exceeded" and records[5]["sendgate_retry_at"] is not None
    for record in records:
        told = json.dumps({name: value for name, value in record.items() if name not in ("pathname", "threadName")})
        assert not any(word in told for word in PERSONAL), told


# --- errors by mail ---------------------------------------------------------------------------------------------------


class Later:
    """A timer that ends when the test says so."""

    made: list[Later]

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self.seconds, self.call, self.is_cancelled = seconds, call, False
        self.made.append(self)

    def start(self) -> None:
        """Nothing passes by itself."""

    def cancel(self) -> None:
        self.is_cancelled = True


@pytest.fixture
def later() -> type[Later]:
    class Mine(Later):
        made: list[Later] = []  # noqa: RUF012 - of this test only

    return Mine


PACE = {"windows": [{"kind": "pace", "name": "pace", "interval_ms": 60_000, "burst": 1}]}


def logger_of(handler: logging.Handler, name: str = "shop") -> logging.Logger:
    logger = logging.Logger(name)
    logger.addHandler(handler)
    return logger


def test_a_flood_of_errors_is_one_mail_and_a_digest(tmp_path: Path, later: type[Later]) -> None:
    world, outbox = World(), Outbox()
    with sendgate.Mailroom(tmp_path / "mail.db", Provider("postmark", "token"), transport=outbox) as room:
        handler = MailHandler(
            room,
            from_="errors@shop.example",
            to="ada@example.com",
            limit=PACE,
            now_ms=world.now_ms,
            timer=later,
            subject=lambda record: f"[shop]\n{record.levelname}",
        )
        logger = logger_of(handler)
        logger.warning("not an error")
        try:
            raise ValueError("why")
        except ValueError:
            logger.exception("broken")
        for n in range(500):
            logger.error("again %d", n)
        logger.critical("and this")
        assert room.drain()
        assert handler.left_out == 501
        assert [timer.seconds for timer in later.made] == [60.0]
        world.time = START + 60_000
        later.made[0].call()
        assert room.drain()
        assert handler.left_out == 0
        # Nothing was left out since: the next one goes alone, and the one after it waits for the end.
        world.time = START + 120_000
        logger.error("alone")
        assert room.drain()
        logger.error("last")
        handler.close()
        assert later.made[-1].is_cancelled
        assert room.drain()
    first, digest, alone, last = outbox.calls
    assert first["Subject"] == "[shop] ERROR" and "ValueError: why" in first["TextBody"]
    assert digest["TextBody"].startswith("501 records were left out")
    assert "     500  ERROR shop test_observed.py" in digest["TextBody"] and "CRITICAL shop" in digest["TextBody"]
    assert alone["TextBody"] == "alone"
    assert last["TextBody"].startswith("1 records were left out before this mail:")


def test_places_are_bounded_and_mail_about_mail_never_begins(tmp_path: Path, later: type[Later]) -> None:
    world = World()
    with sendgate.Mailroom(tmp_path / "mail.db", Provider("postmark", "token"), transport=Outbox()) as room:
        handler = MailHandler(
            room, from_="e@shop.example", to=["ada@example.com"], limit=PACE, now_ms=world.now_ms, timer=later
        )
        logger_of(handler, "sendgate").error("no")
        logger_of(handler, "sendgate.client").error("no")
        for n in range(300):
            logger_of(handler, f"part{n}").error("broken")
        assert handler.left_out == 299 and len(handler._omitted) == 101
        handler.close()
    with pytest.raises(sendgate.SendgateError):
        MailHandler(room, from_="e@shop.example", to="ada@example.com", limit={"windows": []})


def test_what_was_not_accepted_is_told_by_the_next_mail(tmp_path: Path, later: type[Later]) -> None:
    world = World()
    said: list[object] = []
    with client(world, accepting) as worker:
        handler = MailHandler(
            worker, from_="nobody", to="ada@example.com", limit=PACE, now_ms=world.now_ms, timer=later
        )
        handler.handleError = said.append  # type: ignore[method-assign, assignment]
        logger_of(handler).error("broken")
        assert len(said) == 1
        fine = MailHandler(worker, from_="e@shop.example", to="ada@example.com", now_ms=world.now_ms, timer=later)
        logger_of(fine).error("broken")
        assert fine.left_out == 0


# --- OpenTelemetry ----------------------------------------------------------------------------------------------------


def test_spans_and_metrics_by_the_real_sdk(tmp_path: Path) -> None:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(spans))
    observer = OpenTelemetryObserver(traces, MeterProvider([reader]))
    with opened(tmp_path, observer, transport=fickle(), domains=["shop.example"]) as room:
        with traces.get_tracer("app").start_as_current_span("order") as order:
            (receipt,) = room.submit(message())
        assert room.drain(30)
        room.submit(message("refused"))
        assert room.drain(30)
        with pytest.raises(sendgate.InvalidMessage):
            room.submit(message(**{"from": "a@other.example"}))
    found = [span for span in spans.get_finished_spans() if span.name != "order"]
    assert [span.name for span in found] == [
        "create sendgate",
        "send postmark",
        "send postmark",
        "create sendgate",
        "send postmark",
        "create sendgate",
    ]
    create, deferred, sent, _, failed, refused = found
    assert create.parent is not None and create.parent.span_id == order.get_span_context().span_id
    assert create.attributes is not None and sent.attributes is not None and deferred.attributes is not None
    assert create.attributes["messaging.message.id"] == receipt.message_id == sent.attributes["messaging.message.id"]
    assert sent.context is not None and create.context is not None
    assert [link.context.span_id for link in sent.links] == [create.context.span_id]
    assert (sent.attributes["sendgate.attempt"], sent.attributes["messaging.destination.name"]) == (2, "postmark")
    assert [span.status.is_ok or span.status.is_unset for span in (sent, deferred, failed, refused)] == [
        True,
        False,
        False,
        False,
    ]
    assert all(span.end_time is not None and span.end_time >= (span.start_time or 0) for span in found)
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    totals = {
        name: sum(getattr(point, "value", 0) for point in metric.data.data_points)
        for name, metric in metrics.items()
        if name.startswith("sendgate.messages")
    }
    assert totals == {
        "sendgate.messages.accepted": 2,
        "sendgate.messages.refused": 1,
        "sendgate.messages.sent": 1,
        "sendgate.messages.deferred": 1,
        "sendgate.messages.failed": 1,
    }
    (wait,) = metrics["sendgate.message.wait"].data.data_points
    assert (getattr(wait, "count", 0), metrics["sendgate.message.wait"].unit) == (1, "s")
    told = data.to_json() + "".join(span.to_json() for span in found)
    assert not any(word in told.replace("sendgate", "") for word in PERSONAL)
