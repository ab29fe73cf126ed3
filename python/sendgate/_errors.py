"""Every exception there is, as one tree.

``SendgateError`` is the root: ``except sendgate.SendgateError`` catches whatever Sendgate raises. Below it the classes
say what the caller can do: correct what was given (``InvalidInput``), wait (``RateLimited``), wait longer or buy more
(``QuotaExceeded``), try again (``StoreFailed``, ``UnreachableError``). They are the same whether a ``Mailroom`` in this
process or the API behind a ``Client`` refused.

An instant is ``retry_at``, in milliseconds since 1970, and ``retry_at_datetime``, the same as an aware ``datetime``.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import FieldError

    _Period = Literal["day", "month", "year"]


class SendgateError(Exception):
    """The root of all. ``code`` is a stable word for what happened, the same in every language."""

    def __init__(self, message: str = "", *, code: str = "unknown") -> None:
        super().__init__(message)
        self.code = code


class InvalidInput(SendgateError, ValueError):
    """What was given is malformed: a policy, a state, an address, a setting, an instant."""


class InvalidMessage(InvalidInput):
    """A message cannot be taken. ``errors`` has every fault, with its field, code and detail."""

    def __init__(
        self, message: str = "", *, code: str = "invalid_message", errors: list[FieldError] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.errors: list[FieldError] = errors or []


class UnsupportedFeature(InvalidInput):
    """The provider lacks what the message needs. ``feature`` says what, ``provider`` who."""

    def __init__(
        self, message: str = "", *, code: str = "unsupported_feature", feature: str = "", provider: str = ""
    ) -> None:
        super().__init__(message, code=code)
        self.feature = feature
        self.provider = provider


class IdempotencyConflict(InvalidInput):
    """The idempotency key was used for other messages in the last 24 hours."""


class WebhookRefused(InvalidInput):
    """A report is not to be believed. ``code`` says why."""


class StoreFailed(SendgateError):
    """The file cannot be used now, and nothing was accepted. ``code`` says why."""


class NotSent(SendgateError):
    """For a transport to raise when the provider surely has not got the request."""


class _Later(SendgateError):
    """What waiting may help with."""

    #: When the same will do, in ms since 1970; None when no waiting helps, or nobody knows.
    retry_at: int | None = None

    @property
    def retry_at_datetime(self) -> datetime | None:
        """``retry_at`` as an aware ``datetime``, in UTC."""
        return None if self.retry_at is None else _EPOCH + timedelta(milliseconds=self.retry_at)


class RateLimited(_Later):
    """A window admits no more for now: wait until ``retry_at``.

    ``window`` is the name of the one that is full, where it is known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "rate_limit_exceeded",
        retry_at: int | None = None,
        window: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.retry_at = retry_at
        self.window = window


class QuotaExceeded(_Later):
    """A quota is used up.

    ``period`` is ``"day"``, ``"month"`` or ``"year"``, where it is known; ``retry_at`` is its end, and None when
    waiting does not help. ``free`` is how many units are left in it, which a ``Ledger`` knows.
    """

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "overquota",
        retry_at: int | None = None,
        period: _Period | None = None,
        free: int | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.retry_at = retry_at
        self.period: _Period | None = period
        self.free: int | None = free


class ApiError(_Later):
    """The API refused, or nobody knows what it did."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "unknown_answer",
        status: int = 0,
        request_id: str | None = None,
        window: str | None = None,
        retry_at: int | None = None,
        errors: list[dict[str, Any]] | None = None,
        attempts: int = 1,
    ) -> None:
        # Not by super: the next class of the tree may be one whose other arguments are not there.
        SendgateError.__init__(self, message, code=code)
        #: The HTTP status; 0 when there was no answer, 202 when a message of an accepted request was refused.
        self.status = status
        self.request_id = request_id
        #: The limit that refused.
        self.window = window
        #: When to try again, in ms since 1970 on the client's clock; None when no waiting helps.
        self.retry_at = retry_at
        #: The fields that are wrong: ``field``, ``code``, ``detail``.
        self.errors: list[dict[str, Any]] = errors or []
        #: How many requests were made.
        self.attempts = attempts

    @property
    def is_retryable(self) -> bool:
        """Whether asking again can help: never after a caller's mistake, nor where no waiting makes room."""
        if self.status == 429:
            return self.code != "overquota"
        return self.status == 408 or (self.status >= 500 and self.code != "misconfigured")


class RateLimitError(ApiError):
    """The API answered 429: ``ApiRateLimited`` or ``ApiQuotaExceeded``."""


class ApiRateLimited(RateLimitError, RateLimited):
    """A window of the API's admits no more for now."""


class ApiQuotaExceeded(RateLimitError, QuotaExceeded):
    """A quota of the account's is used up."""

    def __init__(self, message: str = "", *, code: str = "overquota", **told: Any) -> None:  # noqa: ANN401 - ApiError's
        super().__init__(message, code=code, **told)
        self.period: _Period | None = _PERIODS.get(code)
        self.free: int | None = None


class UnreachableError(ApiError):
    """No answer came. What was asked may have been done: the same ``send`` again could send twice."""

    @property
    def is_retryable(self) -> bool:
        """Always: every attempt of a send carries the same idempotency key."""
        return True


def error_of(status: int, headers: Mapping[str, str], body: bytes, retry_at: int | None) -> ApiError:
    """The error of an answer, whatever error shape the account has chosen."""
    told = _object(body)
    inner = told.get("error")
    inner = inner if isinstance(inner, dict) else {}
    code = _first_text(told.get("code"), told.get("error_code"), inner.get("code"), told.get("error"))
    code = _WORDS.get(code, code.lower()) if code else "unknown_answer"
    message = _first_text(told.get("detail"), told.get("message"), inner.get("message"), told.get("title"))
    errors = told.get("errors")
    return _kind(status, code)(
        message or f"the API answered {status}",
        code=code,
        status=status,
        request_id=_first_text(told.get("request_id"), headers.get("x-request-id")),
        window=_first_text(told.get("window")),
        retry_at=retry_at,
        errors=errors if isinstance(errors, list) else [],
    )


def _kind(status: int, code: str) -> type[ApiError]:
    if status != 429:
        return ApiError
    return ApiQuotaExceeded if code in _QUOTAS else ApiRateLimited


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _first_text(*values: object) -> str | None:
    return next((value for value in values if isinstance(value, str)), None)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# What the shape `nested` calls otherwise. It has one word for the four quotas.
_WORDS = {"RATE_LIMITED": "rate_limit_exceeded", "QUOTA_EXCEEDED": "quota_exceeded"}
_PERIODS: dict[str, _Period] = {"quota_daily": "day", "quota_monthly": "month", "quota_yearly": "year"}
_QUOTAS = {*_PERIODS, "overquota", "quota_exceeded"}

# They are the package's: what is pickled, and what a traceback shows, names them so.
for _class in (
    SendgateError,
    InvalidInput,
    InvalidMessage,
    UnsupportedFeature,
    IdempotencyConflict,
    WebhookRefused,
    StoreFailed,
    NotSent,
    RateLimited,
    QuotaExceeded,
    ApiError,
    RateLimitError,
    ApiRateLimited,
    ApiQuotaExceeded,
    UnreachableError,
):
    _class.__module__ = "sendgate"
