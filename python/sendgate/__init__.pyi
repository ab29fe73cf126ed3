from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, final

from typing_extensions import Self

from ._errors import ApiError as ApiError
from ._errors import ApiQuotaExceeded as ApiQuotaExceeded
from ._errors import ApiRateLimited as ApiRateLimited
from ._errors import IdempotencyConflict as IdempotencyConflict
from ._errors import InvalidInput as InvalidInput
from ._errors import InvalidMessage as InvalidMessage
from ._errors import NotSent as NotSent
from ._errors import QuotaExceeded as QuotaExceeded
from ._errors import RateLimited as RateLimited
from ._errors import RateLimitError as RateLimitError
from ._errors import SendgateError as SendgateError
from ._errors import StoreFailed as StoreFailed
from ._errors import UnreachableError as UnreachableError
from ._errors import UnsupportedFeature as UnsupportedFeature
from ._errors import WebhookRefused as WebhookRefused
from .client import AsyncClient as AsyncClient
from .client import Client as Client

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

__version__: Final[str]
PROVIDERS: Final[tuple[str, ...]]
"""The words of every provider there is."""

_Instant: TypeAlias = int | datetime
"""Whole milliseconds since 1970, or an aware ``datetime``; a naive one raises InvalidInput, naming the argument."""
_Duration: TypeAlias = int | timedelta
"""Whole milliseconds, or a ``timedelta``."""
_Scope: TypeAlias = Literal["key", "plan", "account", "provider", "domain_group", "class"]
_Unit: TypeAlias = Literal["requests", "messages", "recipients"]
_Period: TypeAlias = Literal["day", "month", "year"]
_Status: TypeAlias = Literal["active", "suspended", "closed"]

@final
class Allow:
    """It may leave now, and has been charged."""

    __match_args__ = ("charged_at",)
    def __new__(cls, charged_at: _Instant) -> Allow: ...
    @property
    def charged_at(self) -> int:
        """The instant the units count from, in milliseconds since 1970; a refund names it."""
    @property
    def charged_at_datetime(self) -> datetime:
        """``charged_at`` as an aware ``datetime``, in UTC."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Defer:
    """It may leave later."""

    __match_args__ = ("retry_at", "window")
    def __new__(cls, retry_at: _Instant, window: int) -> Defer: ...
    @property
    def retry_at(self) -> int:
        """The first instant (ms since 1970) at which the same question is allowed when nothing else happens."""
    @property
    def retry_at_datetime(self) -> datetime:
        """``retry_at`` as an aware ``datetime``, in UTC."""
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
    def __new__(cls, limit: int, used: int, remaining: int, next_at: _Instant, full_at: _Instant) -> Usage: ...
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
    def next_at_datetime(self) -> datetime:
        """``next_at`` as an aware ``datetime``, in UTC."""
    @property
    def full_at(self) -> int:
        """The first instant at which all of ``limit`` remains, or now."""
    @property
    def full_at_datetime(self) -> datetime:
        """``full_at`` as an aware ``datetime``, in UTC."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Limiter:
    """Several windows, decided all at once, and their state in memory.

    ``policy`` is ``{"windows": [...]}``, as a dict or as JSON text. Threads may share a limiter.

    Raises InvalidInput when the policy is malformed.

    >>> from sendgate import Limiter
    >>> limiter = Limiter({"windows": [{"kind": "sliding", "name": "second", "limit": 2, "period_ms": 1_000}]})
    >>> [limiter.admit(1, 1_800_000_000_000) for _ in range(3)]
    [True, True, False]
    >>> limiter.decide(1, 1_800_000_000_000)
    Defer(retry_at=1800000001000, window=0)
    """

    def __new__(cls, policy: str | dict[str, Any]) -> Limiter: ...
    def decide(self, cost: int = 1, now_ms: _Instant | None = None) -> Allow | Defer | Reject:
        """Decides whether ``cost`` units may leave at ``now_ms`` (now when absent) and, on an allow, charges them.

        A denial charges nothing. An instant earlier than one seen before is a normal input: it never frees budget.
        """
    def admit(self, cost: int = 1, now_ms: _Instant | None = None) -> bool:
        """Whether ``cost`` units may leave at ``now_ms``; charges them if they may. As ``decide``, without a reason."""
    def peek(self, cost: int = 1, now_ms: _Instant | None = None) -> Allow | Defer | Reject:
        """The decision that ``decide`` would give, charging nothing."""
    def charge(self, cost: int, now_ms: _Instant | None = None) -> int:
        """Records units that left anyway, past the limit if need be, and returns the instant they count from."""
    def refund(self, cost: int, charged_at: _Instant, now_ms: _Instant | None = None) -> None:
        """Takes back units that were charged at ``charged_at``."""
    def usage(self, now_ms: _Instant | None = None) -> list[Usage]:
        """What each window holds at ``now_ms``, in the policy's order."""
    @property
    def state(self) -> bytes:
        """The state's bytes, the same on every platform."""
    def load(self, state: bytes) -> None:
        """Goes on from a stored state of the same policy.

        Raises InvalidInput when the bytes are not one; the limiter then stays as it was.
        """

