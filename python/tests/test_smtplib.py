"""Code that was written for smtplib, with one line changed."""

from __future__ import annotations

import asyncio
import doctest
import smtplib as stdlib
from collections.abc import Iterator
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest
import sendgate
from fits import Outbox, mailroom
from sendgate import Client, _mime, smtplib
from world import Server, World, accept, answer, client


@pytest.fixture(autouse=True)
def nobody_named() -> Iterator[None]:
    yield
    smtplib.use(None)


def letter(to: str = "ann@example.com") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <shop@shop.example>", to, "Hi"
    mail.set_content("Hello")
    return mail


def test_the_examples_run() -> None:
    for module in (_mime, smtplib):
        assert doctest.testmod(module).failed == 0


def test_every_step_of_a_conversation(tmp_path: Path) -> None:
    outbox = Outbox()
    with mailroom(tmp_path, outbox) as room:
        smtplib.use(room)
        with smtplib.SMTP("mail.shop.example", 587, timeout=10) as smtp:
            assert smtp.ehlo()[0] == 250
            assert smtp.has_extn("STARTTLS") and not smtp.has_extn("dsn")
            assert smtp.starttls()[0] == 220
            assert smtp.login("user", "password")[0] == 235
            smtp.set_debuglevel(1)
            assert (smtp.noop()[0], smtp.vrfy("ann@example.com")[0]) == (250, 252)
            assert smtp.send_message(letter()) == {}
            assert smtp.sendmail("shop@shop.example", ["ann@example.com"], letter().as_bytes()) == {}
            text = "From: shop@shop.example\r\nTo: ann@example.com\r\nSubject: c\r\n\r\nHello"
            assert smtp.sendmail("shop@shop.example", "ann@example.com", text) == {}
            assert room.trace(smtp.message_ids[0]) is not None
            assert smtp.quit()[0] == 221
        assert room.drain()
    assert [call["Subject"] for call in outbox.calls] == ["Hi", "Hi", "c"]
    with pytest.raises(stdlib.SMTPServerDisconnected):
        smtp.send_message(letter())


def test_the_drop_in_has_every_public_method_of_the_original() -> None:
    """But for those that speak the protocol, which nobody does here."""
    spoken = {"send", "putcmd", "getreply", "help", "expn", "auth", "auth_cram_md5", "auth_login", "auth_plain"}
    originals = {name for name, value in vars(stdlib.SMTP).items() if callable(value) and not name.startswith("_")}
    assert originals - spoken - set(dir(smtplib.SMTP)) == set()
    assert smtplib.SMTPException is stdlib.SMTPException
    smtp: Any = smtplib.SMTP_SSL()
    with pytest.raises(smtplib.SMTPNotSupportedError):
        smtp.docmd("EXPN", "all")


def test_one_mail_step_by_step_and_blind_copies(tmp_path: Path) -> None:
    outbox = Outbox()
    with mailroom(tmp_path, outbox) as room:
        smtp = smtplib.SMTP(sender=room, fields={"tags": ["receipt"]})
        assert smtp.rcpt("ann@example.com")[0] == 503
        smtp.mail("<shop@shop.example>")
        assert [smtp.rcpt(to)[0] for to in ("ann@example.com", "bob@example.com", "nobody@")] == [250, 250, 553]
        assert smtp.data(letter().as_bytes())[0] == 250
        smtp.mail("shop@shop.example")
        smtp.rset()
        with pytest.raises(smtplib.SMTPDataError):
            smtp.data(b"")
        assert room.drain()
    (call,) = outbox.calls
    assert (call["To"], call["Bcc"], call["Tag"]) == ("ann@example.com", "bob@example.com", "receipt")


def test_refused_recipients_are_a_dict_unless_all_are(tmp_path: Path) -> None:
    with mailroom(tmp_path, Outbox()) as room:
        smtp = smtplib.SMTP(sender=room)
        refused = smtp.sendmail("shop@shop.example", ["ann@example.com", "nobody@"], letter().as_bytes())
        assert {name: code for name, (code, _) in refused.items()} == {"nobody@": 553}
        with pytest.raises(smtplib.SMTPRecipientsRefused) as raised:
            smtp.sendmail("shop@shop.example", ["nobody@", "no one"], letter().as_bytes())
        assert set(raised.value.recipients) == {"nobody@", "no one"}
        with pytest.raises(smtplib.SMTPNotSupportedError):
            smtp.send_message(letter(), rcpt_options=["NOTIFY=FAILURE"])


