from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from types import TracebackType
from typing import Any, Final, Literal, final

from typing_extensions import Self

from .client import ApiError as ApiError
from .client import AsyncClient as AsyncClient
from .client import Client as Client
from .client import RateLimitError as RateLimitError
from .client import UnreachableError as UnreachableError

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
    "HttpRequest",
    "IdempotencyConflict",
    "InvalidMessage",
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
    "Suppressions",
    "UnreachableError",
    "UnsupportedFeature",
    "Usage",
    "WaitUntil",
    "WebhookRefused",
    "__version__",
    "normalize_address",
]

__version__: Final[str]
PROVIDERS: Final[tuple[str, ...]]
"""The words of every provider there is."""

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
    def decide(self, cost: int = 1, now_ms: int | None = None) -> Allow | Defer | Reject:
        """Decides whether ``cost`` units may leave at ``now_ms`` (now when absent) and, on an allow, charges them.

        A denial charges nothing. An instant earlier than one seen before is a normal input: it never frees budget.
        """
    def admit(self, cost: int = 1, now_ms: int | None = None) -> bool:
        """Whether ``cost`` units may leave at ``now_ms``; charges them if they may. As ``decide``, without a reason."""
    def peek(self, cost: int = 1, now_ms: int | None = None) -> Allow | Defer | Reject:
        """The decision that ``decide`` would give, charging nothing."""
    def charge(self, cost: int, now_ms: int | None = None) -> int:
        """Records units that left anyway, past the limit if need be, and returns the instant they count from."""
    def refund(self, cost: int, charged_at: int, now_ms: int | None = None) -> None:
        """Takes back units that were charged at ``charged_at``."""
    def usage(self, now_ms: int | None = None) -> list[Usage]:
        """What each window holds at ``now_ms``, in the policy's order."""
    @property
    def state(self) -> bytes:
        """The state's bytes, the same on every platform."""
    def load(self, state: bytes) -> None:
        """Goes on from a stored state of the same policy.

        Raises SendgateError when the bytes are not one; the limiter then stays as it was.
        """

@final
class Limiters:
    """One policy, many keys, in memory: less than 200 bytes for each key with five windows.

    ``policy`` is ``{"windows": [...]}``, as a dict or as JSON text; a key is any str or bytes. ``most_keys`` bounds the
    table: a further key is then refused until ``evict`` has made room, because nothing is forgotten that counts.
    Threads may share it.

    Raises SendgateError when the policy is malformed.
    """

    def __new__(cls, policy: str | dict[str, Any], *, most_keys: int | None = None) -> Limiters: ...
    def admit(self, key: str | bytes, cost: int = 1, now_ms: int | None = None) -> bool:
        """Whether ``cost`` units of ``key`` may leave at ``now_ms`` (now when absent); charges them if they may."""
    def admit_many(self, keys: list[str] | list[bytes], cost: int = 1, now_ms: int | None = None) -> list[bool]:
        """``admit`` for many keys at once, in their order: a bool for each."""
    def decide(self, key: str | bytes, cost: int = 1, now_ms: int | None = None) -> Allow | Defer | Reject:
        """Decides whether ``cost`` units of ``key`` may leave and, on an allow, charges them."""
    def peek(self, key: str | bytes, cost: int = 1, now_ms: int | None = None) -> Allow | Defer | Reject:
        """The decision that ``decide`` would give, charging nothing."""
    def refund(self, key: str | bytes, cost: int, charged_at: int, now_ms: int | None = None) -> None:
        """Takes back units of ``key`` that were charged at ``charged_at``."""
    def usage(self, key: str | bytes, now_ms: int | None = None) -> list[Usage]:
        """What each window of ``key`` holds, in the policy's order."""
    def state(self, key: str | bytes) -> bytes:
        """The bytes of a key's state, as ``Limiter.state`` has them."""
    def load(self, key: str | bytes, state: bytes) -> bool:
        """Goes on from a stored state of ``key``; False when the table is full.

        Raises SendgateError when the bytes are not a state of this policy; what was held then stays.
        """
    def evict(self, most: int | None = None, now_ms: int | None = None) -> int:
        """Forgets keys in whose windows nothing is in use, and returns how many.

        ``most`` bounds how many are looked at; the next call goes on from there.
        """
    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that the table has taken."""
    def __len__(self) -> int:
        """Keys that are held."""

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

@final
class FieldError:
    """One fault of one field of a message."""

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

class InvalidMessage(SendgateError):
    """A message cannot be read. ``errors`` has every fault."""

    errors: list[FieldError]

class UnsupportedFeature(SendgateError):
    """The provider lacks what the message needs. ``feature`` says what, ``provider`` who."""

    feature: str
    provider: str

class RateLimited(SendgateError):
    """A window admits no more for now.

    ``retry_at`` (ms since 1970) is the first instant at which the same submission will do, ``window`` the one that is
    full.
    """

    retry_at: int | None
    window: str | None

class QuotaExceeded(SendgateError):
    """A quota is used up. ``period`` and ``retry_at``, its end, are None when waiting does not help."""

    retry_at: int | None
    period: Literal["day", "month", "year"] | None

class IdempotencyConflict(SendgateError):
    """The idempotency key was used for other messages in the last 24 hours."""

class StoreFailed(SendgateError):
    """The file cannot be used now, and nothing was accepted. ``code`` says why."""

class NotSent(SendgateError):
    """For a transport to raise when the provider surely has not got the request."""

class WebhookRefused(SendgateError):
    """A report is not to be believed. ``code`` says why."""

_Mailbox = str | Mapping[str, str]
_Mailboxes = _Mailbox | Sequence[_Mailbox]

@final
class Message:
    """A message as Sendgate's API takes it, read strictly: every fault is reported at once.

    A mailbox is ``"Name <a@b.example>"`` or ``{"address": ..., "name": ...}``; an attachment's ``content`` is bytes, or
    base64 in a str; an instant is an aware ``datetime``, or RFC 3339 in a str.

    Raises InvalidMessage, whose ``errors`` has each fault with its field, code and detail.
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
    __hash__: None  # type: ignore[assignment]

