"""Sendgate inside a Python process: the decisions of the Worker, by the same code.

Three answers are kept apart everywhere: ``Allow`` (now), ``Defer`` (later, at an exact instant) and ``Reject`` (never).
A malformed policy, state or address raises ``InvalidInput``; a malformed message ``InvalidMessage``, which says every
fault at once. Every exception is a ``SendgateError``.

``Client`` and ``AsyncClient`` speak to the Send API of a Worker and keep inside its limits.

Instants are whole milliseconds since 1970-01-01T00:00:00Z. Wherever one is taken, an aware ``datetime`` does as well,
and one that is not given is this machine's time. Wherever one is given back, as ``retry_at``, the same is there as an
aware ``datetime`` in UTC, as ``retry_at_datetime``. Durations are milliseconds, or a ``timedelta``.

>>> import sendgate
>>> limiter = sendgate.Limiter({"windows": [{"kind": "pace", "name": "pace", "interval_ms": 100, "burst": 1}]})
>>> limiter.decide(1, 1_800_000_000_000)
Allow(charged_at=1800000000000)
>>> decision = limiter.decide(1, 1_800_000_000_040)
>>> decision
Defer(retry_at=1800000000100, window=0)
>>> assert isinstance(decision, sendgate.Defer)
>>> decision.retry_at_datetime
datetime.datetime(2027, 1, 15, 8, 0, 0, 100000, tzinfo=datetime.timezone.utc)

A ``Gate`` decides over several limits at once, a ``Ledger`` keeps what an account may still accept:

>>> ledger = sendgate.Ledger({"month": 100}, "Europe/Rome")
>>> reservation = ledger.reserve(98, 1_800_000_000_000)
>>> ledger.reserve(3, 1_800_000_000_000)
Traceback (most recent call last):
sendgate.QuotaExceeded: the quota per month has 2 free

A message becomes a provider's request without a network, and a provider's answer has one of ten meanings:

>>> message = sendgate.Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello")
>>> postmark = sendgate.Provider("postmark", "token")
>>> request = postmark.build(message, "order-42", 1_800_000_000_000)
>>> assert isinstance(request, sendgate.HttpRequest)
>>> request.method, request.url
('POST', 'https://api.postmarkapp.com/email')
>>> postmark.classify(429, {"Retry-After": "30"}, b"{}", 1_800_000_000_000)
Answer(outcome='throttled', retry_at=1800000030000)

A Mailroom keeps messages on a file until they are delivered, within every limit, whatever ends in between:

>>> import tempfile
>>> with sendgate.Mailroom(tempfile.mkdtemp() + "/mail.db", postmark) as mailroom:
...     (receipt,) = mailroom.submit(message)
>>> receipt.status
'queued'
"""

from . import _values as _values
from ._errors import (
    ApiError,
    ApiQuotaExceeded,
    ApiRateLimited,
    IdempotencyConflict,
    InvalidInput,
    InvalidMessage,
    NotSent,
    QuotaExceeded,
    RateLimited,
    RateLimitError,
    SendgateError,
    StoreFailed,
    UnreachableError,
    UnsupportedFeature,
    WebhookRefused,
)
from ._mailroom import Mailroom
from ._sendgate import (
    PROVIDERS,
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
    Finding,
    Forecast,
    Gate,
    HttpRequest,
    Ledger,
    Limiter,
    Limiters,
    LimitId,
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
    __version__,
    lint,
    normalize_address,
    plan,
    simulate,
)
from .client import AsyncClient, Client

__all__ = [
    "PROVIDERS",
    "Allow",
    "Answer",
    "ApiError",
    "ApiQuotaExceeded",
    "ApiRateLimited",
    "AsyncClient",
    "Backoff",
    "Binding",
    "Client",
    "Confirm",
    "Defer",
    "Deferred",
    "Due",
    "Event",
    "Exhausted",
    "FieldError",
    "Finding",
    "Forecast",
    "Gate",
    "HttpRequest",
    "IdempotencyConflict",
    "InvalidInput",
    "InvalidMessage",
    "Ledger",
    "LimitId",
    "Limiter",
    "Limiters",
    "Mailroom",
    "Message",
    "NeedsCertificate",
    "NotSent",
    "Occupied",
    "Passed",
    "Provider",
    "QuotaExceeded",
    "QuotaUsage",
    "RateLimitError",
    "RateLimited",
    "Receipt",
    "Refused",
    "Reject",
    "Reservation",
    "RetryAt",
    "SendgateError",
    "SmtpRequest",
    "Standing",
    "StoreFailed",
    "Stretch",
    "Suppressions",
    "UnreachableError",
    "UnsupportedFeature",
    "Usage",
    "WaitUntil",
    "Waiting",
    "WebhookRefused",
    "__version__",
    "lint",
    "normalize_address",
    "plan",
    "simulate",
]
