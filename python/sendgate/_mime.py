"""From a mail as the standard library builds it to a Message: everything is kept, or refused by name.

What becomes of each thing:

- ``From``, ``To``, ``Cc``, ``Bcc``, ``Reply-To`` and ``Subject`` are the message's own fields. ``Date``,
  ``Message-ID`` and the fields of MIME are made anew by whoever composes the mail that leaves. Every other field goes
  along as it is.
- The first text is the body: plain, HTML, or both as alternatives. A file is an attachment; it is inline when it says
  so and has a content id, when the HTML names it, or when it comes together with the HTML.
- The envelope decides who gets it. A recipient of the envelope whom no field names gets a blind copy.

A part that has no place in a Message, a text that cannot be decoded, and a field that names somebody whom the envelope
leaves out are refused with UnsupportedMail.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from email import errors
from email.header import Header
from email.headerregistry import AddressHeader, HeaderRegistry
from email.message import Message as Mail
from email.utils import getaddresses
from typing import Any

from . import Message, SendgateError, normalize_address

Fields = dict[str, Any]


class UnsupportedMail(SendgateError):
    """A mail holds what a Message cannot keep.

    ``code`` is a stable word for it, ``part`` says where: ``""`` for the mail itself, ``"2.1"`` for the first part of
    its second part, or the name of a header field.
    """

    def __init__(self, code: str, part: str, detail: str) -> None:
        super().__init__(f"{part}: {detail}" if part else detail)
        self.code = code
        self.part = part


def message_of(
    mail: Mail,
    *,
    sender: str | None = None,
    recipients: Iterable[str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Message:
    """The Message of a mail.

    ``sender`` is the author when the mail names none. ``recipients`` are the envelope's, all that the fields name when
    absent. ``more`` has further fields of the Message, such as ``tags``; what the mail says itself goes before.

    Raises UnsupportedMail, and InvalidMessage when a field's value cannot be one.

    >>> from email.message import EmailMessage
    >>> mail = EmailMessage()
    >>> mail["From"], mail["To"], mail["Subject"] = "Shop <shop@shop.example>", "ann@example.com", "Hi"
    >>> mail.set_content("Hello")
    >>> message_of(mail, recipients=["ann@example.com", "bob@example.com"]).recipient_count
    2
    """
    return Message({**(more or {}), **fields_of(mail, sender=sender, recipients=recipients)})


def fields_of(mail: Mail, *, sender: str | None = None, recipients: Iterable[str] | None = None) -> Fields:
    """The fields of ``message_of``, before they are checked."""
    fields: Fields = {"from": _author(mail, sender), "subject": _text(mail, "Subject") or ""}
    for name, field in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"), ("Reply-To", "reply_to")):
        found = _mailboxes(mail, name)
        if found:
            fields[field] = found
    if recipients is not None:
        _address(fields, list(recipients))
    content = _Content()
    content.take(mail, "")
    fields.update(content.fields())
    headers = [{"name": name, "value": _unfolded(name, value)} for name, value in mail.items() if _goes_along(name)]
    if headers:
        fields["headers"] = headers
    return fields


def _author(mail: Mail, sender: str | None) -> Any:  # noqa: ANN401 - a mailbox in either form
    authors = _mailboxes(mail, "From")
    if len(authors) > 1:
        raise UnsupportedMail("several_authors", "From", "a message has one author")
    author: Any = authors[0] if authors else sender
    if author is None:
        raise UnsupportedMail("missing_from", "From", "neither the mail nor its envelope names an author")
    senders = _mailboxes(mail, "Sender")
    if senders and (len(senders) > 1 or not authors or _same(senders[0]["address"]) != _same(authors[0]["address"])):
        raise UnsupportedMail("unsupported_header", "Sender", "nobody but the author can be named as the sender")
    return author


def _address(fields: Fields, recipients: list[str]) -> None:
    """Whom the envelope names and no field does gets a blind copy; nobody may be named who gets nothing."""
    wanted = {_same(recipient): recipient for recipient in map(bare, recipients)}
    if not wanted:
        raise UnsupportedMail("missing_recipient", "", "the envelope names no recipient")
    named = {_same(box["address"]) for field in ("to", "cc", "bcc") for box in fields.get(field, [])}
    for field in ("to", "cc"):
        if any(_same(box["address"]) not in wanted for box in fields.get(field, [])):
            detail = "names a recipient whom the envelope leaves out; a provider would send to them"
            raise UnsupportedMail("recipient_not_in_envelope", field.title(), detail)
    blind = [box for box in fields.get("bcc", []) if _same(box["address"]) in wanted]
    blind += [{"address": recipient} for key, recipient in wanted.items() if key not in named]
    fields.pop("bcc", None)
    if not fields.get("to") and not fields.get("cc") and len(blind) == 1:
        fields["to"] = blind
    elif blind:
        fields["bcc"] = blind


def bare(address: str) -> str:
    """The address of a mailbox; what is none stays as it is."""
    return next((found for _, found in getaddresses([address]) if found), address)


def _same(address: str) -> str:
    """The form in which addresses are compared; one that is none stays as it is, and is refused later."""
    try:
        return str(normalize_address(address))
    except SendgateError:
        return address


class _Content:
    """The bodies and files of a mail, taken part by part."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.html: str | None = None
        self._files: list[_File] = []

    def fields(self) -> Fields:
        found: Fields = {"text_body": self.text, "html_body": self.html}
        if self._files:
            found["attachments"] = [file.fields(self.html or "") for file in self._files]
        return {name: value for name, value in found.items() if value is not None}

    def take(self, part: Mail, path: str) -> None:
        kind, subtype = part.get_content_maintype(), part.get_content_subtype()
        if kind == "multipart":
            if subtype == "alternative":
                self._take_alternatives(part, path)
            elif subtype == "related":
                self._take_related(part, path)
            elif subtype == "mixed":
                for number, child in enumerate(_children(part, path), 1):
                    self.take(child, _below(path, number))
            else:
                raise UnsupportedMail("unsupported_part", path, f"multipart/{subtype} would lose its meaning")
        elif _is_body(part):
            self._take_body(part, path)
        else:
            self._files.append(_File(part, path, len(self._files) + 1, is_related=False))

    def _take_body(self, part: Mail, path: str) -> None:
        text = _decoded(part, path)
        if self.text is not None or self.html is not None:
            raise UnsupportedMail("several_bodies", path, "a second text beside the body needs a file name")
        self._set(part.get_content_subtype(), text)

    def _set(self, subtype: str, text: str) -> None:
        if subtype == "html":
            self.html = text
        else:
            self.text = text

    def _take_alternatives(self, part: Mail, path: str) -> None:
        alternatives = _Content()
        for number, child in enumerate(_children(part, path), 1):
            here = _below(path, number)
            subtype = child.get_content_subtype()
            if child.get_content_maintype() == "multipart" and subtype in ("related", "mixed"):
                inner = _Content()
                inner.take(child, here)
                alternatives._merge(inner, here)
            elif child.get_content_maintype() == "text" and subtype in ("plain", "html"):
                inner = _Content()
                inner._set(subtype, _decoded(child, here))
                alternatives._merge(inner, here)
            else:
                detail = f"{child.get_content_type()} cannot stand in for a body; give it as a file"
                raise UnsupportedMail("unsupported_alternative", here, detail)
        self._merge(alternatives, path)

    def _merge(self, other: _Content, path: str) -> None:
        twice = (self.text is not None and other.text is not None) or (self.html is not None and other.html is not None)
        if twice:
            raise UnsupportedMail("several_bodies", path, "there is a body of this type already")
        self.text = other.text if self.text is None else self.text
        self.html = other.html if self.html is None else self.html
        self._files += other._files

    def _take_related(self, part: Mail, path: str) -> None:
        """The root first (RFC 2387): the part that ``start`` names, or the first."""
        children = list(_children(part, path))
        start = part.get_param("start")
        roots = [child for child in children if start is not None and child["Content-ID"] == start]
        root = roots[0] if roots else children[0]
        self.take(root, _below(path, children.index(root) + 1))
        for number, child in enumerate(children, 1):
            here = _below(path, number)
            if child is root:
                continue
            if child.get_content_maintype() == "multipart":
                raise UnsupportedMail("unsupported_part", here, "what goes with the HTML has to be a file")
            self._files.append(_File(child, here, len(self._files) + 1, is_related=True))