@final
class Limiters:
    """One policy, many keys, in memory: less than 200 bytes for each key with five windows.

    ``policy`` is ``{"windows": [...]}``, as a dict or as JSON text; a key is any str or bytes. ``most_keys`` bounds the
    table: a further key is then refused until ``evict`` has made room, because nothing is forgotten that counts.
    Threads may share it.

    Raises InvalidInput when the policy is malformed.

    >>> from sendgate import Limiters
    >>> limiters = Limiters({"windows": [{"kind": "sliding", "name": "second", "limit": 1, "period_ms": 1_000}]})
    >>> limiters.admit_many(["ann", "bob", "ann"], 1, 1_800_000_000_000)
    [True, True, False]
    """

    def __new__(cls, policy: str | dict[str, Any], *, most_keys: int | None = None) -> Limiters: ...
    def admit(self, key: str | bytes, cost: int = 1, now_ms: _Instant | None = None) -> bool:
        """Whether ``cost`` units of ``key`` may leave at ``now_ms`` (now when absent); charges them if they may."""
    def admit_many(self, keys: list[str] | list[bytes], cost: int = 1, now_ms: _Instant | None = None) -> list[bool]:
        """``admit`` for many keys at once, in their order: a bool for each."""
    def decide(self, key: str | bytes, cost: int = 1, now_ms: _Instant | None = None) -> Allow | Defer | Reject:
        """Decides whether ``cost`` units of ``key`` may leave and, on an allow, charges them."""
    def peek(self, key: str | bytes, cost: int = 1, now_ms: _Instant | None = None) -> Allow | Defer | Reject:
        """The decision that ``decide`` would give, charging nothing."""
    def refund(self, key: str | bytes, cost: int, charged_at: _Instant, now_ms: _Instant | None = None) -> None:
        """Takes back units of ``key`` that were charged at ``charged_at``."""
    def usage(self, key: str | bytes, now_ms: _Instant | None = None) -> list[Usage]:
        """What each window of ``key`` holds, in the policy's order."""
    def state(self, key: str | bytes) -> bytes:
        """The bytes of a key's state, as ``Limiter.state`` has them."""
    def load(self, key: str | bytes, state: bytes) -> bool:
        """Goes on from a stored state of ``key``; False when the table is full.

        Raises InvalidInput when the bytes are not a state of this policy; what was held then stays.
        """
    def evict(self, most: int | None = None, now_ms: _Instant | None = None) -> int:
        """Forgets keys in whose windows nothing is in use, and returns how many.

        ``most`` bounds how many are looked at; the next call goes on from there.
        """
    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that the table has taken."""
    def __len__(self) -> int:
        """Keys that are held."""

@final
class Binding:
    """The window that decides."""

    __match_args__ = ("scope", "name", "window")
    def __new__(cls, scope: str, name: str, window: str) -> Binding: ...
    @property
    def scope(self) -> str:
        """What its dimension limits."""
    @property
    def name(self) -> str:
        """The dimension's name."""
    @property
    def window(self) -> str:
        """The window's name."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Passed:
    """Every dimension admits it, and it was charged in each if ``decide`` was asked."""

    __match_args__ = ()
    def __new__(cls) -> Passed: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Deferred:
    """It may leave later. Nothing was charged anywhere."""

    __match_args__ = ("retry_at", "binding")
    def __new__(cls, retry_at: _Instant, binding: Binding) -> Deferred: ...
    @property
    def retry_at(self) -> int:
        """The first instant (ms since 1970) at which every dimension admits it when nothing else happens."""
    @property
    def retry_at_datetime(self) -> datetime:
        """``retry_at`` as an aware ``datetime``, in UTC."""
    @property
    def binding(self) -> Binding:
        """Which window forbids it until then."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Occupied:
    """Units on their way fill a window: ask again when one of them is answered. Nothing was charged anywhere."""

    __match_args__ = ("binding",)
    def __new__(cls, binding: Binding) -> Occupied: ...
    @property
    def binding(self) -> Binding:
        """Which window."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Refused:
    """It may never leave. Nothing was charged anywhere."""

    __match_args__ = ("reason", "binding")
    def __new__(cls, reason: str, binding: Binding | None = None) -> Refused: ...
    @property
    def reason(self) -> str:
        """``"never_fits"``, ``"account_suspended"`` or ``"account_closed"``."""
    @property
    def binding(self) -> Binding | None:
        """The window that never admits so much at once, when that is why."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Standing:
    """Where one window of one dimension stands."""

    __match_args__ = (
        "scope",
        "name",
        "unit",
        "window",
        "limit",
        "used",
        "remaining",
        "slack",
        "next_at",
        "full_at",
        "is_binding",
    )
    def __new__(
        cls,
        scope: str,
        name: str,
        unit: str,
        window: str,
        limit: int,
        used: int,
        remaining: int,
        slack: int | None,
        next_at: _Instant,
        full_at: _Instant,
        is_binding: bool,
    ) -> Standing: ...
    @property
    def scope(self) -> str:
        """What the dimension limits."""
    @property
    def name(self) -> str:
        """The dimension's name."""
    @property
    def unit(self) -> str:
        """What it counts: ``"requests"``, ``"messages"`` or ``"recipients"``."""
    @property
    def window(self) -> str:
        """The window's name."""
    @property
    def limit(self) -> int:
        """The most units it admits."""
    @property
    def used(self) -> int:
        """Units in use, those on their way among them."""
    @property
    def remaining(self) -> int:
        """Units still free."""
    @property
    def slack(self) -> int | None:
        """How many more requests of the cost asked about fit into it; None when they cost nothing here."""
    @property
    def next_at(self) -> int:
        """The first instant (ms since 1970) at which more is free; now when nothing is in use."""
    @property
    def next_at_datetime(self) -> datetime:
        """``next_at`` as an aware ``datetime``, in UTC."""
    @property
    def full_at(self) -> int:
        """The first instant (ms since 1970) at which all is free."""
    @property
    def full_at_datetime(self) -> datetime:
        """``full_at`` as an aware ``datetime``, in UTC."""
    @property
    def is_binding(self) -> bool:
        """Whether it is the one that decides: it forbids the request longest, or leaves the fewest of them."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

_Costs: TypeAlias = int | Sequence[int] | dict[str, int]

@final
class Gate:
    """Everything that limits a request, decided at once: charged in every dimension or in none.

    ``dimensions`` is a list of dicts, or its JSON text:
    ``{"scope": ..., "name": ..., "unit": ..., "windows": [...]}``. A scope is ``"key"``, ``"plan"``, ``"account"``,
    ``"provider"``, ``"domain_group"`` or ``"class"``; a unit is ``"requests"``, ``"messages"`` or ``"recipients"``;
    windows are those of a Limiter. Costs are one int for all dimensions, or a list with one for each, or a dict by
    ``"scope:name"`` in which what is not named costs nothing. Threads may share a gate.

    Raises InvalidInput when a dimension, or a question, is malformed.

    >>> from sendgate import Gate
    >>> minute = {"kind": "sliding", "name": "minute", "limit": 3, "period_ms": 60_000}
    >>> gate = Gate([
    ...     {"scope": "plan", "name": "shop", "unit": "requests", "windows": [{**minute, "limit": 1_000}]},
    ...     {"scope": "domain_group", "name": "gmail", "unit": "recipients", "windows": [minute]},
    ... ])
    >>> gate.decide([1, 3], 1_800_000_000_000)
    Passed()
    >>> gate.decide({"plan:shop": 1, "domain_group:gmail": 1}, 1_800_000_000_000)
    Deferred(retry_at=1800000060000, binding=Binding(scope='domain_group', name='gmail', window='minute'))
    >>> [standing.slack for standing in gate.explain([1, 1], 1_800_000_000_000)]
    [999, 0]
    """

    def __new__(cls, dimensions: list[dict[str, Any]] | str) -> Gate: ...
    def decide(
        self, costs: _Costs = ..., now_ms: _Instant | None = None, *, status: _Status = "active"
    ) -> Passed | Deferred | Occupied | Refused:
        """Decides whether a request of these costs may leave at ``now_ms``, and charges every dimension if it may.

        ``status`` is the account's: ``"active"``, ``"suspended"`` or ``"closed"``.
        """
    def peek(
        self, costs: _Costs = ..., now_ms: _Instant | None = None, *, held: _Costs = ..., status: _Status = "active"
    ) -> Passed | Deferred | Occupied | Refused:
        """What ``decide`` would say; charges nothing.

        ``held`` are units on their way, as ``costs`` are given: they take room.
        """
    def explain(
        self, costs: _Costs = ..., now_ms: _Instant | None = None, *, held: _Costs = ..., status: _Status = "active"
    ) -> list[Standing]:
        """Where every window of every dimension stands, in their order, and which one binds; charges nothing."""
    def charge(self, costs: _Costs, now_ms: _Instant | None = None) -> list[int]:
        """Records units that left anyway, past the limit if need be; costs as ``decide`` takes them.

        Returns the instant that each dimension counts them from.
        """
    @property
    def state(self) -> list[bytes]:
        """The bytes of each dimension's state, in their order, the same on every platform."""
    def load(self, state: Sequence[bytes]) -> None:
        """Goes on from stored states of the same dimensions.

        Raises InvalidInput when they are not; the gate then stays as it was.
        """
    def __len__(self) -> int:
        """How many dimensions there are."""

