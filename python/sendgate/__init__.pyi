from typing import Any, Final, Literal, final

from .client import ApiError as ApiError
from .client import AsyncClient as AsyncClient
from .client import Client as Client
from .client import RateLimitError as RateLimitError
from .client import UnreachableError as UnreachableError

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

__version__: Final[str]

class SendgateError(ValueError):
    """What was given is malformed. ``code`` is a stable word for why, the same in every language."""

    code: str

@final
class Allow:
    """It may leave now, and has been charged."""

    __match_args__ = ("charged_at",)
    def __new__(cls, charged_at: int) -> Allow: ...
    @property
    def charged_at(self) -> int:
        """The instant the units count from, in milliseconds since 1970; a refund names it."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Defer:
    """It may leave later."""

    __match_args__ = ("retry_at", "window")
    def __new__(cls, retry_at: int, window: int) -> Defer: ...
    @property
    def retry_at(self) -> int:
        """The first instant (ms since 1970) at which the same question is allowed when nothing else happens."""
    @property
    def window(self) -> int:
        """The window that says so, counted from 0."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Reject:
    """It may never leave: its cost is more than a window ever admits."""

    __match_args__ = ("window",)
    def __new__(cls, window: int) -> Reject: ...
    @property
    def window(self) -> int:
        """The window that says so, counted from 0."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Usage:
    """What one window holds."""

    __match_args__ = ("limit", "used", "remaining", "next_at", "full_at")
    def __new__(cls, limit: int, used: int, remaining: int, next_at: int, full_at: int) -> Usage: ...
    @property
    def limit(self) -> int:
        """Units it ever admits at once."""
    @property
    def used(self) -> int:
        """Units in use."""
    @property
    def remaining(self) -> int:
        """Units that may leave now."""
    @property
    def next_at(self) -> int:
        """The first instant at which ``remaining`` grows, or now."""
    @property
    def full_at(self) -> int:
        """The first instant at which all of ``limit`` remains, or now."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Limiter:
    """Several windows, decided all at once, and their state in memory.

    ``policy`` is ``{"windows": [...]}``, as a dict or as JSON text. Threads may share a limiter.

    Raises SendgateError when the policy is malformed.
    """

    def __new__(cls, policy: str | dict[str, Any]) -> Limiter: ...
    def decide(self, cost: int, now_ms: int) -> Allow | Defer | Reject:
        """Decides whether ``cost`` units may leave at ``now_ms`` and, on an allow, charges them.

        A denial charges nothing. An instant earlier than one seen before is a normal input: it never frees budget.
        """
    def peek(self, cost: int, now_ms: int) -> Allow | Defer | Reject:
        """The decision that ``decide`` would give, charging nothing."""
    def charge(self, cost: int, now_ms: int) -> int:
        """Records units that left anyway, past the limit if need be, and returns the instant they count from."""
    def refund(self, cost: int, charged_at: int, now_ms: int) -> None:
        """Takes back units that were charged at ``charged_at``."""
    def usage(self, now_ms: int) -> list[Usage]:
        """What each window holds at ``now_ms``, in the policy's order."""
    @property
    def state(self) -> bytes:
        """The state's bytes, the same on every platform."""
    def load(self, state: bytes) -> None:
        """Goes on from a stored state of the same policy.

        Raises SendgateError when the bytes are not one; the limiter then stays as it was.
        """

@final
class RetryAt:
    """Try again at this instant."""

    __match_args__ = ("retry_at",)
    def __new__(cls, retry_at: int) -> RetryAt: ...
    @property
    def retry_at(self) -> int:
        """Milliseconds since 1970."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Exhausted:
    """Give up: as many attempts failed as the policy allows."""

    __match_args__ = ("attempts",)
    def __new__(cls, attempts: int) -> Exhausted: ...
    @property
    def attempts(self) -> int:
        """How many attempts failed."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Backoff:
    """A retry policy: exponential with jitter, under a server's word. What is not given is the core's default.

    Raises SendgateError when ``jitter`` is neither ``"full"`` nor ``"none"``.
    """

    def __new__(
        cls,
        *,
        base_ms: int | None = None,
        cap_ms: int | None = None,
        max_attempts: int | None = None,
        jitter: Literal["full", "none"] | None = None,
    ) -> Backoff: ...
    def next(self, attempts: int, entropy: int, now_ms: int, *, hint_ms: int | None = None) -> RetryAt | Exhausted:
        """Decides after ``attempts`` failed attempts when to try again.

        ``hint_ms`` is the first instant the server allows, when it named one; ``entropy`` is a fresh random number of
        64 bits for each attempt.
        """
    @property
    def base_ms(self) -> int:
        """The least wait, in milliseconds."""
    @property
    def cap_ms(self) -> int:
        """The longest wait, in milliseconds; only a server's hint can make it longer."""
    @property
    def max_attempts(self) -> int:
        """How many attempts may fail in all, the first one counted."""
    @property
    def jitter(self) -> Literal["full", "none"]:
        """How retries are spread."""
    def __eq__(self, value: object, /) -> bool: ...

def normalize_address(address: str) -> str:
    """The form of an address under which it is suppressed: lower case, its domain in ASCII.

    Raises SendgateError when it is no address; the error's text does not repeat it.
    """
