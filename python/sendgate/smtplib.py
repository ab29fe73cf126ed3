"""``smtplib`` on top of a Mailroom or a Client: existing code changes one import line.

>>> import tempfile
>>> from email.message import EmailMessage
>>> from sendgate import Mailroom, Provider, smtplib
>>> smtplib.use(Mailroom(tempfile.mkdtemp() + "/mail.db", Provider("postmark", "token")))
>>> mail = EmailMessage()
>>> mail["From"], mail["To"], mail["Subject"] = "shop@shop.example", "ann@example.com", "Hi"
>>> mail.set_content("Hello")
>>> with smtplib.SMTP("localhost") as smtp:
...     smtp.send_message(mail)
{}

A mail that is accepted is on the Mailroom's file, and leaves within every limit. What differs from a conversation with
a mail server:

- ``connect``, ``ehlo``, ``helo``, ``starttls``, ``login``, ``noop`` and ``rset`` succeed and do nothing: host, port and
  credentials are those of the Mailroom's providers. TLS to them is always on.
- ``sendmail`` reads the mail into a Message. The envelope's sender is the author when the mail names none; the return
  path is the provider's. The envelope decides who gets it.
- Recipients with malformed addresses are refused as a server would: a dict of them is returned, and
  ``SMTPRecipientsRefused`` is raised when none is left. ``SMTPSenderRefused`` is a domain that the account does not
  have. Everything else is an ``SMTPDataError`` with a reply code: 451 and 452 for what later will do, 554 for what
  never will. The cause of each (``__cause__``) is Sendgate's own error, with ``retry_at`` where there is one.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping, Sequence
from email.message import Message as Mail
from email.parser import BytesParser
from email.policy import default as modern
from email.utils import getaddresses
from smtplib import (
    SMTP_PORT,
    SMTP_SSL_PORT,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from types import TracebackType
from typing import Any

from . import (
    ApiError,
    Client,
    InvalidMessage,
    Mailroom,
    Message,
    QuotaExceeded,
    RateLimited,
    SendgateError,
    StoreFailed,
    UnreachableError,
    normalize_address,
)
from ._mime import UnsupportedMail, bare, message_of
from ._shared import shared

__all__ = [
    "SMTP",
    "SMTP_PORT",
    "SMTP_SSL",
    "SMTP_SSL_PORT",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPDataError",
    "SMTPException",
    "SMTPHeloError",
    "SMTPNotSupportedError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "UnsupportedMail",
    "use",
]

Sender = Mailroom | Client
Refused = dict[str, tuple[int, bytes]]
Reply = tuple[int, bytes]

_default: Sender | None = None
_lock = threading.Lock()
_clients: dict[tuple[int, str, str], Client] = {}


def use(sender: Sender | None) -> None:
    """Names the Mailroom or Client by which every SMTP of this process sends; None forgets it.

    Without it the environment says: ``SENDGATE_MAILROOM`` is the file of a Mailroom and ``SENDGATE_ACCOUNT`` the JSON
    of its account, whose credentials are environment variables, too; or else ``SENDGATE_URL`` and ``SENDGATE_KEY`` are
    those of a Worker.
    """
    global _default
    _default = sender


def _of_process() -> Sender:
    """The one that was named, or the environment's: opened once in a process, and again in its fork."""
    if _default is not None:
        return _default
    file, account = os.environ.get("SENDGATE_MAILROOM"), os.environ.get("SENDGATE_ACCOUNT")
    url, key = os.environ.get("SENDGATE_URL"), os.environ.get("SENDGATE_KEY")
    if file and account:
        return shared(f"{file} {account}", lambda: Mailroom(file, account), delivers=True)
    if url and key:
        return _client(os.getpid(), url, key)
    raise SMTPConnectError(421, "sendgate.smtplib.use(...) names no Mailroom, nor does the environment")


def _client(process: int, url: str, key: str) -> Client:
    """A fork has none of its parent's threads, and so needs a Client of its own."""
    with _lock:
        if (process, url, key) not in _clients:
            _clients.clear()
            _clients[process, url, key] = Client(url, key)
        return _clients[process, url, key]