@final
class Reservation:
    """Units taken from the quotas, to be committed or released later.

    ``text`` is what a Reservation prints: store it with the message.

    Raises InvalidInput for any other text.
    """

    __match_args__ = ("text",)
    def __new__(cls, text: str) -> Reservation: ...
    @property
    def text(self) -> str:
        """What it prints, to be stored: ``"2:1796119200000:dm"``."""
    @property
    def units(self) -> int:
        """How many units."""
    @property
    def reserved_at(self) -> int:
        """When they were taken, in milliseconds since 1970."""
    @property
    def reserved_at_datetime(self) -> datetime:
        """``reserved_at`` as an aware ``datetime``, in UTC."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class QuotaUsage:
    """How one quota stands in its current period."""

    __match_args__ = (
        "period",
        "limit",
        "reserved",
        "committed",
        "released",
        "free",
        "over",
        "starts_at",
        "resets_at",
    )
    def __new__(
        cls,
        period: str,
        limit: int,
        reserved: int,
        committed: int,
        released: int,
        free: int,
        over: int,
        starts_at: _Instant,
        resets_at: _Instant,
    ) -> QuotaUsage: ...
    @property
    def period(self) -> str:
        """``"day"``, ``"month"`` or ``"year"``."""
    @property
    def limit(self) -> int:
        """Its limit."""
    @property
    def reserved(self) -> int:
        """Units accepted and not yet handed over."""
    @property
    def committed(self) -> int:
        """Units handed over."""
    @property
    def released(self) -> int:
        """Units accepted and given back."""
    @property
    def free(self) -> int:
        """Units that may still be reserved without being over."""
    @property
    def over(self) -> int:
        """Units in use beyond the limit."""
    @property
    def starts_at(self) -> int:
        """The start of the current period, in milliseconds since 1970."""
    @property
    def starts_at_datetime(self) -> datetime:
        """``starts_at`` as an aware ``datetime``, in UTC."""
    @property
    def resets_at(self) -> int:
        """The end of the current period, in milliseconds since 1970."""
    @property
    def resets_at_datetime(self) -> datetime:
        """``resets_at`` as an aware ``datetime``, in UTC."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Ledger:
    """What an account may still accept: units reserved at acceptance, committed when handed over, released when not.

    ``quotas`` are limits for each local day, month or year: ``{"day": 100, "month": 2_000}``, or a list of
    ``{"period": ..., "limit": ...}``, or its JSON text. ``time_zone`` is an IANA name. ``overdelivery`` is what happens
    when more is asked for than is free: ``"block"``, ``"allow_and_count"`` or ``{"allow_up_to": units}``. Threads may
    share a ledger.

    Raises InvalidInput when a quota is malformed or there is no such time zone.

    >>> from sendgate import Ledger, QuotaExceeded
    >>> ledger = Ledger({"day": 100}, "Europe/Rome")
    >>> noon = 1_800_000_000_000
    >>> reservation = ledger.reserve(98, noon)
    >>> try:
    ...     ledger.reserve(3, noon)
    ... except QuotaExceeded as spent:
    ...     print(spent.period, spent.free, spent.retry_at_datetime)
    day 2 2027-01-15 23:00:00+00:00
    >>> ledger.commit(reservation, 90)
    >>> ledger.release(reservation, 8)
    >>> ledger.usage(noon)
    [<sendgate.QuotaUsage a day: 0 reserved, 90 committed, 10 of 100 free>]
    """

    def __new__(
        cls,
        quotas: dict[_Period, int] | list[dict[str, Any]] | str,
        time_zone: str = "UTC",
        *,
        overdelivery: Literal["block", "allow_and_count"] | dict[str, int] | None = None,
    ) -> Ledger: ...
    def reserve(self, units: int = 1, now_ms: _Instant | None = None) -> Reservation:
        """Takes ``units`` from every quota, or from none, at ``now_ms`` (now when absent).

        Raises QuotaExceeded, which names the period that stands longest in the way.
        """
    def peek(self, units: int = 1, now_ms: _Instant | None = None) -> QuotaExceeded | None:
        """The QuotaExceeded that ``reserve`` would raise, or None; takes nothing."""
    def commit(self, reservation: Reservation, units: int | None = None, now_ms: _Instant | None = None) -> None:
        """Turns reserved units into committed ones: they have been handed over.

        All of the reservation's when ``units`` is absent, and never more than those.
        """
    def release(self, reservation: Reservation, units: int | None = None, now_ms: _Instant | None = None) -> None:
        """Gives reserved units back: they will not be handed over.

        All of the reservation's when ``units`` is absent, and never more than those.
        """
    def usage(self, now_ms: _Instant | None = None) -> list[QuotaUsage]:
        """How every quota stands in the period that holds ``now_ms``."""
    @property
    def state(self) -> bytes:
        """The ledger's bytes, the same on every platform. Its terms are not in them."""
    def load(self, state: bytes) -> None:
        """Goes on from a stored ledger, which may have been kept under other terms: nothing is freed by that.

        Raises InvalidInput when the bytes are none; the ledger then stays as it was.
        """
    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        """What it was made of."""

