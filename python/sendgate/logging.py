"""Logging in both directions: what a Mailroom does, in logs; and errors of logs, by mail, without a flood.

``LogObserver`` writes to the logger ``sendgate``: one record for each submission and attempt. Its fields are
attributes of the record whose names begin with ``sendgate_``: ids, counts, codes and instants, never an address or a
content.

>>> import logging, tempfile
>>> from sendgate import Mailroom, Provider
>>> from sendgate.logging import MailHandler
>>> room = Mailroom(tempfile.mkdtemp() + "/mail.db", Provider("postmark", "token"))
>>> handler = MailHandler(room, from_="errors@shop.example", to="ada@example.com")
>>> logger = logging.Logger("shop")
>>> logger.addHandler(handler)
>>> for n in range(1_000):
...     logger.error("the same again: %d", n)
>>> handler.left_out
995
>>> handler.close()

``MailHandler`` is what ``logging.handlers.SMTPHandler`` is, but for the flood: it keeps inside a limit, and the next
mail tells what was left out.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from . import Allow, Client, Defer, Limiter, Mailroom, Message
from .limits import Policy, coded, system_now_ms
from .observed import Attempt, Observer, Submission

__all__ = ["LogObserver", "MailHandler"]

logging.getLogger("sendgate").addHandler(logging.NullHandler())


class LogObserver(Observer):
    """Tells a logger, ``sendgate`` unless another is given.

    Levels: INFO for what went as it should, WARNING for what is tried again or was refused by a limit, ERROR for what
    failed for good or nobody knows.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("sendgate")

    def submitted(self, submission: Submission) -> None:
        """One record."""
        if submission.error is not None:
            fields = {"code": submission.error, "refused": submission.refused, "retry_at": submission.retry_at}
            self._log(logging.WARNING, "submit_refused", fields, "nothing was accepted: %s", submission.error)
            return
        told = {"message_ids": submission.message_ids, "accepted": submission.accepted, "refused": submission.refused}
        level = logging.WARNING if submission.refused else logging.INFO
        counts = (submission.accepted, submission.refused)
        self._log(level, "submitted", told, "%d accepted, %d refused", *counts)

    def attempted(self, attempt: Attempt) -> None:
        """One record."""
        fields = {
            "message_id": attempt.message_id,
            "attempt": attempt.number,
            "provider": attempt.provider,
            "status": attempt.status,
            "code": attempt.error,
            "http_status": attempt.http_status,
            "retry_at": attempt.retry_at,
            "waited_ms": attempt.waited_ms,
            "took_ms": (attempt.ended_ns - attempt.started_ns) // 1_000_000,
        }
        level = {"sent": logging.INFO, "deferred": logging.WARNING}.get(attempt.status, logging.ERROR)
        words = (attempt.message_id, attempt.status, attempt.number)
        self._log(level, attempt.status, fields, "%s is %s after attempt %d", *words)

    def _log(self, level: int, event: str, fields: Mapping[str, Any], text: str, *words: object) -> None:
        extra = {"sendgate_event": event, **{f"sendgate_{name}": value for name, value in fields.items()}}
        self._logger.log(level, text, *words, extra=extra)


class Timer(Protocol):
    """What a ``threading.Timer`` is."""

    def start(self) -> None: ...

    def cancel(self) -> None: ...