@final
class HttpRequest:
    """An HTTP request to carry out."""

    @property
    def method(self) -> Literal["POST"]:
        """The method."""
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
    """A mail to hand to a mail server."""

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

    @property
    def outcome(self) -> _Outcome:
        """The class of the answer."""
    @property
    def retry_at(self) -> int | None:
        """The first instant (ms since 1970) at which the provider allows another attempt, when it said so."""
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

    @property
    def url(self) -> str:
        """Where it is."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Confirm:
    """A verified request to confirm a subscription: fetch this URL, whose host was checked (Amazon SES)."""

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

    Raises SendgateError when there is no such provider or its ``base_url`` cannot be one.
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
    def build(self, message: Message, message_id: str, now_ms: int | None = None) -> HttpRequest | SmtpRequest:
        """The call that hands the message to the provider.

        ``message_id`` is the caller's own id of the message, up to 256 visible ASCII characters: the idempotency key
        where the provider has one. The same arguments give the same bytes. ``now_ms`` signs what is signed.

        Raises UnsupportedFeature when the provider lacks something, SendgateError when its settings are incomplete.
        """
    def build_batch(
        self, messages: Sequence[tuple[Message, str]], now_ms: int | None = None
    ) -> HttpRequest | SmtpRequest:
        """The call that hands several messages to the provider at once, with an id for each.

        Raises as ``build``, and SendgateError with the code ``not_together`` when they cannot share a call.
        """
    def classify(self, status: int, headers: _Headers, body: bytes, now_ms: int | None = None) -> Answer:
        """What an HTTP answer means. Any answer has a meaning."""
    def classify_batch(
        self, status: int, headers: _Headers, body: bytes, count: int, now_ms: int | None = None
    ) -> list[Answer]:
        """What an HTTP answer to ``build_batch``'s call of ``count`` messages means for each of them."""
    def parse_webhook(
        self,
        headers: _Headers,
        body: bytes,
        now_ms: int | None = None,
        *,
        secrets: Sequence[str] = ...,
        header: str | None = None,
        topics: Sequence[str] = ...,
        roots: str | None = None,
        tolerance_ms: int | None = None,
        certificate: tuple[str, str] | None = None,
    ) -> list[Event] | NeedsCertificate | Confirm:
        """Verifies a report and reads its events.

        ``body`` is the request's body as it came. ``secrets`` are what the provider signs with, several while one is
        replaced; ``header`` names the field that carries the secret where nothing is signed (Basic credentials
        otherwise); ``topics`` are the SNS topics that are expected; ``certificate`` is the (URL, PEM) that
        NeedsCertificate asked for.

        Raises WebhookRefused; nothing of the request may then be believed.
        """

_Answered = tuple[int, _Headers, bytes]

@final
class Receipt:
    """What became of a submitted message."""

    @property
    def message_id(self) -> str | None:
        """The message's id, by which ``trace`` finds it; None when it was refused."""
    @property
    def status(self) -> str:
        """``"queued"``, ``"suppressed"`` or ``"refused"``."""
    @property
    def warnings(self) -> list[str]:
        """Words for what is not wrong but worth knowing, such as ``"missing_unsubscribe"``."""
    @property
    def code(self) -> str | None:
        """The stable word for why it was refused."""
    @property
    def detail(self) -> str | None:
        """What is wrong with it, field by field."""
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

    @property
    def at(self) -> int:
        """Milliseconds since 1970."""
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

    Raises SendgateError when the configuration is wrong, StoreFailed when the file cannot be used.
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
        lease_ms: int | None = None,
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

    Raises SendgateError for a malformed address, and when there are more than 100,000,000.
    """

    def __new__(cls, addresses: Iterable[str] | None = None, *, key: bytes | None = None) -> Suppressions: ...
    @staticmethod
    def from_bytes(data: bytes, key: bytes) -> Suppressions:
        """Goes on from saved bytes, which are checked as a whole.

        Raises SendgateError when they are not a set that was saved under this key.
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
