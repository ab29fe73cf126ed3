"""Sends a message with `smtplib` and `email.message`, as Python's documentation shows it."""

import base64
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8


def address(mailbox: dict) -> Address:
    local, _, domain = mailbox["address"].rpartition("@")
    return Address(mailbox.get("name", ""), local, domain)


def written(message: dict, message_id: str) -> EmailMessage:
    everybody = [one["address"] for field in ("to", "cc", "bcc") for one in message.get(field, [])]
    mail = EmailMessage(policy=SMTP if all(one.isascii() for one in everybody) else SMTPUTF8)
    mail["From"] = address(message["from"])
    for field, name in [("to", "To"), ("cc", "Cc"), ("bcc", "Bcc"), ("reply_to", "Reply-To")]:
        if message.get(field):
            mail[name] = [address(one) for one in message[field]]
    mail["Subject"] = message["subject"]
    mail["Date"] = "Tue, 01 Dec 2026 10:00:00 +0000"
    mail["Message-ID"] = message_id
    for name, value in message.get("headers", {}).items():
        mail[name] = value
    body = mail
    if "text_body" in message:
        mail.set_content(message["text_body"])
        if "html_body" in message:
            mail.add_alternative(message["html_body"], subtype="html")
            body = list(mail.iter_parts())[-1]
    else:
        mail.set_content(message["html_body"], subtype="html")
    files = message.get("attachments", [])
    # Images first: what is shown in a body is closer to it than what is attached to the mail.
    for file in sorted(files, key=lambda file: file.get("disposition") != "inline"):
        content = base64.b64decode(file["content"])
        kind, _, subtype = file["content_type"].partition("/")
        if file.get("disposition") == "inline":
            named = {"filename": file["filename"], "cid": f"<{file['content_id']}>", "disposition": "inline"}
            body.add_related(content, kind, subtype, **named)
        else:
            mail.add_attachment(content, kind, subtype, filename=file["filename"])
    return mail


def send(message: dict, message_id: str, port: int, certificate: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="shop.example") as server:
        server.starttls(context=ssl.create_default_context(cafile=certificate))
        server.login("shop", "any")
        refused = server.send_message(written(message, message_id))
        assert not refused, refused
