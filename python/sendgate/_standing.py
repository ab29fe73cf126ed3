"""What an answer's header fields say about waiting, as distances.

The caller's own clock is never held against an absolute time of the server's: that is off by whatever the two differ.
"""

import email.utils
import math
import re
from collections.abc import Mapping
from datetime import timezone
from typing import NamedTuple


class Standing(NamedTuple):
    """What remains, and how long until there is more."""

    remaining: float
    wait_ms: int


def retry_after_ms(headers: Mapping[str, str]) -> int:
    """What ``Retry-After`` asks to wait: at least a second, and a minute when it is missing or unreadable."""
    wait = read_retry_after(headers)
    return DEFAULT_WAIT_MS if wait is None else wait


def read_retry_after(headers: Mapping[str, str]) -> int | None:
    """The same, None when there is nothing to read."""
    value = headers.get("retry-after", "").strip()
    if _DIGITS.fullmatch(value):
        return _bounded(_LONGEST_MS if len(value) > 12 else int(value) * 1_000)
    until, since = http_date_ms(value), http_date_ms(headers.get("date", ""))
    # Without the server's own time a date says nothing that could be trusted.
    return None if until is None or since is None else _bounded(until - since)


def standing_of(headers: Mapping[str, str]) -> Standing | None:
    """Of all windows the tightest, by ``RateLimit`` or else by ``X-RateLimit-*`` and ``Date``.

    An answer without these fields is of a server that has no limit to keep here; its 429 will tell. None when the
    fields speak of nobody: a caller whom the API does not know is told zeros.
    """
    listed = [(int(left), int(seconds or 0)) for left, seconds in _ITEM.findall(headers.get("ratelimit", ""))]
    if listed:
        remaining = min(left for left, _ in listed)
        wait = max(seconds for left, seconds in listed if left == remaining)
        return Standing(remaining, min(wait * 1_000, _LONGEST_MS))
    left = _whole(headers.get("x-ratelimit-remaining"))
    if left is None:
        return Standing(math.inf, 0)
    if _whole(headers.get("x-ratelimit-limit")) == 0:
        return None
    reset, since = _whole(headers.get("x-ratelimit-reset")), http_date_ms(headers.get("date", ""))
    wait = 0 if reset is None or since is None else min(max(reset * 1_000 - since, 0), _LONGEST_MS)
    return Standing(left, wait)


def http_date_ms(text: str) -> int | None:
    """An HTTP date in one of the three forms of RFC 9110, in milliseconds since 1970."""
    if not any(form.fullmatch(text.strip()) for form in _DATES):
        return None
    try:
        found = email.utils.parsedate_to_datetime(text.strip())
        return int(found.replace(tzinfo=timezone.utc).timestamp()) * 1_000
    except (ValueError, OverflowError):
        return None


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and _DIGITS.fullmatch(value.strip()) and len(value) <= 15 else None


def _bounded(wait_ms: int) -> int:
    return min(max(wait_ms, _LEAST_WAIT_MS), _LONGEST_MS)


_DIGITS = re.compile("[0-9]+")
_ITEM = re.compile(r";r=([0-9]{1,15})(?:;t=([0-9]{1,12}))?")
_TIME = "[0-9]{2}:[0-9]{2}:[0-9]{2}"
_DATES = (
    re.compile(f"[A-Z][a-z]{{2}}, [0-9]{{2}} [A-Z][a-z]{{2}} [0-9]{{4}} {_TIME} GMT"),
    re.compile(f"[A-Z][a-z]+day, [0-9]{{2}}-[A-Z][a-z]{{2}}-[0-9]{{2}} {_TIME} GMT"),
    re.compile(f"[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {_TIME} [0-9]{{4}}"),
)
# What to wait when a refusal does not say how long (document 003).
DEFAULT_WAIT_MS = 60_000
# Never at once: a refusal that is asked again at once is a hot loop.
_LEAST_WAIT_MS = 1_000
# A year; a longer wait is no different.
_LONGEST_MS = 365 * 86_400_000