class _File:
    """A part that is a file."""

    def __init__(self, part: Mail, path: str, number: int, *, is_related: bool) -> None:
        disposition = part.get_content_disposition()
        if disposition not in (None, "attachment", "inline"):
            raise UnsupportedMail("unsupported_part", path, "is neither attached nor inline")
        self._content = _file_bytes(part, path)
        self._content_type = _media_type(part)
        kind = part.get_content_type()
        self._name = part.get_filename() or f"part-{number}{mimetypes.guess_extension(kind) or ''}"
        self._content_id = str(part["Content-ID"] or "").strip().removeprefix("<").removesuffix(">")
        self._is_inline = is_related or disposition == "inline"

    def fields(self, html: str) -> Fields:
        cid = self._content_id
        is_inline = bool(cid) and (self._is_inline or f"cid:{cid}" in html)
        found = {"filename": self._name, "content_type": self._content_type, "content": self._content}
        return {**found, "content_id": cid, "disposition": "inline"} if is_inline else found


def _children(part: Mail, path: str) -> list[Mail]:
    children = part.get_payload()
    if not isinstance(children, list) or not children:
        raise UnsupportedMail("broken_part", path, "a multipart without parts")
    broken = [defect for defect in part.defects if isinstance(defect, _BROKEN)]
    if broken:
        raise UnsupportedMail("broken_part", path, "the parts do not end as they begin")
    return [child for child in children if isinstance(child, Mail)]