class MailHandler(logging.Handler):
    """Mails records, within a limit.

    ``sender`` is a Mailroom or a Client. ``limit`` is a policy: five at once and one every ten minutes after that,
    unless told otherwise. A record beyond it is counted by where it was logged; the count goes with the next mail, or
    by itself as soon as a mail may leave, and at ``close``. ``subject`` is a str or a function of the record;
    ``fields`` has further fields of the Message. Records of the logger ``sendgate`` are left alone: mail about mail
    would never end.

    Raises SendgateError when the limit could never let one go.
    """

    def __init__(
        self,
        sender: Mailroom | Client,
        *,
        from_: str,
        to: str | Sequence[str],
        subject: str | Callable[[logging.LogRecord], str] = "Errors were logged",
        limit: Policy | None = None,
        fields: Mapping[str, Any] | None = None,
        level: int = logging.ERROR,
        now_ms: Callable[[], int] | None = None,
        timer: Callable[[float, Callable[[], None]], Timer] = threading.Timer,
    ) -> None:
        super().__init__(level)
        self._sender = sender
        self._message = {**(fields or {}), "from": from_, "to": [to] if isinstance(to, str) else list(to)}
        self._subject = subject
        self._limiter = Limiter(limit or USUAL)
        self._now_ms = now_ms or system_now_ms
        self._timer_of = timer
        self._timer: Timer | None = None
        self._omitted: Counter[str] = Counter()
        if not isinstance(self._limiter.peek(1, self._now_ms()), (Allow, Defer)):
            raise coded("cost_above_limit", "the limit never lets a mail go")

    @property
    def left_out(self) -> int:
        """Records that no mail has told of yet."""
        with _locked(self):
            return sum(self._omitted.values())

    def emit(self, record: logging.LogRecord) -> None:
        """Mails the record, or counts it."""
        if record.name == "sendgate" or record.name.startswith("sendgate."):
            return
        try:
            decision = self._limiter.decide(1, self._now_ms())
            if isinstance(decision, Allow):
                self._mail(self._subject_of(record), self.format(record)[:_LONGEST])
                return
            self._omit(record)
            if isinstance(decision, Defer) and self._timer is None:
                self._timer = self._timer_of((decision.retry_at - self._now_ms()) / 1_000, self._tell)
                if isinstance(self._timer, threading.Thread):
                    self._timer.daemon = True
                self._timer.start()
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Tells what was left out, and ends."""
        with _locked(self):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._omitted:
                try:
                    self._mail("Errors were logged", "")
                except Exception:
                    logging.getLogger("sendgate").exception("the last errors could not be mailed")
        super().close()

    def _tell(self) -> None:
        """When a mail may leave again: what was left out, unless another mail has told it."""
        with _locked(self):
            self._timer = None
            if not self._omitted:
                return
            try:
                decision = self._limiter.decide(1, self._now_ms())
                if isinstance(decision, Allow):
                    self._mail("Errors were logged", "")
                elif isinstance(decision, Defer):
                    self._timer = self._timer_of((decision.retry_at - self._now_ms()) / 1_000, self._tell)
                    self._timer.start()
            except Exception:
                logging.getLogger("sendgate").exception("errors could not be mailed")

    def _omit(self, record: logging.LogRecord) -> None:
        where = f"{record.levelname} {record.name} {record.filename}:{record.lineno}"
        if where not in self._omitted and len(self._omitted) >= _PLACES:
            where = "elsewhere"
        self._omitted[where] += 1

    def _subject_of(self, record: logging.LogRecord) -> str:
        subject = self._subject(record) if callable(self._subject) else self._subject
        return " ".join(subject.split())[:_LONGEST_SUBJECT] or "Errors were logged"

    def _mail(self, subject: str, text: str) -> None:
        omitted = self._omitted
        if omitted:
            lines = [f"{count:>8}  {where}" for where, count in omitted.most_common()]
            head = f"{sum(omitted.values())} records were left out before this mail:"
            text = "\n".join([text, "", head, *lines]).strip()
        message = Message({**self._message, "subject": subject, "text_body": text})
        if isinstance(self._sender, Mailroom):
            self._sender.submit(message)
        else:
            self._sender.submit(json.loads(message.to_json()))
        # Only now: what was not accepted is told by the next one.
        self._omitted = Counter()


class _locked:
    """A handler's own lock."""

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler

    def __enter__(self) -> None:
        self._handler.acquire()

    def __exit__(self, *_raised: object) -> None:
        self._handler.release()


#: Five mails at once, and one every ten minutes after that: what a person reads while something burns.
USUAL: dict[str, Any] = {"windows": [{"kind": "pace", "name": "pace", "interval_ms": 600_000, "burst": 5}]}
# A mail of a person's patience; the API takes 25 MB.
_LONGEST = 100_000
# Characters of a subject (RFC 5322 section 2.1.1), with room for what comes before them.
_LONGEST_SUBJECT = 900
# Places that are counted apart.
_PLACES = 100
