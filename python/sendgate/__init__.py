"""Sendgate inside a Python process: the decisions of the Worker, by the same code.

Three answers are kept apart everywhere: ``Allow`` (now), ``Defer`` (later, at an exact instant) and ``Reject`` (never).
A malformed policy, state or address raises ``SendgateError``.

``Client`` and ``AsyncClient`` speak to the Send API of a Worker and keep inside its limits.

Instants are milliseconds since 1970-01-01T00:00:00Z and always an argument: only the clients have a clock inside.

>>> import sendgate
>>> limiter = sendgate.Limiter({"windows": [{"kind": "pace", "name": "pace", "interval_ms": 100, "burst": 1}]})
>>> limiter.decide(1, 1_800_000_000_000)
Allow(charged_at=1800000000000)
>>> limiter.decide(1, 1_800_000_000_040)
Defer(retry_at=1800000000100, window=0)
"""

from ._sendgate import (
    Allow,
    Backoff,
    Defer,
    Exhausted,
    Limiter,
    Reject,
    RetryAt,
    SendgateError,
    Usage,
    __version__,
    normalize_address,
)
from .client import ApiError, AsyncClient, Client, RateLimitError, UnreachableError

__all__ = [
    "Allow",
    "ApiError",
    "AsyncClient",
    "Backoff",
    "Client",
    "Defer",
    "Exhausted",
    "Limiter",
    "RateLimitError",
    "Reject",
    "RetryAt",
    "SendgateError",
    "UnreachableError",
    "Usage",
    "__version__",
    "normalize_address",
]
