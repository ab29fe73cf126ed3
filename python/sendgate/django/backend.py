"""The e-mail backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.timezone import get_current_timezone, is_naive, make_aware

from sendgate import Mailroom, Message, Receipt, SendgateError
from sendgate._mime import fields_of

from . import conf


class NotAccepted(SendgateError):
    """Some of the mails were not accepted. ``receipts`` has the receipt of each; the others are on their way."""

    def __init__(self, code: str, detail: str, receipts: list[Receipt]) -> None:
        super().__init__(detail)
        self.code = code
        self.receipts = receipts


class EmailBackend(BaseEmailBackend):
    """Accepts mails for delivery. ``send_messages`` returns how many were accepted.

    ``mailroom`` is another Mailroom than that of the settings. With ``fail_silently`` what is refused counts as not
    sent; a wrong setting is told all the same.

    Raises what ``Mailroom.submit`` raises, UnsupportedMail, NotAccepted, and ImproperlyConfigured.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        mailroom: Mailroom | None = None,
        **_options: Any,  # noqa: ANN401 - what Django passes to any backend
    ) -> None:
        super().__init__(fail_silently=fail_silently)
        self._given = mailroom
        self._is_open = False
        self._defaults: Mapping[str, Any] = {} if mailroom is not None else conf.read().defaults

    def open(self) -> bool:
        """Opens the Mailroom, and begins to deliver where the settings say so. False when it was open."""
        if self._given is None:
            conf.mailroom()
        is_first, self._is_open = not self._is_open, True
        return is_first

    def close(self) -> None:
        """Nothing is left to do: what was accepted is on the file, and delivery goes on."""
        self._is_open = False

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Accepts the mails that have recipients, all that share an idempotency key together."""
        found = [mail for mail in email_messages if mail.recipients()]
        if not found:
            return 0
        self.open()
        mailroom = self._given or conf.mailroom()
        ready: list[tuple[EmailMessage, Message]] = []
        for mail in found:
            try:
                ready.append((mail, message_of(mail, self._defaults)))
            except SendgateError:
                if not self.fail_silently:
                    raise
        return sum(self._submit(mailroom, together) for together in _together(ready))

    def _submit(self, mailroom: Mailroom, ready: list[tuple[EmailMessage, Message]]) -> int:
        key = getattr(ready[0][0], "idempotency_key", None)
        try:
            receipts = mailroom.submit([message for _, message in ready], key)
        except SendgateError as error:
            if error.code == "too_many_messages" and key is None and len(ready) > 1:
                half = len(ready) // 2
                return self._submit(mailroom, ready[:half]) + self._submit(mailroom, ready[half:])
            if not self.fail_silently:
                raise
            return 0
        for (mail, _), receipt in zip(ready, receipts, strict=True):
            mail.sendgate_receipt = receipt  # type: ignore[attr-defined]  # for whoever sent it
        refused = [receipt for receipt in receipts if receipt.status != "queued"]
        if refused and not self.fail_silently:
            first = refused[0]
            detail = f"{len(refused)} of {len(receipts)} mails were not accepted: {first.detail or first.status}"
            raise NotAccepted(first.code or first.status, detail, receipts)
        return len(receipts) - len(refused)


def message_of(mail: EmailMessage, defaults: Mapping[str, Any] | None = None) -> Message:
    """The Message of a mail of Django's, with whatever it says beside what Django knows."""
    fields = {**(defaults or {}), **fields_of(mail.message(), recipients=mail.recipients())}
    for name, field in _EXTRAS.items():
        value = getattr(mail, name, None)
        if value is not None:
            fields[field] = _instant(value) if field in ("send_at", "expires_at") else value
    metadata = fields.get("metadata")
    if metadata is not None:
        fields["metadata"] = {str(name): str(value) for name, value in metadata.items()}
    tracking = {word: getattr(mail, f"track_{word}", None) for word in ("opens", "clicks")}
    if any(value is not None for value in tracking.values()):
        fields["tracking"] = {word: value for word, value in tracking.items() if value is not None}
    template = getattr(mail, "template_id", None)
    if template is not None:
        fields["template"] = {"id": str(template), "data": getattr(mail, "merge_global_data", None) or {}}
        # A template stands in place of the bodies; Django has an empty one for none.
        for body in ("text_body", "html_body"):
            if not str(fields.get(body) or "").strip():
                fields.pop(body, None)
    return Message(fields)


def _instant(value: object) -> object:
    """As django-anymail reads it: a date is its midnight, a naive time is in Django's zone, a number is Unix time."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if isinstance(value, datetime) and is_naive(value):
        return make_aware(value, get_current_timezone())
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, tz=get_current_timezone())
    return value


def _together(ready: list[tuple[EmailMessage, Message]]) -> list[list[tuple[EmailMessage, Message]]]:
    """Those that follow each other with the same idempotency key, or without one, as many as one request may have."""
    groups: list[list[tuple[EmailMessage, Message]]] = []
    for mail, message in ready:
        key = getattr(mail, "idempotency_key", None)
        last = groups[-1] if groups else []
        if last and getattr(last[0][0], "idempotency_key", None) == key and (key is not None or len(last) < _MOST):
            last.append((mail, message))
        else:
            groups.append([(mail, message)])
    return groups


# Messages of one submission: a mass mail is neither one transaction each nor one that holds the file for long.
_MOST = 100
# What django-anymail names so, and what is Sendgate's own; `tracking` and `template` are put together.
_EXTRAS = {
    "tags": "tags",
    "metadata": "metadata",
    "send_at": "send_at",
    "esp_extra": "provider_options",
    "message_class": "class",
    "expires_at": "expires_at",
    "stream": "stream",
}