def reply(smtp: smtplib.SMTP, mail: EmailMessage | MIMEText) -> tuple[int, type[BaseException]]:
    with pytest.raises(smtplib.SMTPResponseException) as raised:
        smtp.send_message(mail)
    assert raised.value.__cause__ is not None
    return raised.value.smtp_code, type(raised.value.__cause__)


def test_a_refusal_has_the_reply_code_of_a_server_and_its_own_cause(tmp_path: Path) -> None:
    minute = {"kind": "sliding", "name": "minute", "limit": 2, "period_ms": 60_000}
    quotas = [{"period": "month", "limit": 3}]
    with mailroom(tmp_path, Outbox(), domains=["shop.example"], account_windows=[minute], quotas=quotas) as room:
        smtp = smtplib.SMTP(sender=room)
        stranger = letter()
        stranger.replace_header("From", "a@other.example")
        with pytest.raises(smtplib.SMTPSenderRefused) as sender:
            smtp.send_message(stranger)
        assert (sender.value.smtp_code, sender.value.sender) == (550, "a@other.example")
        signed = MIMEText("a")
        signed["From"], signed["To"], signed["Subject"] = "shop@shop.example", "ann@example.com", ""
        assert reply(smtp, signed) == (554, sendgate.InvalidMessage)
        signed.set_param("charset", "klingon")
        assert reply(smtp, signed) == (554, smtplib.UnsupportedMail)
        crowd = letter("ann@example.com, bob@example.com, carl@example.com, dora@example.com")
        assert reply(smtp, crowd) == (452, sendgate.QuotaExceeded)
        for _ in range(3):
            try:
                smtp.send_message(letter())
            except smtplib.SMTPDataError as error:
                last = error
        assert (last.smtp_code, type(last.__cause__)) == (451, sendgate.RateLimited)
        assert isinstance(last.__cause__, sendgate.RateLimited) and last.__cause__.retry_at is not None


def test_a_client_of_a_worker_does_as_well() -> None:
    world = World()
    server = Server(world, 100, 60_000, accept)
    with client(world, server) as worker:
        smtp = smtplib.SMTP(sender=worker)
        assert smtp.send_message(letter()) == {}
        assert smtp.message_ids == ["msg_Hi"]
    full = {"status": 429, "code": "quota_daily", "detail": "used up", "request_id": "req_1"}
    with client(world, lambda _: answer(429, full), max_wait_ms=0) as worker:
        code, cause = reply(smtplib.SMTP(sender=worker), letter())
        assert code == 452 and issubclass(cause, sendgate.ApiError)

    spared = {"request_id": "req_1", "messages": [{"message_id": "msg_1", "to": [], "status": "suppressed"}]}
    with client(world, lambda _: answer(202, spared)) as worker:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as raised:
            smtplib.SMTP(sender=worker).send_message(letter())
        assert {name: code for name, (code, _) in raised.value.recipients.items()} == {"ann@example.com": 550}

    def broken(_: object) -> Any:  # noqa: ANN401 - it never returns
        raise OSError

    with client(world, broken, max_wait_ms=0) as worker, pytest.raises(smtplib.SMTPServerDisconnected):
        smtplib.SMTP(sender=worker).send_message(letter())
    assert isinstance(worker, Client)


def test_the_environment_names_who_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(smtplib.SMTPConnectError):
        smtplib.SMTP("localhost")
    monkeypatch.setenv("SENDGATE_MAILROOM", str(tmp_path / "mail.db"))
    monkeypatch.setenv("SENDGATE_ACCOUNT", '{"providers": [{"kind": "postmark", "credential": "TOKEN"}]}')
    monkeypatch.setenv("TOKEN", "token")
    later = letter()
    with smtplib.SMTP("localhost", fields={"send_at": "2099-01-01T00:00:00Z"}) as smtp:
        smtp.send_message(later)
        (message_id,) = smtp.message_ids
    room = smtplib._of_process()
    assert isinstance(room, sendgate.Mailroom)
    assert room.trace(message_id) is not None
    room.stop()
    monkeypatch.delenv("SENDGATE_MAILROOM")
    monkeypatch.setenv("SENDGATE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SENDGATE_KEY", "sg_key")
    smtplib.use(None)
    assert isinstance(smtplib._of_process(), Client)


def test_the_event_loop_goes_on(tmp_path: Path) -> None:
    with mailroom(tmp_path, Outbox()) as room:
        smtp = smtplib.SMTP(sender=room)
        assert asyncio.run(smtp.send_message_async(letter())) == {}
        assert len(smtp.message_ids) == 1
