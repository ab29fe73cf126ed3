"""Mails of the standard library become Messages: all of it is kept, or refused by name."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.header import Header
from email.message import EmailMessage
from email.message import Message as Mail
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import default as modern
from email.utils import parseaddr
from typing import Any

import pytest
from sendgate import InvalidMessage
from sendgate._mime import UnsupportedMail, message_of

PNG = b"\x89PNG\r\n\x1a\n"


def letter(text: str = "Hello") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <shop@shop.example>", "ann@example.com", "Hi"
    mail.set_content(text)
    return mail


def old(part: Mail, subject: Any = "Hi", to: Any = "ann@example.com") -> Mail:  # noqa: ANN401 - a str or a Header
    part["From"], part["To"], part["Subject"] = "shop@shop.example", to, subject
    return part


def read(mail: Mail, **envelope: Any) -> dict[str, Any]:  # noqa: ANN401 - as message_of takes it
    found: dict[str, Any] = json.loads(message_of(mail, **envelope).to_json())
    boxes = {name: found[name] for name in ("from", "to", "cc", "bcc") if name in found}
    for name, value in boxes.items():
        listed = [parseaddr(box) for box in ([value] if isinstance(value, str) else value)]
        found[name] = [{"address": address, "name": shown} for shown, address in listed]
    return found


def refused(mail: Mail, **envelope: Any) -> tuple[str, str]:  # noqa: ANN401 - as message_of takes it
    with pytest.raises(UnsupportedMail) as raised:
        message_of(mail, **envelope)
    assert "example.com" not in str(raised.value)
    return raised.value.code, raised.value.part


def test_the_smallest_mail() -> None:
    found = read(letter())
    assert found["from"] == [{"address": "shop@shop.example", "name": "Shop"}]
    assert [box["address"] for box in found["to"]] == ["ann@example.com"]
    assert (found["subject"], found["text_body"]) == ("Hi", "Hello\n")
    assert "attachments" not in found and "html_body" not in found


def test_alternatives_files_and_images_in_one_mail() -> None:
    mail = letter()
    mail.add_alternative('<p>Hello<img src="cid:logo@shop">', subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    assert isinstance(html, EmailMessage)
    html.add_related(PNG, "image", "png", cid="<logo@shop>")
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Rechnung Müller.pdf")
    mail.add_attachment("a;b\n", subtype="csv", filename="rows.csv")
    found = read(mail)
    assert (found["text_body"], found["html_body"]) == ("Hello\n", '<p>Hello<img src="cid:logo@shop">\n')
    logo, bill, rows = found["attachments"]
    assert (logo["content_id"], logo["disposition"], logo["content_type"]) == ("logo@shop", "inline", "image/png")
    # RFC 4648 section 10's alphabet over the eight bytes of a PNG's signature (RFC 2083 section 12.11).
    assert logo["content"] == "iVBORw0KGgo="
    assert (bill["filename"], bill["content_type"]) == ("Rechnung Müller.pdf", "application/pdf")
    assert "content_id" not in bill and "content_id" not in rows
    assert rows["content_type"] == "text/csv; charset=utf-8"


def test_old_classes_of_mime_and_encoded_words() -> None:
    mail = MIMEMultipart()
    mail.attach(MIMEText("Grüße", "plain", "iso-8859-1"))
    part = MIMEBase("application", "x-thing")
    part.set_payload("aGk=")
    part["Content-Transfer-Encoding"] = "base64"
    part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", "ö.bin"))
    mail.attach(part)
    mail.attach(MIMEApplication(b"x"))
    to = Header("Müller, Ann", "utf-8")
    to.append(" <ann@example.com>", "us-ascii")
    found = read(old(mail, Header("Schöne Grüße", "utf-8"), to))
    assert (found["subject"], found["text_body"]) == ("Schöne Grüße", "Grüße")
    assert found["to"] == [{"address": "ann@example.com", "name": "Müller, Ann"}]
    assert [file["filename"] for file in found["attachments"]] == ["ö.bin", "part-2.bin"]
    assert found["attachments"][0]["content"] == "aGk="


def test_bytes_from_the_wire() -> None:
    raw = (
        b"From: =?utf-8?q?M=C3=BCller?= <shop@shop.example>\r\nTo: ann@example.com,\r\n bob@example.com\r\n"
        b"Subject: =?iso-8859-1?q?a_=FC?=\r\n =?utf-8?b?w7w=?=\r\nX-Tour: 7\r\nContent-Transfer-Encoding: 8bit\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nz\xc3\xbc\r\n"
    )
    for mail in (message_from_bytes(raw), message_from_bytes(raw, policy=modern)):
        found = read(mail)
        assert (found["subject"], found["text_body"]) == ("a üü", "zü\n")
        assert found["from"][0]["name"] == "Müller"
        assert [box["address"] for box in found["to"]] == ["ann@example.com", "bob@example.com"]
        assert found["headers"] in ({"X-Tour": "7"}, [{"name": "X-Tour", "value": "7"}])


def test_the_envelope_decides() -> None:
    mail = letter()
    mail["Cc"], mail["Bcc"] = "bob@example.com", "carl@example.com, dora@example.com"
    found = read(mail)
    assert [box["address"] for box in found["bcc"]] == ["carl@example.com", "dora@example.com"]
    found = read(mail, recipients=["Ann@Example.com", "bob@example.com", "carl@example.com", "eve@example.com"])
    assert [box["address"] for box in found["bcc"]] == ["carl@example.com", "eve@example.com"]
    assert refused(mail, recipients=["ann@example.com"]) == ("recipient_not_in_envelope", "Cc")
    assert refused(mail, recipients=[]) == ("missing_recipient", "")
    del mail["To"], mail["Cc"], mail["Bcc"]
    mail["To"] = "undisclosed-recipients:;"
    assert read(mail, recipients=["ann@example.com"])["to"][0]["address"] == "ann@example.com"
    with pytest.raises(InvalidMessage):
        # Nobody may be shown to another, and somebody has to be in To.
        message_of(mail, recipients=["ann@example.com", "bob@example.com"])


def test_who_sends() -> None:
    mail = letter()
    mail["Sender"] = "shop@shop.example"
    assert "sender" not in {name.lower() for name in read(mail).get("headers", {})}
    mail.replace_header("Sender", "mailer@shop.example")
    assert refused(mail) == ("unsupported_header", "Sender")
    del mail["Sender"], mail["From"]
    assert read(mail, sender="shop@shop.example")["from"][0]["address"] == "shop@shop.example"
    assert refused(mail) == ("missing_from", "From")
    mail["From"] = "a@shop.example, b@shop.example"
    assert refused(mail) == ("several_authors", "From")


def test_fields_go_along_and_reserved_ones_are_refused_by_the_message() -> None:
    mail = letter()
    mail["List-Unsubscribe"], mail["Date"], mail["Message-ID"] = "<https://shop.example/u>", "now", "<1@shop.example>"
    assert "List-Unsubscribe" in json.dumps(read(mail)["headers"])
    assert "Message-ID" not in json.dumps(read(mail)["headers"])
    mail["DKIM-Signature"] = "v=1"
    with pytest.raises(InvalidMessage) as raised:
        message_of(mail)
    assert raised.value.errors[0].code == "reserved_header"


def test_a_mail_in_a_mail_is_a_file() -> None:
    mail = MIMEMultipart()
    mail.attach(MIMEText("see below"))
    mail.attach(MIMEMessage(letter()))
    (file,) = read(old(mail))["attachments"]
    assert (file["content_type"], file["filename"]) == ("message/rfc822", "part-1.eml")


def test_images_without_a_relation_are_inline_when_the_html_names_them() -> None:
    def pictured(html: str) -> dict[str, Any]:
        mail = MIMEMultipart()
        mail.attach(MIMEText(html, "html"))
        image = MIMEImage(PNG, "png")
        image["Content-ID"] = "<logo>"
        mail.attach(image)
        return dict(read(old(mail))["attachments"][0])

    assert pictured('<img src="cid:logo">')["disposition"] == "inline"
    assert "content_id" not in pictured("<p>none")


def _signed() -> Mail:
    return MIMEMultipart("signed", None, [MIMEText("a"), MIMEApplication(b"s", "pkcs7-signature")])


def _two_texts() -> Mail:
    return MIMEMultipart("mixed", None, [MIMEText("a"), MIMEText("b")])


def _invitation() -> Mail:
    return MIMEMultipart("alternative", None, [MIMEText("a"), MIMEText("BEGIN:VCALENDAR", "calendar")])


def _unknown_charset() -> Mail:
    part = MIMEText("a")
    part.set_param("charset", "klingon")
    return MIMEMultipart("mixed", None, [part])


def _not_its_charset() -> Mail:
    return message_from_bytes(b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\xff\n")


def _bad_base64() -> Mail:
    return message_from_bytes(b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGk*\n")


def _unknown_encoding() -> Mail:
    return message_from_bytes(b"Content-Type: text/plain\nContent-Transfer-Encoding: rot13\n\nuryyb\n")


def _no_end() -> Mail:
    return message_from_bytes(b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\nhello\n')


def _part_of_a_mail() -> Mail:
    return message_from_bytes(b"Content-Type: message/partial\n\nhello\n")


@pytest.mark.parametrize(
    ("made", "code", "part"),
    [
        (_signed, "unsupported_part", ""),
        (_two_texts, "several_bodies", "2"),
        (_invitation, "unsupported_alternative", "2"),
        (_unknown_charset, "unknown_charset", "1"),
        (_not_its_charset, "undecodable_text", ""),
        (_bad_base64, "broken_part", ""),
        (_unknown_encoding, "broken_part", ""),
        (_no_end, "broken_part", ""),
        (_part_of_a_mail, "unsupported_part", ""),
    ],
)
def test_what_has_no_place_is_refused_by_name(made: Any, code: str, part: str) -> None:  # noqa: ANN401 - a maker
    assert refused(old(made())) == (code, part)