@final
class RetryAt:
    """Try again at this instant."""

    __match_args__ = ("retry_at",)
    def __new__(cls, retry_at: _Instant) -> RetryAt: ...
    @property
    def retry_at(self) -> int:
        """Milliseconds since 1970."""
    @property
    def retry_at_datetime(self) -> datetime:
        """``retry_at`` as an aware ``datetime``, in UTC."""
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

    Raises InvalidInput when ``jitter`` is neither ``"full"`` nor ``"none"``.

    >>> from datetime import timedelta
    >>> from sendgate import Backoff
    >>> backoff = Backoff(base_ms=timedelta(seconds=1), max_attempts=3, jitter="none")
    >>> [backoff.next(attempts, 0, 1_800_000_000_000) for attempts in (1, 2, 3)]
    [RetryAt(retry_at=1800000001000), RetryAt(retry_at=1800000002000), Exhausted(attempts=3)]
    """

    def __new__(
        cls,
        *,
        base_ms: _Duration | None = None,
        cap_ms: _Duration | None = None,
        max_attempts: int | None = None,
        jitter: Literal["full", "none"] | None = None,
    ) -> Backoff: ...
    def next(
        self, attempts: int, entropy: int, now_ms: _Instant | None = None, *, hint_ms: _Instant | None = None
    ) -> RetryAt | Exhausted:
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
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, int | str]]:
        """What it was made of."""

def normalize_address(address: str) -> str:
    """The form of an address under which it is suppressed: lower case, its domain in ASCII.

    Raises InvalidInput when it is no address; the error's text does not repeat it.
    """

@final
class FieldError:
    """One fault of one field of a message."""

    __match_args__ = ("field", "code", "detail")
    def __new__(cls, field: str, code: str, detail: str) -> FieldError: ...
    @property
    def field(self) -> str:
        """The path of the field, such as ``attachments[3].content``; empty for the message itself."""
    @property
    def code(self) -> str:
        """The stable word for the fault."""
    @property
    def detail(self) -> str:
        """A sentence for people, with the bound. Never a value of the message."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

_Mailbox = str | Mapping[str, str]
_Mailboxes = _Mailbox | Sequence[_Mailbox]