def _below(path: str, number: int) -> str:
    return f"{path}.{number}" if path else str(number)


def _is_body(part: Mail) -> bool:
    is_text = part.get_content_type() in ("text/plain", "text/html")
    return is_text and part.get_content_disposition() != "attachment" and part.get_filename() is None


def _decoded(part: Mail, path: str) -> str:
    charset = str(part.get_param("charset", "us-ascii"))
    data = _bytes(part, path)
    try:
        text = data.decode("utf-8" if charset.lower() == "us-ascii" else charset)
    except LookupError:
        raise UnsupportedMail("unknown_charset", path, "no such charset is known") from None
    except UnicodeError:
        raise UnsupportedMail("undecodable_text", path, "the text is not of its charset") from None
    return text.replace("\r\n", "\n")


def _file_bytes(part: Mail, path: str) -> bytes:
    if part.get_content_maintype() != "message":
        return _bytes(part, path)
    inner = part.get_payload()
    if part.get_content_subtype() != "rfc822" or not isinstance(inner, list) or len(inner) != 1:
        raise UnsupportedMail("unsupported_part", path, f"{part.get_content_type()} is neither a text nor a file")
    mail = inner[0]
    return mail.as_bytes() if isinstance(mail, Mail) else b""


def _bytes(part: Mail, path: str) -> bytes:
    before = len(part.defects)
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        raise UnsupportedMail("broken_part", path, "a part without content")
    encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
    if encoding not in _ENCODINGS or any(isinstance(defect, _BAD_BASE64) for defect in part.defects[before:]):
        raise UnsupportedMail("broken_part", path, "the content is not encoded as it says")
    return data


def _media_type(part: Mail) -> str:
    """The type with its parameters, but for those that say the file's name or how it was packed."""
    words = [part.get_content_type()]
    for name, value in (part.get_params() or [])[1:]:
        if name.lower() not in ("name", "boundary") and isinstance(value, str):
            is_token = bool(value) and not set(value) & _TSPECIALS
            words.append(f"{name}={value}" if is_token else f'{name}="{value}"')
    return "; ".join(words)


def _mailboxes(mail: Mail, name: str) -> list[dict[str, str]]:
    found = []
    for value in mail.get_all(name, []):
        header: Any = value if isinstance(value, AddressHeader) else _REGISTRY(name, _flat(value))
        for one in header.addresses:
            box = {"address": one.addr_spec}
            if one.display_name:
                box["name"] = one.display_name
            found.append(box)
        if not header.addresses and not header.groups and str(header).strip():
            raise UnsupportedMail("invalid_address", name, "is no list of addresses")
    return found


def _text(mail: Mail, name: str) -> str | None:
    value = mail.get(name)
    return None if value is None else _unfolded(name, value)


def _unfolded(name: str, value: object) -> str:
    """A field's text, whatever encoded words it came in (RFC 2047)."""
    return str(_REGISTRY(name, _flat(value)))


def _flat(value: object) -> str:
    """One line of it. A Header is taken in encoded words, so that commas in a name are not those between addresses."""
    text = value.encode(linesep="", maxlinelen=0) if isinstance(value, Header) else str(value)
    return text.replace("\r\n", "").replace("\n", "")


def _goes_along(name: str) -> bool:
    lower = name.lower()
    return lower not in _OWN and not lower.startswith("content-")


_REGISTRY = HeaderRegistry()
_BROKEN = (errors.NoBoundaryInMultipartDefect, errors.StartBoundaryNotFoundDefect, errors.CloseBoundaryNotFoundDefect)
_BAD_BASE64 = (
    errors.InvalidBase64CharactersDefect,
    errors.InvalidBase64LengthDefect,
    errors.InvalidBase64PaddingDefect,
)
# What the standard library decodes (RFC 2045 section 6.1, and uuencode under its usual names).
_ENCODINGS = ("7bit", "8bit", "binary", "quoted-printable", "base64", "uuencode", "x-uuencode", "uue", "x-uue")
# What a parameter's value may hold in quotes only (RFC 2045 section 5.1).
_TSPECIALS = set(' ()<>@,;:\\"/[]?=')
# Fields with a place of their own in a Message, and those that are made anew when the mail is composed.
_OWN = ("from", "to", "cc", "bcc", "reply-to", "subject", "sender", "date", "message-id", "mime-version")