class SMTP:
    """As ``smtplib.SMTP``. ``sender`` is the Mailroom or Client; that of ``use`` when absent.

    ``fields`` has further fields of every message, such as ``{"tags": ["receipt"], "class": "bulk"}``.
    """

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = None,
        source_address: tuple[str, int] | None = None,
        *,
        sender: Sender | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self.timeout = timeout
        self.local_hostname = local_hostname or "localhost"
        self.source_address = source_address
        self.does_esmtp = True
        self.esmtp_features = dict(_EXTENSIONS)
        self.ehlo_resp: bytes | None = None
        self.helo_resp: bytes | None = None
        #: The receipts of the last mail, from which ``Mailroom.trace`` goes on.
        self.message_ids: list[str] = []
        self._given = sender
        self._fields = dict(fields or {})
        self._sender: Sender | None = None
        self._envelope: tuple[str, list[str]] | None = None
        if host or sender is not None:
            self.connect(host, port)

    # --- steps that a mail server needs, and nobody here -------------------------------------------------------------

    def connect(self, host: str = "localhost", port: int = 0, source_address: tuple[str, int] | None = None) -> Reply:
        """Finds the Mailroom or Client. ``host`` and ``port`` are not looked at."""
        self._sender = self._given or _of_process()
        return 220, b"sendgate"

    def ehlo(self, name: str = "") -> Reply:
        """Succeeds."""
        self.ehlo_resp = b"sendgate"
        return 250, self.ehlo_resp

    def helo(self, name: str = "") -> Reply:
        """Succeeds."""
        self.helo_resp = b"sendgate"
        return 250, self.helo_resp

    def ehlo_or_helo_if_needed(self) -> None:
        """Does nothing."""

    def has_extn(self, opt: str) -> bool:
        """Whether an extension's meaning is kept."""
        return opt.lower() in self.esmtp_features

    def starttls(self, *_arguments: object, **_named: object) -> Reply:
        """Succeeds: providers are always spoken to by TLS, with certificates checked."""
        return 220, b"ready"

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> Reply:
        """Succeeds; neither is looked at, nor kept. Credentials are the Mailroom's or the Client's."""
        return 235, b"2.7.0 accepted"

    def noop(self) -> Reply:
        """Succeeds."""
        return 250, b"2.0.0 OK"

    def vrfy(self, address: str) -> Reply:
        """Neither confirms nor denies an address (RFC 5321 section 3.5.3)."""
        return 252, b"2.1.5 cannot be told before delivery"

    verify = vrfy

    def set_debuglevel(self, debuglevel: int) -> None:
        """Does nothing: there is no conversation to show."""

    def docmd(self, cmd: str, args: str = "") -> Reply:
        """Raises SMTPNotSupportedError: there is no server to command."""
        raise SMTPNotSupportedError(f"there is no server that could be told {cmd}")

    # --- one mail ----------------------------------------------------------------------------------------------------

    def rset(self) -> Reply:
        """Forgets the envelope."""
        self._envelope = None
        return 250, b"2.0.0 OK"

    def mail(self, sender: str, options: Sequence[str] = ()) -> Reply:
        """Begins an envelope."""
        self._connected()
        self._envelope = (bare(sender), [])
        return 250, b"2.1.0 OK"

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> Reply:
        """Adds a recipient; 553 for what is no address.

        Raises SMTPNotSupportedError for options: no provider takes a wish for delivery reports.
        """
        if options:
            raise SMTPNotSupportedError("a recipient's options cannot be kept")
        if self._envelope is None:
            return 503, b"5.5.1 MAIL first"
        try:
            normalize_address(bare(recip))
        except SendgateError as error:
            return 553, f"5.1.3 {error}".encode()
        self._envelope[1].append(bare(recip))
        return 250, b"2.1.5 OK"

    def data(self, msg: str | bytes) -> Reply:
        """The mail itself, and the end of the envelope.

        Raises SMTPDataError and SMTPSenderRefused.
        """
        return self._submit(_parsed(msg))

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: str | bytes,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Refused:
        """Accepts a mail, and gives the recipients that were refused, each with a reply code and text.

        Raises SMTPRecipientsRefused when every one was, SMTPSenderRefused, and SMTPDataError. Nothing was accepted
        then.
        """
        return self._send(from_addr, to_addrs, _parsed(msg), rcpt_options)

    def send_message(
        self,
        msg: Mail,
        from_addr: str | None = None,
        to_addrs: str | Sequence[str] | None = None,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Refused:
        """``sendmail`` of a mail that is not text yet; who is not given is whom the mail names, ``Bcc`` included."""
        if any(name.lower().startswith("resent-") for name in msg):
            raise SMTPDataError(554, b"5.6.0 a mail that is sent again needs a message of its own")
        if from_addr is None:
            from_addr = bare(str(msg.get("Sender") or msg.get("From") or ""))
        if to_addrs is None:
            values = [str(value) for name in ("To", "Cc", "Bcc") for value in msg.get_all(name, [])]
            to_addrs = [address for _, address in getaddresses(values) if address]
        return self._send(from_addr, to_addrs, msg, rcpt_options)

    async def send_message_async(
        self, msg: Mail, from_addr: str | None = None, to_addrs: str | Sequence[str] | None = None
    ) -> Refused:
        """``send_message`` without holding up the event loop."""
        return await asyncio.to_thread(self.send_message, msg, from_addr, to_addrs)

    def quit(self) -> Reply:
        """Ends this SMTP. The Mailroom goes on: it is not this object's."""
        self.close()
        return 221, b"2.0.0 bye"

    def close(self) -> None:
        """As ``quit``."""
        self._sender = None
        self._envelope = None

    def __enter__(self) -> SMTP:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _connected(self) -> Sender:
        if self._sender is None:
            raise SMTPServerDisconnected("please run connect() first")
        return self._sender

    def _send(self, sender: str, to: str | Sequence[str], mail: Mail, options: Sequence[str]) -> Refused:
        self.mail(sender)
        refused: Refused = {}
        recipients = [to] if isinstance(to, str) else list(to)
        for recipient in recipients:
            code, text = self.rcpt(recipient, options)
            if code != 250:
                refused[recipient] = (code, text)
        if len(refused) == len(recipients):
            self.rset()
            raise SMTPRecipientsRefused(refused)
        self._submit(mail)
        return refused

    def _submit(self, mail: Mail) -> Reply:
        if self._envelope is None:
            raise SMTPDataError(503, b"5.5.1 MAIL first")
        (sender, recipients), self._envelope = self._envelope, None
        connected = self._connected()
        try:
            message = message_of(mail, sender=sender, recipients=recipients, more=self._fields)
            outcomes = _outcomes(connected, message)
        except (SendgateError, ApiError) as error:
            raise _reply_of(error, sender) from error
        if all(status == "suppressed" for _, status in outcomes):
            raise SMTPRecipientsRefused({one: (550, b"5.7.1 suppressed") for one in recipients})
        self.message_ids = [message_id for message_id, _ in outcomes if message_id is not None]
        return 250, f"2.0.0 queued as {' '.join(self.message_ids)}".encode()


class SMTP_SSL(SMTP):
    """The same: what it is spoken to about TLS does not matter."""

    def __init__(self, host: str = "", port: int = 0, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as there
        named.pop("context", None)
        super().__init__(host, port, *arguments, **named)


def _outcomes(sender: Sender, message: Message) -> list[tuple[str | None, str]]:
    """The id and status of what was accepted."""
    if isinstance(sender, Mailroom):
        return [(receipt.message_id, receipt.status) for receipt in sender.submit(message)]
    outcome = sender.send(json.loads(message.to_json()))
    return [(outcome.get("message_id"), str(outcome.get("status")))]


def _reply_of(error: SendgateError | ApiError, sender: str) -> SMTPException:
    """The reply of a mail server that says the same (RFC 5321, RFC 3463)."""
    text = str(error)
    if error.code == "from_not_allowed":
        return SMTPSenderRefused(550, f"5.7.1 {text}".encode(), sender)
    if isinstance(error, QuotaExceeded) or error.code.startswith("quota_") or error.code == "overquota":
        return SMTPDataError(452, f"4.5.3 {text}".encode())
    if isinstance(error, RateLimited) or (isinstance(error, ApiError) and error.status == 429):
        return SMTPDataError(451, f"4.7.1 {text}".encode())
    if isinstance(error, UnreachableError):
        return SMTPServerDisconnected("no answer came; it may have been accepted")
    if isinstance(error, StoreFailed) or (isinstance(error, ApiError) and error.is_retryable):
        return SMTPDataError(451, f"4.3.0 {text}".encode())
    kind = "5.6.0" if isinstance(error, (InvalidMessage, UnsupportedMail)) else "5.3.0"
    return SMTPDataError(554, f"{kind} {text}".encode())


def _parsed(msg: str | bytes) -> Mail:
    """A mail's text as the standard library takes it: a str has to be ASCII."""
    return BytesParser(policy=modern).parsebytes(msg.encode("ascii") if isinstance(msg, str) else msg)


# What is kept of a server's extensions; the size is a message's by Sendgate's measure.
_EXTENSIONS = {"size": "25000000", "8bitmime": "", "smtputf8": "", "auth": " PLAIN LOGIN", "starttls": ""}