@final
class Message:
    """A message as Sendgate's API takes it, read strictly: every fault is reported at once.

    A mailbox is ``"Name <a@b.example>"`` or ``{"address": ..., "name": ...}``; an attachment's ``content`` is bytes, or
    base64 in a str; an instant is an aware ``datetime``, or RFC 3339 in a str.

    Raises InvalidMessage, whose ``errors`` has each fault with its field, code and detail.

    >>> from sendgate import Message
    >>> people = ["ann@example.com", "Bob <bob@example.net>"]
    >>> message = Message(from_="a@shop.example", to=people, subject="Hi", text_body="Hello")
    >>> message.recipient_count
    2
    """

    def __new__(
        cls,
        fields: Mapping[str, Any] | None = None,
        /,
        *,
        from_: _Mailbox = ...,
        to: _Mailboxes = ...,
        cc: _Mailboxes | None = ...,
        bcc: _Mailboxes | None = ...,
        reply_to: _Mailboxes | None = ...,
        subject: str | None = ...,
        text_body: str | None = ...,
        html_body: str | None = ...,
        headers: Mapping[str, str] | None = ...,
        attachments: Sequence[Mapping[str, str | bytes]] | None = ...,
        tags: str | Sequence[str] | None = ...,
        metadata: Mapping[str, str] | None = ...,
        class_: Literal["transactional", "lifecycle", "drip", "bulk"] | None = ...,
        send_at: datetime | str | None = ...,
        expires_at: datetime | str | None = ...,
        template: Mapping[str, Any] | None = ...,
        tracking: Mapping[str, bool] | None = ...,
        stream: str | None = ...,
        provider_options: Mapping[str, Mapping[str, Any]] | None = ...,
    ) -> Message: ...
    @staticmethod
    def from_json(text: str) -> Message:
        """Reads a message from its JSON text. Raises InvalidMessage."""
    def to_json(self) -> str:
        """The message as JSON text, from which ``from_json`` reads the same one again."""
    @property
    def size(self) -> int:
        """Its bytes by the documented measure: at most 25,000,000, attachments in base64 included."""
    @property
    def recipient_count(self) -> int:
        """Recipients over ``to``, ``cc`` and ``bcc``: what quotas and windows are charged for."""
    @property
    def class_(self) -> Literal["transactional", "lifecycle", "drip", "bulk"]:
        """The kind of mail."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class HttpRequest:
    """An HTTP request to carry out. It holds a credential, and a pickle of it does, too."""

    __match_args__ = ("method", "url", "headers", "body")
    def __new__(cls, method: str, url: str, headers: _Headers, body: bytes) -> HttpRequest: ...
    @property
    def method(self) -> str:
        """``"POST"``."""
    @property
    def url(self) -> str:
        """The whole URL."""
    @property
    def headers(self) -> dict[str, str]:
        """Header fields by name, in their order; no name comes twice."""
    @property
    def body(self) -> bytes:
        """The body's bytes."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class SmtpRequest:
    """A mail to hand to a mail server. It may hold a password, and a pickle of it does, too."""

    __match_args__ = ("host", "port", "security", "login", "sender", "recipients", "needs_smtputf8", "data")
    def __new__(
        cls,
        host: str,
        port: int,
        security: Literal["implicit", "starttls", "none"],
        login: tuple[str, str] | None,
        sender: str,
        recipients: Sequence[str],
        needs_smtputf8: bool,
        data: bytes,
    ) -> SmtpRequest: ...
    @property
    def host(self) -> str:
        """The server's name."""
    @property
    def port(self) -> int:
        """Its port."""
    @property
    def security(self) -> Literal["implicit", "starttls", "none"]:
        """TLS from the start, by STARTTLS, or not at all (on the loopback only)."""
    @property
    def login(self) -> tuple[str, str] | None:
        """User name and password, when the server asks for them."""
    @property
    def sender(self) -> str:
        """The reverse path: where bounces go."""
    @property
    def recipients(self) -> list[str]:
        """Every recipient once, bcc included."""
    @property
    def needs_smtputf8(self) -> bool:
        """Whether the server has to know SMTPUTF8."""
    @property
    def data(self) -> bytes:
        """The mail with CRLF line ends, not dot-stuffed."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

_Outcome = Literal[
    "accepted",
    "throttled",
    "transient",
    "quota_spent",
    "credentials_wrong",
    "sender_refused",
    "recipient_suppressed",
    "permanently_refused",
    "split",
    "unknown",
]

@final
class Answer:
    """What a provider's answer means."""

    __match_args__ = ("outcome", "retry_at", "provider_message_id", "status", "provider_code", "refused")
    def __new__(
        cls,
        outcome: _Outcome,
        retry_at: _Instant | None = None,
        provider_message_id: str | None = None,
        status: int | None = None,
        provider_code: str | None = None,
        refused: Sequence[tuple[str, Literal["suppressed", "permanent", "transient"]]] = ...,
    ) -> Answer: ...
    @property
    def outcome(self) -> _Outcome:
        """The class of the answer."""
    @property
    def retry_at(self) -> int | None:
        """The first instant (ms since 1970) at which the provider allows another attempt, when it said so."""
    @property
    def retry_at_datetime(self) -> datetime | None:
        """``retry_at`` as an aware ``datetime``, in UTC."""
    @property
    def provider_message_id(self) -> str | None:
        """The provider's own id of the message, when it took it."""
    @property
    def status(self) -> int | None:
        """The HTTP status, or None when no answer came."""
    @property
    def provider_code(self) -> str | None:
        """The provider's own stable word or number for it, when it gave one."""
    @property
    def refused(self) -> list[tuple[str, Literal["suppressed", "permanent", "transient"]]]:
        """Recipients that were refused while the message was taken for the others."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Event:
    """One thing that happened to one message and one recipient."""

    __match_args__ = (
        "provider",
        "kind",
        "key",
        "at",
        "provider_message_id",
        "message_id",
        "recipient",
        "bounce_class",
        "is_echo",
        "is_candidate",
    )
    def __new__(
        cls,
        provider: str,
        kind: str,
        key: str,
        at: _Instant,
        provider_message_id: str | None = None,
        message_id: str | None = None,
        recipient: str | None = None,
        bounce_class: Literal["hard", "soft", "block", "policy", "spam", "quota", "ambiguous"] | None = None,
        is_echo: bool = False,
        is_candidate: bool = False,
    ) -> Event: ...
    @property
    def provider(self) -> str:
        """Who tells it."""
    @property
    def kind(self) -> str:
        """What happened: ``"delivered"``, ``"bounced"``, ``"complained"``, ``"unsubscribed"`` and so on."""
    @property
    def key(self) -> str:
        """The same for every delivery of the same event, and no other's."""
    @property
    def at(self) -> int:
        """When it happened, in milliseconds since 1970."""
    @property
    def at_datetime(self) -> datetime:
        """``at`` as an aware ``datetime``, in UTC."""
    @property
    def provider_message_id(self) -> str | None:
        """The provider's id of the message, in the form in which the send call answered it."""
    @property
    def message_id(self) -> str | None:
        """Sendgate's id of the message, where the provider gives it back."""
    @property
    def recipient(self) -> str | None:
        """The recipient's address, when one is named."""
    @property
    def bounce_class(self) -> Literal["hard", "soft", "block", "policy", "spam", "quota", "ambiguous"] | None:
        """What a refusal means."""
    @property
    def is_echo(self) -> bool:
        """The provider's own list refused the recipient: nothing new is known of the address."""
    @property
    def is_candidate(self) -> bool:
        """The event may be another recipient's."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class NeedsCertificate:
    """Fetch the certificate at this URL, whose host and path were checked, and ask again with it (Amazon SES)."""

    __match_args__ = ("url",)
    def __new__(cls, url: str) -> NeedsCertificate: ...
    @property
    def url(self) -> str:
        """Where it is."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Confirm:
    """A verified request to confirm a subscription: fetch this URL, whose host was checked (Amazon SES)."""

    __match_args__ = ("url",)
    def __new__(cls, url: str) -> Confirm: ...
    @property
    def url(self) -> str:
        """Where to."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

_Headers = Mapping[str, str] | Iterable[tuple[str, str]]

@final
class Provider:
    """A provider that Sendgate speaks to, with what its calls need.

    ``kind`` is one of ``PROVIDERS``. ``credential`` is its key or token (Amazon SES:
    ``"access key:secret key[:session token]"``, SMTP: ``"user:password"``); ``base_url`` is its usual one when absent.
    Mailgun needs ``domain``, Cloudflare ``account_id``, Amazon SES a ``base_url`` or a ``region``.

    Raises InvalidInput when there is no such provider or its ``base_url`` cannot be one.

    >>> from sendgate import Provider
    >>> postmark = Provider("postmark", "token")
    >>> postmark.classify(200, {}, b'{"ErrorCode": 0, "MessageID": "b7bc2f4a"}').provider_message_id
    'b7bc2f4a'
    """

    def __new__(
        cls,
        kind: str,
        credential: str = "",
        *,
        base_url: str | None = None,
        domain: str | None = None,
        account_id: str | None = None,
        region: str | None = None,
    ) -> Provider: ...
    @property
    def kind(self) -> str:
        """The provider's word."""
    def gaps(self, message: Message) -> list[str]:
        """What the message needs and the provider lacks; empty when it can be sent as it is."""
    def build(self, message: Message, message_id: str, now_ms: _Instant | None = None) -> HttpRequest | SmtpRequest:
        """The call that hands the message to the provider.

        ``message_id`` is the caller's own id of the message, up to 256 visible ASCII characters: the idempotency key
        where the provider has one. The same arguments give the same bytes. ``now_ms`` signs what is signed.

        Raises UnsupportedFeature when the provider lacks something, InvalidInput when its settings are incomplete.
        """
    def build_batch(
        self, messages: Sequence[tuple[Message, str]], now_ms: _Instant | None = None
    ) -> HttpRequest | SmtpRequest:
        """The call that hands several messages to the provider at once, with an id for each.

        Raises as ``build``, and InvalidInput with the code ``not_together`` when they cannot share a call.
        """
    def classify(self, status: int, headers: _Headers, body: bytes, now_ms: _Instant | None = None) -> Answer:
        """What an HTTP answer means. Any answer has a meaning."""
    def classify_batch(
        self, status: int, headers: _Headers, body: bytes, count: int, now_ms: _Instant | None = None
    ) -> list[Answer]:
        """What an HTTP answer to ``build_batch``'s call of ``count`` messages means for each of them."""
    def parse_webhook(
        self,
        headers: _Headers,
        body: bytes,
        now_ms: _Instant | None = None,
        *,
        secrets: Sequence[str] = ...,
        header: str | None = None,
        topics: Sequence[str] = ...,
        roots: str | None = None,
        tolerance_ms: _Duration | None = None,
        certificate: tuple[str, str] | None = None,
    ) -> list[Event] | NeedsCertificate | Confirm:
        """Verifies a report and reads its events.

        ``body`` is the request's body as it came. ``secrets`` are what the provider signs with, several while one is
        replaced; ``header`` names the field that carries the secret where nothing is signed (Basic credentials
        otherwise); ``topics`` are the SNS topics that are expected; ``certificate`` is the (URL, PEM) that
        NeedsCertificate asked for.

        Raises WebhookRefused; nothing of the request may then be believed.
        """
    def __copy__(self) -> Provider:
        """Itself: it does not change."""
    def __deepcopy__(self, _memo: dict[int, Any]) -> Provider:
        """Itself: it does not change."""

