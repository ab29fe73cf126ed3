"""What the API, or the way to it, answers instead of what was asked for."""

import json
from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """The API refused, or nobody knows what it did. ``code`` is a stable word."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "unknown_answer",
        status: int = 0,
        request_id: str | None = None,
        window: str | None = None,
        retry_at: int | None = None,
        errors: list[dict[str, Any]] | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.code = code
        #: The HTTP status; 0 when there was no answer, 202 when a message of an accepted request was refused.
        self.status = status
        self.request_id = request_id
        #: The limit that refused.
        self.window = window
        #: When to try again, in ms since 1970 on the client's clock; None when no waiting helps.
        self.retry_at = retry_at
        #: The fields that are wrong: ``field``, ``code``, ``detail``.
        self.errors = errors or []
        #: How many requests were made.
        self.attempts = attempts

    @property
    def is_retryable(self) -> bool:
        """Whether asking again can help: never after a caller's mistake, nor where no waiting makes room."""
        if self.status == 429:
            return self.code != "overquota"
        return self.status == 408 or (self.status >= 500 and self.code != "misconfigured")


class RateLimitError(ApiError):
    """A window or a quota is used up."""


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
    message = _first_text(told.get("detail"), told.get("message"), inner.get("message"), told.get("title"))
    errors = told.get("errors")
    kind = RateLimitError if status == 429 else ApiError
    return kind(
        message or f"the API answered {status}",
        code=_WORDS.get(code, code.lower()) if code else "unknown_answer",
        status=status,
        request_id=_first_text(told.get("request_id"), headers.get("x-request-id")),
        window=_first_text(told.get("window")),
        retry_at=retry_at,
        errors=errors if isinstance(errors, list) else [],
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _first_text(*values: object) -> str | None:
    return next((value for value in values if isinstance(value, str)), None)


# What the shape `nested` calls otherwise. It has one word for the four quotas.
_WORDS = {"RATE_LIMITED": "rate_limit_exceeded", "QUOTA_EXCEEDED": "quota_exceeded"}
