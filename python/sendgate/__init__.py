"""Sendgate inside a Python process: the decisions of the Worker, by the same code.

Three answers are kept apart everywhere: ``Allow`` (now), ``Defer`` (later, at an exact instant) and ``Reject`` (never).
A malformed policy, state or address raises ``SendgateError``; a malformed message ``InvalidMessage``, which says every
fault at once.

``Client`` and ``AsyncClient`` speak to the Send API of a Worker and keep inside its limits.

Instants are milliseconds since 1970-01-01T00:00:00Z. One that is not given is this machine's time.

>>> import sendgate
>>> limiter = sendgate.Limiter({"windows": [{"kind": "pace", "name": "pace", "interval_ms": 100, "burst": 1}]})
>>> limiter.decide(1, 1_800_000_000_000)
Allow(charged_at=1800000000000)
>>> limiter.decide(1, 1_800_000_000_040)
Defer(retry_at=1800000000100, window=0)

A message becomes a provider's request without a network, and a provider's answer has one of ten meanings:

>>> message = sendgate.Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello")
>>> postmark = sendgate.Provider("postmark", "token")
>>> request = postmark.build(message, "order-42", 1_800_000_000_000)
>>> request.method, request.url
('POST', 'https://api.postmarkapp.com/email')
>>> postmark.classify(429, {"Retry-After": "30"}, b"{}", 1_800_000_000_000)
Answer(outcome='throttled', retry_at=1800000030000)

A Mailroom keeps messages on a file until they are delivered, within every limit, whatever ends in between:

>>> import tempfile
>>> with sendgate.Mailroom(tempfile.mkdtemp() + "/mail.db", postmark) as mailroom:
...     receipts = mailroom.submit(message)
...     mailroom.trace(receipts[0].message_id)["status"]
'queued'
"""

from ._mailroom import Mailroom
from ._sendgate import (
    PROVIDERS,
    Allow,
    Answer,
    Backoff,
    Confirm,
    Defer,
    Due,
    Event,
    Exhausted,
    FieldError,
    Finding,
    Forecast,
    HttpRequest,
    IdempotencyConflict,
    InvalidMessage,
    Limiter,
    Limiters,
    LimitId,
    Message,
    NeedsCertificate,
    NotSent,
    Provider,
    QuotaExceeded,
    RateLimited,
    Receipt,
    Reject,
    RetryAt,
    SendgateError,
    SmtpRequest,
    StoreFailed,
    Stretch,
    Suppressions,
    UnsupportedFeature,
    Usage,
    Waiting,
    WaitUntil,
    WebhookRefused,
    __version__,
    lint,
    normalize_address,
    plan,
    simulate,
)
from .client import ApiError, AsyncClient, Client, RateLimitError, UnreachableError

__all__ = [
    "PROVIDERS",
    "Allow",
    "Answer",
    "ApiError",
    "AsyncClient",
    "Backoff",
    "Client",
    "Confirm",
    "Defer",
    "Due",
    "Event",
    "Exhausted",
    "FieldError",
    "Finding",
    "Forecast",
    "HttpRequest",
    "IdempotencyConflict",
    "InvalidMessage",
    "LimitId",
    "Limiter",
    "Limiters",
    "Mailroom",
    "Message",
    "NeedsCertificate",
    "NotSent",
    "Provider",
    "QuotaExceeded",
    "RateLimitError",
    "RateLimited",
    "Receipt",
    "Reject",
    "RetryAt",
    "SendgateError",
    "SmtpRequest",
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