_Answered = tuple[int, _Headers, bytes]

@final
class Receipt:
    """What became of a submitted message."""

    __match_args__ = ("message_id", "status", "warnings", "code", "errors")
    def __new__(
        cls,
        message_id: str | None,
        status: str,
        warnings: Sequence[str] = ...,
        code: str | None = None,
        errors: Sequence[FieldError] = ...,
    ) -> Receipt: ...
    @property
    def message_id(self) -> str | None:
        """The message's id, by which ``trace`` finds it; None when it was refused."""
    @property
    def status(self) -> str:
        """``"queued"``, ``"suppressed"`` or ``"rejected"``."""
    @property
    def warnings(self) -> list[str]:
        """Words for what is not wrong but worth knowing, such as ``"missing_unsubscribe"``."""
    @property
    def code(self) -> str | None:
        """The stable word for why it was refused."""
    @property
    def errors(self) -> list[FieldError]:
        """What is wrong with it, fault by fault."""
    @property
    def detail(self) -> str | None:
        """The same as one text for people."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Due:
    """A call that is to be carried out now, by a host that does so itself. It has to be settled."""

    @property
    def request(self) -> HttpRequest | SmtpRequest:
        """What to carry out."""
    @property
    def timeout_ms(self) -> int:
        """Give up after so many milliseconds."""
    @property
    def message_id(self) -> str:
        """The message, or the first one of several."""
    @property
    def attempt(self) -> int:
        """1 for its first attempt."""

@final
class WaitUntil:
    """Nothing may leave before ``at`` (ms since 1970), unless something is submitted or settled."""

    __match_args__ = ("at",)
    def __new__(cls, at: _Instant) -> WaitUntil: ...
    @property
    def at(self) -> int:
        """Milliseconds since 1970."""
    @property
    def at_datetime(self) -> datetime:
        """``at`` as an aware ``datetime``, in UTC."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

