"""OpenTelemetry: spans for what is submitted and for every attempt, and metrics of what became of it.

::

    from sendgate.observed import ObservedMailroom
    from sendgate.opentelemetry import OpenTelemetryObserver

    room = ObservedMailroom("mail.db", provider, observers=[OpenTelemetryObserver()])

Only the API is needed; the SDK and its exporters are the application's. Names follow the semantic conventions for
messaging where they have one. No attribute holds an address, a subject or a content; the message's id is Sendgate's
own.

- Span ``create`` (producer): one ``submit``. ``messaging.batch.message_count``, ``messaging.message.id`` when it is
  one, ``error.type``.
- Span ``send`` (client): one attempt, linked to its ``create`` when that was in this process. ``messaging.message.id``,
  ``messaging.destination.name`` (the account's name for the provider), ``sendgate.attempt``, ``sendgate.status``,
  ``http.response.status_code``, ``error.type``.
- Counters: ``sendgate.messages.accepted``; ``.refused`` by ``error.type``; ``.sent`` by destination; ``.deferred``,
  attempts that will be made again, and ``.failed``, messages given up or unknown, by destination and ``error.type``.
- Histograms in seconds: ``sendgate.message.wait``, from acceptance to a provider's yes;
  ``messaging.client.operation.duration`` of both operations.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

try:
    from opentelemetry import metrics, trace
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TracerProvider
    from opentelemetry.util.types import AttributeValue
except ImportError as _missing:  # pragma: no cover - with OpenTelemetry it is there
    raise ImportError("sendgate.opentelemetry needs OpenTelemetry: pip install 'sendgate[opentelemetry]'") from _missing

from . import __version__
from .observed import Attempt, Observer, Submission

__all__ = ["OpenTelemetryObserver"]


class OpenTelemetryObserver(Observer):
    """Makes spans and metrics. The providers are the application's global ones unless others are given."""

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer("sendgate", __version__, tracer_provider)
        meter = metrics.get_meter("sendgate", __version__, meter_provider)
        self._accepted = meter.create_counter("sendgate.messages.accepted", "{message}", "Messages accepted")
        self._refused = meter.create_counter("sendgate.messages.refused", "{message}", "Messages not accepted")
        self._sent = meter.create_counter("sendgate.messages.sent", "{message}", "Messages that a provider took")
        self._deferred = meter.create_counter("sendgate.messages.deferred", "{attempt}", "Attempts to be made again")
        self._failed = meter.create_counter("sendgate.messages.failed", "{message}", "Messages given up, or unknown")
        self._wait = meter.create_histogram("sendgate.message.wait", "s", "From acceptance to a provider's yes")
        self._duration = meter.create_histogram("messaging.client.operation.duration", "s", "Duration of an operation")
        self._created: OrderedDict[str, SpanContext] = OrderedDict()
        self._lock = threading.Lock()

    def submitted(self, submission: Submission) -> None:
        """A span in the caller's trace."""
        attributes = _attributes("create", submission.error)
        attributes["messaging.batch.message_count"] = submission.accepted + submission.refused
        if len(submission.message_ids) == 1:
            attributes["messaging.message.id"] = submission.message_ids[0]
        span = self._tracer.start_span(
            "create sendgate", kind=SpanKind.PRODUCER, attributes=attributes, start_time=submission.started_ns
        )
        if submission.error is not None:
            span.set_status(Status(StatusCode.ERROR, submission.error))
        span.end(submission.ended_ns)
        self._keep(submission.message_ids, span.get_span_context())
        plain = _attributes("create", None)
        if submission.accepted:
            self._accepted.add(submission.accepted, plain)
        if submission.refused:
            self._refused.add(submission.refused, _attributes("create", submission.error or "refused"))
        self._duration.record(
            (submission.ended_ns - submission.started_ns) / 1e9, _attributes("create", submission.error)
        )

    def attempted(self, attempt: Attempt) -> None:
        """A span of its own trace, linked to the submission's."""
        failed = attempt.error
        measured = _attributes("send", failed)
        if attempt.provider is not None:
            measured["messaging.destination.name"] = attempt.provider
        attributes = {
            **measured,
            "messaging.message.id": attempt.message_id,
            "sendgate.attempt": attempt.number,
            "sendgate.status": attempt.status,
        }
        if attempt.http_status is not None:
            attributes["http.response.status_code"] = attempt.http_status
        span = self._tracer.start_span(
            f"send {attempt.provider or 'sendgate'}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            links=self._links(attempt),
            start_time=attempt.started_ns,
        )
        if failed is not None:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end(attempt.ended_ns)
        self._duration.record((attempt.ended_ns - attempt.started_ns) / 1e9, measured)
        if attempt.status == "sent":
            self._sent.add(1, measured)
            self._wait.record(attempt.waited_ms / 1_000, measured)
        elif attempt.retry_at is not None:
            self._deferred.add(1, measured)
        else:
            self._failed.add(1, measured)

    def _keep(self, message_ids: tuple[str, ...], context: SpanContext) -> None:
        with self._lock:
            for message_id in message_ids:
                self._created[message_id] = context
            while len(self._created) > _KEPT:
                self._created.popitem(last=False)

    def _links(self, attempt: Attempt) -> list[Link]:
        with self._lock:
            is_last = attempt.retry_at is None
            found = self._created.pop(attempt.message_id, None) if is_last else self._created.get(attempt.message_id)
        return [Link(found)] if found is not None else []


def _attributes(operation: str, error: str | None) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        "messaging.system": "sendgate",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
    if error is not None:
        found["error.type"] = error
    return found


# Submissions that attempts may still be linked to.
_KEPT = 10_000