class Mailroom:
    """A durable sender on a SQLite file, for several threads and several processes on one file.

    ``account`` is a Provider, or one account's configuration as a dict or JSON text, of which only ``providers`` has to
    be there; ``settings`` are further fields of it. ``secrets`` has the values of the names that a configuration calls
    ``credential``; without it they are environment variables. ``profile`` names the built-in limits of a Provider.
    ``transport`` is a callable that takes an HttpRequest and returns a status, header fields and a body; it raises
    NotSent when the provider surely has not got the request. ``lease_ms`` is how long a process that delivers is waited
    for after its last sign of life.

    Raises InvalidInput when the configuration is wrong, StoreFailed when the file cannot be used.

    >>> import tempfile
    >>> from sendgate import Due, HttpRequest, Mailroom, Message, Provider
    >>> def carry(request: object) -> tuple[int, dict[str, str], bytes]:
    ...     assert isinstance(request, HttpRequest)
    ...     return 200, {}, b'{"ErrorCode": 0, "MessageID": "b7bc2f4a"}'
    >>> mailroom = Mailroom(tempfile.mkdtemp() + "/mail.db", Provider("postmark", "token"))
    >>> message = Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello")
    >>> (receipt,) = mailroom.submit(message)
    >>> while isinstance(due := mailroom.next(), Due):
    ...     mailroom.settle(due, carry(due.request))
    >>> trace = mailroom.trace(receipt.message_id or "")
    >>> trace["status"] if trace else None
    'sent'
    """

    def __new__(
        cls,
        path: str | PathLike[str],
        account: Provider | Mapping[str, Any] | str,
        /,
        *,
        secrets: Mapping[str, str] | None = None,
        profile: str | None = None,
        transport: Callable[[HttpRequest], _Answered] | None = None,
        lease_ms: _Duration | None = None,
        **settings: Any,  # noqa: ANN401 - a configuration's fields
    ) -> Self: ...
    def submit(self, messages: Message | Sequence[Message], idempotency_key: str | None = None) -> list[Receipt]:
        """Stores messages for delivery, all under one request's limits, and returns a Receipt for each.

        The same ``idempotency_key`` with the same messages gets the same receipts for 24 hours and stores nothing
        again.

        Raises InvalidMessage when no message can be taken, RateLimited and QuotaExceeded when a limit stands in the
        way, IdempotencyConflict, and StoreFailed. Nothing was accepted then.
        """
    def run(self) -> bool:
        """Delivers in the background, without the GIL, until ``stop``. False when it does so already."""
    def stop(self) -> None:
        """Ends the delivery in the background when the calls under way are settled; another process may go on."""
    def drain(self, timeout: float | None = None) -> bool:
        """Delivers until no message waits or is on its way, by whichever process, or for ``timeout`` seconds.

        Returns whether none is left.
        """
    def trace(self, message_id: str) -> dict[str, Any] | None:
        """Where a message is and how it came there; None when there is none of this id."""
    def usage(self) -> list[dict[str, Any]]:
        """What is in use of each quota in its current period."""
    def limits(self) -> list[dict[str, Any]]:
        """Every limit and where it stands."""
    def next(self) -> Due | WaitUntil | None:
        """What to do now, for a host that delivers itself; None when nothing waits."""
    def settle(self, due: Due, outcome: _Answered | Literal["not_sent", "maybe_sent"]) -> None:
        """What became of a call that ``next`` gave."""
    def carry(self, due: Due) -> None:
        """Carries a call that ``next`` gave with the Mailroom's own transport, and settles it."""
    async def submit_async(
        self, messages: Message | Sequence[Message], idempotency_key: str | None = None
    ) -> list[Receipt]:
        """``submit`` without holding up the event loop."""
    async def drain_async(self, timeout: float | None = None) -> bool:
        """``drain`` without holding up the event loop."""
    async def trace_async(self, message_id: str) -> dict[str, Any] | None:
        """``trace`` without holding up the event loop."""
    async def stop_async(self) -> None:
        """``stop`` without holding up the event loop."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None, /
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None, /
    ) -> None: ...

@final
class Suppressions:
    """An exact set of suppressed addresses, in about seven and a half bytes each, without the addresses themselves.

    Addresses are compared as they are suppressed everywhere in Sendgate: in lower case, the domain in ASCII. ``key`` is
    16 secret random bytes that belong to the saved bytes; fresh ones are drawn when it is absent. Threads may share a
    set.

    Raises InvalidInput for a malformed address, and when there are more than 100,000,000.

    >>> from sendgate import Suppressions
    >>> suppressed = Suppressions(["Ann@Example.com"])
    >>> "ann@example.com" in suppressed
    True
    >>> suppressed.contains_many(["ann@example.com", "bob@example.com"])
    [True, False]
    """

    def __new__(cls, addresses: Iterable[str] | None = None, *, key: bytes | None = None) -> Suppressions: ...
    @staticmethod
    def from_bytes(data: bytes, key: bytes) -> Suppressions:
        """Goes on from saved bytes, which are checked as a whole.

        Raises InvalidInput when they are not a set that was saved under this key.
        """
    def to_bytes(self) -> bytes:
        """The set as bytes, less than six for each address of millions; who has them and the key can test a guess."""
    @property
    def key(self) -> bytes:
        """The key of the saved bytes. Keep it apart from them."""
    def add(self, address: str) -> bool:
        """Adds an address; whether it was not there before."""
    def remove(self, address: str) -> bool:
        """Takes an address out; whether it was there."""
    def contains_many(self, addresses: Sequence[str]) -> list[bool]:
        """Whether each of these addresses is suppressed, in their order; faster than one by one."""
    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that the set has taken."""
    def __contains__(self, address: str, /) -> bool: ...
    def __len__(self) -> int: ...
    def __copy__(self) -> Suppressions:
        """The same addresses, going on by themselves."""
    def __deepcopy__(self, _memo: dict[int, Any]) -> Suppressions:
        """The same addresses, going on by themselves."""

@final
class LimitId:
    """The name of a limit."""

    __match_args__ = ("scope", "dimension", "window", "limit", "unit")
    def __new__(cls, scope: str, dimension: str, window: str, limit: int, unit: str) -> LimitId: ...
    @property
    def scope(self) -> str:
        """What it limits.

        One of ``"account"``, ``"plan"``, ``"provider"``, ``"class"``, ``"domain_group"``, ``"quota"``, ``"warmup"``.
        """
    @property
    def dimension(self) -> str:
        """Which one of them."""
    @property
    def window(self) -> str:
        """The window's name, the quota's period, or the ramp's day."""
    @property
    def limit(self) -> int:
        """How many it admits."""
    @property
    def unit(self) -> str:
        """What it counts: ``"requests"``, ``"messages"`` or ``"recipients"``."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str, str, str, int, str]: ...

@final
class Stretch:
    """A time in which one limit was what everything waited for."""

    __match_args__ = ("limit", "from_at", "until_at", "waited_ms")
    def __new__(cls, limit: LimitId, from_at: int, until_at: int, waited_ms: int) -> Stretch: ...
    @property
    def limit(self) -> LimitId:
        """Which."""
    @property
    def from_at_datetime(self) -> datetime:
        """``from_at`` as an aware ``datetime``, in UTC."""
    @property
    def from_at(self) -> int:
        """From when, in milliseconds since 1970."""
    @property
    def until_at_datetime(self) -> datetime:
        """``until_at`` as an aware ``datetime``, in UTC."""
    @property
    def until_at(self) -> int:
        """Until when, in milliseconds since 1970."""
    @property
    def waited_ms(self) -> int:
        """Milliseconds of it in which everything waited for this limit."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[LimitId, int, int, int]: ...

@final
class Waiting:
    """How long messages waited: so many milliseconds at most, for so large a part of them."""

    __match_args__ = ("p50_ms", "p90_ms", "p99_ms", "max_ms")
    def __new__(cls, p50_ms: int, p90_ms: int, p99_ms: int, max_ms: int) -> Waiting: ...
    @property
    def p50_ms(self) -> int:
        """Half of the messages."""
    @property
    def p90_ms(self) -> int:
        """90 in a hundred."""
    @property
    def p99_ms(self) -> int:
        """99 in a hundred."""
    @property
    def max_ms(self) -> int:
        """All."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[int, int, int, int]: ...

@final
class Forecast:
    """What will have become of messages."""

    def __copy__(self) -> Forecast:
        """Itself: it does not change."""
    def __deepcopy__(self, _memo: dict[int, Any]) -> Forecast:
        """Itself: it does not change."""
    @property
    def started_at_datetime(self) -> datetime:
        """``started_at`` as an aware ``datetime``, in UTC."""
    @property
    def started_at(self) -> int:
        """Where the clock began, in milliseconds since 1970."""
    @property
    def first_at_datetime(self) -> datetime | None:
        """``first_at`` as an aware ``datetime``, in UTC."""
    @property
    def first_at(self) -> int | None:
        """When the first message left, in milliseconds since 1970; None when none did."""
    @property
    def finished_at_datetime(self) -> datetime | None:
        """``finished_at`` as an aware ``datetime``, in UTC."""
    @property
    def finished_at(self) -> int | None:
        """When the last message left, in milliseconds since 1970; None when none did."""
    @property
    def messages(self) -> int:
        """Messages that were asked about."""
    @property
    def sent(self) -> int:
        """Messages that the provider took."""
    @property
    def refused(self) -> int:
        """Messages that it refused for good."""
    @property
    def held(self) -> int:
        """Messages whose attempts were used up. A Mailroom goes on trying them."""
    @property
    def never(self) -> list[tuple[LimitId, int]]:
        """Messages that no waiting helps, by the limit that never admits them."""
    @property
    def calls(self) -> int:
        """Calls to the provider."""
    @property
    def attempts(self) -> int:
        """Attempts at messages; a call of several is one for each."""
    @property
    def departures(self) -> list[int | None]:
        """When each message left last (ms since 1970), in the order in which they came; None for one that never did."""
    @property
    def bounds(self) -> list[Stretch]:
        """The limits that made messages wait, the one that did so longest first."""
    @property
    def timeline(self) -> list[Stretch]:
        """Which limit stood in the way when, in their order; the first 1,000 stretches."""
    @property
    def waiting(self) -> Waiting:
        """How long messages waited from their coming to their departure."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

_Batches = int | Mapping[str, Any] | Sequence[Mapping[str, Any]]

def plan(
    account: Provider | Mapping[str, Any] | str,
    messages: _Batches,
    *,
    ramp: str | Mapping[str, Any] | None = None,
    ramp_day: int = 1,
    now_ms: int | None = None,
) -> Forecast:
    """When each message leaves if the provider answers at once and takes everything.

    ``account`` is a Provider or a configuration, as a Mailroom takes it. ``messages`` is a number, or batches as dicts
    of which only ``count`` has to be there: ``class``, ``recipients`` (of each), ``domain`` (of the recipients),
    ``arrival`` (``"burst"``, ``"constant"`` or ``"poisson"``), ``after_ms``, ``over_ms``. ``ramp`` is a warm-up ramp by
    name, or one's own as a dict; ``ramp_day`` is the day it is at.

    Raises InvalidInput when the account, the batches or the ramp cannot be.
    """

def simulate(
    account: Provider | Mapping[str, Any] | str,
    traffic: _Batches,
    *,
    faults: Mapping[str, Any] | None = None,
    seed: int = 0,
    ramp: str | Mapping[str, Any] | None = None,
    ramp_day: int = 1,
    now_ms: int | None = None,
) -> Forecast:
    """What becomes of traffic with a provider that is slow and fails by chance; the ``seed`` decides how.

    ``account``, ``traffic``, ``ramp`` and ``ramp_day`` are as for ``plan``. ``faults`` is a dict of ``latency_ms`` (the
    least and the most), ``throttled_permille``, ``failed_permille`` and ``refused_permille``, of calls; what is not
    given is 0.

    Raises InvalidInput when the account, the traffic, the faults or the ramp cannot be.
    """

@final
class Finding:
    """One thing that is worth a word."""

    __match_args__ = ("code", "severity", "field", "detail", "source")
    def __new__(cls, code: str, severity: str, field: str, detail: str, source: str) -> Finding: ...
    @property
    def code(self) -> str:
        """A stable word for it."""
    @property
    def severity(self) -> str:
        """``"error"`` (it will be refused), ``"warning"`` (it costs reputation, or surprises) or ``"note"``."""
    @property
    def field(self) -> str:
        """The path of the field; of several messages it begins with ``messages[3]``."""
    @property
    def detail(self) -> str:
        """What is wrong and what to do, without a value of the message."""
    @property
    def source(self) -> str:
        """Where the rule comes from."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str, str, str, str, str]: ...

_Linted = Message | Mapping[str, Any]

def lint(
    messages: _Linted | Sequence[_Linted] | None = None,
    *,
    account: Provider | Mapping[str, Any] | str | None = None,
    provider: str | None = None,
    ramp: Mapping[str, Any] | None = None,
    now_ms: int | None = None,
) -> list[Finding]:
    """What makes mail fail, or land among spam, and what of a configuration cannot be meant; the gravest first.

    ``messages`` is a Message or its fields as a dict, or several. ``account`` is a Provider or a configuration, as a
    Mailroom takes it; with it messages are judged by the account's own rules, too, and without messages the
    configuration is judged. ``provider`` is a word of ``PROVIDERS``, for messages without an account. ``ramp`` is a
    warm-up ramp of one's own, as a dict.

    Raises InvalidInput when the provider is unknown; what is wrong with a message or a configuration is a Finding.
    """
