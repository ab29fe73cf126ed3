"""Sends the shared messages with the official Python SDKs to a simulator that is running, and looks at what came.

usage: send.py BASE_URL SMTP_PORT CERTIFICATE
"""

import base64
import json
import smtplib
import ssl
import sys
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formataddr
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

MESSAGES = Path(__file__).parent.parent / "messages.json"

Message = dict[str, Any]


def mailbox(address: dict[str, str]) -> str:
    """The mailbox as one text, with letters outside ASCII as they are."""
    return f"{address['name']} <{address['address']}>" if "name" in address else address["address"]


def mailboxes(message: Message, field: str) -> list[str]:
    return [mailbox(address) for address in message.get(field, [])]


def without_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


# --- the SDKs: each takes the base URL and returns what sends one message --------------------------------------------


def resend(base: str) -> Callable[[Message], None]:
    import resend as sdk

    sdk.api_key = "re_test"
    sdk.api_url = f"{base}/sandbox/resend"

    def send(message: Message) -> None:
        attachments = [
            without_nothing(
                {
                    "filename": file["filename"],
                    "content": file["content"],
                    "content_type": file["content_type"],
                    "content_id": file.get("content_id"),
                }
            )
            for file in message.get("attachments", [])
        ]
        pairs = [*((tag, "true") for tag in message.get("tags", [])), *message.get("metadata", {}).items()]
        sdk.Emails.send(
            without_nothing(
                {
                    "from": mailbox(message["from"]),
                    "to": mailboxes(message, "to"),
                    "cc": mailboxes(message, "cc"),
                    "bcc": mailboxes(message, "bcc"),
                    "reply_to": mailbox(message["reply_to"]) if "reply_to" in message else None,
                    "subject": message["subject"],
                    "text": message.get("text"),
                    "html": message.get("html"),
                    "headers": message.get("headers"),
                    "tags": [{"name": name, "value": value} for name, value in pairs],
                    "attachments": attachments,
                }
            )
        )

    return send


def postmark(base: str) -> Callable[[Message], None]:
    from postmarker.core import PostmarkClient

    # It throws the path of its base URL away: the simulator has to answer Postmark at its root (`--root postmark`).
    client = PostmarkClient(server_token="POSTMARK_API_TEST", root_api_url=base)

    def send(message: Message) -> None:
        attachments = [
            without_nothing(
                {
                    "Name": file["filename"],
                    "Content": file["content"],
                    "ContentType": file["content_type"],
                    "ContentID": f"cid:{file['content_id']}" if "content_id" in file else None,
                }
            )
            for file in message.get("attachments", [])
        ]
        client.emails.send(
            From=mailbox(message["from"]),
            To=mailboxes(message, "to"),
            Cc=mailboxes(message, "cc") or None,
            Bcc=mailboxes(message, "bcc") or None,
            ReplyTo=mailbox(message["reply_to"]) if "reply_to" in message else None,
            Subject=message["subject"],
            TextBody=message.get("text"),
            HtmlBody=message.get("html"),
            Headers=message.get("headers"),
            Tag=next(iter(message.get("tags", [])), None),
            Metadata=message.get("metadata"),
            Attachments=attachments,
        )

    return send


def sendgrid(base: str) -> Callable[[Message], None]:
    from sendgrid import SendGridAPIClient
    from sendgrid.helpers import mail as helpers

    client = SendGridAPIClient("SG.test.test", host=f"{base}/sandbox/sendgrid")

    def send(message: Message) -> None:
        mail = helpers.Mail(
            from_email=helpers.From(message["from"]["address"], message["from"].get("name")),
            subject=message["subject"],
            plain_text_content=message.get("text"),
            html_content=message.get("html"),
        )
        personalization = helpers.Personalization()
        for field, kind in (("to", helpers.To), ("cc", helpers.Cc), ("bcc", helpers.Bcc)):
            for address in message.get(field, []):
                personalization.add_email(kind(address["address"], address.get("name")))
        mail.add_personalization(personalization)
        if "reply_to" in message:
            mail.reply_to = helpers.ReplyTo(message["reply_to"]["address"], message["reply_to"].get("name"))
        for name, value in message.get("headers", {}).items():
            mail.add_header(helpers.Header(name, value))
        for tag in message.get("tags", []):
            mail.add_category(helpers.Category(tag))
        for name, value in message.get("metadata", {}).items():
            mail.add_custom_arg(helpers.CustomArg(name, value))
        for file in message.get("attachments", []):
            inline = "content_id" in file
            mail.add_attachment(
                helpers.Attachment(
                    helpers.FileContent(file["content"]),
                    helpers.FileName(file["filename"]),
                    helpers.FileType(file["content_type"]),
                    helpers.Disposition("inline" if inline else "attachment"),
                    helpers.ContentId(file["content_id"]) if inline else None,
                )
            )
        client.send(mail)

    return send


def mailgun(base: str) -> Callable[[Message], None]:
    from mailgun.client import Client

    client = Client(auth=("api", "key-test"), api_url=f"{base}/sandbox/mailgun")

    def send(message: Message) -> None:
        data = {
            "from": mailbox(message["from"]),
            "to": mailboxes(message, "to"),
            "cc": mailboxes(message, "cc"),
            "bcc": mailboxes(message, "bcc"),
            "subject": message["subject"],
            "text": message.get("text"),
            "html": message.get("html"),
            "o:tag": message.get("tags"),
            **{f"h:{name}": value for name, value in message.get("headers", {}).items()},
            **{f"v:{name}": value for name, value in message.get("metadata", {}).items()},
        }
        if "reply_to" in message:
            data["h:Reply-To"] = mailbox(message["reply_to"])
        files = [
            (
                "inline" if "content_id" in file else "attachment",
                (file["filename"], base64.b64decode(file["content"]), file["content_type"]),
            )
            for file in message.get("attachments", [])
        ]
        answer = client.messages.create(data=without_nothing(data), files=files or None, domain="mg.shop.example")
        answer.raise_for_status()

    return send


def ses(base: str) -> Callable[[Message], None]:
    import boto3

    client = boto3.client(
        "sesv2",
        endpoint_url=f"{base}/sandbox/ses",
        region_name="us-east-1",
        # Amazon's example credential, which the simulator takes unless another is set.
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    )

    def send(message: Message) -> None:
        def part(text: str) -> dict[str, str]:
            return {"Data": text, "Charset": "UTF-8"}

        body = {
            "Text": part(message["text"]) if "text" in message else None,
            "Html": part(message["html"]) if "html" in message else None,
        }
        attachments = [
            without_nothing(
                {
                    "FileName": file["filename"],
                    "RawContent": base64.b64decode(file["content"]),
                    "ContentType": file["content_type"],
                    "ContentDisposition": "INLINE" if "content_id" in file else "ATTACHMENT",
                    "ContentId": file.get("content_id"),
                }
            )
            for file in message.get("attachments", [])
        ]
        simple = {
            "Subject": part(message["subject"]),
            "Body": without_nothing(body),
            "Headers": [{"Name": name, "Value": value} for name, value in message.get("headers", {}).items()],
            "Attachments": attachments,
        }
        pairs = [*((tag, "true") for tag in message.get("tags", [])), *message.get("metadata", {}).items()]
        arguments = {
            "FromEmailAddress": sendable(message["from"]),
            "Destination": without_nothing(
                {
                    "ToAddresses": [sendable(address) for address in message["to"]],
                    "CcAddresses": [sendable(address) for address in message.get("cc", [])],
                    "BccAddresses": [sendable(address) for address in message.get("bcc", [])],
                }
            ),
            "ReplyToAddresses": [sendable(message["reply_to"])] if "reply_to" in message else [],
            "Content": {"Simple": without_nothing(simple)},
            "EmailTags": [{"Name": name, "Value": value} for name, value in pairs],
        }
        client.send_email(**without_nothing(arguments))

    return send


def sendable(address: dict[str, str]) -> str:
    """The mailbox as SES wants it: its name in encoded words where it is not ASCII."""
    return formataddr((address.get("name", ""), address["address"]))


def cloudflare(base: str) -> Callable[[Message], None]:
    from cloudflare import Cloudflare

    client = Cloudflare(api_token="cf-test", base_url=f"{base}/sandbox/cloudflare/client/v4", max_retries=0)

    def send(message: Message) -> None:
        attachments = [
            without_nothing(
                {
                    "filename": file["filename"],
                    "content": file["content"],
                    "type": file["content_type"],
                    "disposition": "inline" if "content_id" in file else "attachment",
                    "content_id": file.get("content_id"),
                }
            )
            for file in message.get("attachments", [])
        ]
        arguments = {
            "account_id": "acc123",
            "from_": message["from"],
            "to": message["to"],
            "cc": message.get("cc"),
            "bcc": message.get("bcc"),
            "reply_to": message.get("reply_to"),
            "subject": message["subject"],
            "text": message.get("text"),
            "html": message.get("html"),
            "headers": message.get("headers"),
            "attachments": attachments,
        }
        # An address with a name is an object, one without is a text.
        for field in ("to", "cc", "bcc"):
            arguments[field] = [a if "name" in a else a["address"] for a in arguments[field] or []]
        for field in ("from_", "reply_to"):
            if arguments[field] and "name" not in arguments[field]:
                arguments[field] = arguments[field]["address"]
        client.email_sending.send(**without_nothing(arguments))

    return send


def smtp(base: str) -> Callable[[Message], None]:
    port, certificate = int(sys.argv[2]), sys.argv[3]

    def send(message: Message) -> None:
        mail = EmailMessage()
        mail["From"] = formataddr((message["from"].get("name", ""), message["from"]["address"]))
        for field, name in (("to", "To"), ("cc", "Cc"), ("bcc", "Bcc")):
            if message.get(field):
                mail[name] = ", ".join(formataddr((a.get("name", ""), a["address"])) for a in message[field])
        if "reply_to" in message:
            mail["Reply-To"] = formataddr((message["reply_to"].get("name", ""), message["reply_to"]["address"]))
        mail["Subject"] = message["subject"]
        for name, value in message.get("headers", {}).items():
            mail[name] = value
        if "text" in message:
            mail.set_content(message["text"])
            if "html" in message:
                mail.add_alternative(message["html"], subtype="html")
        else:
            mail.set_content(message["html"], subtype="html")
        for file in message.get("attachments", []):
            main, sub = file["content_type"].split("/")
            inline = "content_id" in file
            mail.add_attachment(
                base64.b64decode(file["content"]),
                maintype=main,
                subtype=sub,
                filename=file["filename"],
                disposition="inline" if inline else "attachment",
                cid=f"<{file['content_id']}>" if inline else None,
            )
        with smtplib.SMTP("localhost", port) as server:
            server.starttls(context=ssl.create_default_context(cafile=certificate))
            server.login("shop", "any")
            server.send_message(mail)

    return send


SDKS = {
    "resend": resend,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "mailgun": mailgun,
    "ses": ses,
    "cloudflare": cloudflare,
    "smtp": smtp,
}


# --- what came -------------------------------------------------------------------------------------------------------


def ask(base: str, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(base + path, method=method, data=data)) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def bare(texts: list[str]) -> list[str]:
    return sorted(text.rsplit("<", 1)[-1].rstrip(">") for text in texts)


def wrong(base: str, dialect: str, sent: Message, came: Message) -> list[str]:
    """The names of the fields that did not come as they were sent."""
    lines = [str(came[field] or "").replace("\r\n", "\n").rstrip("\n") for field in ("text_body", "html_body")]
    pairs: list[tuple[str, Any, Any]] = [
        ("dialect", dialect, came["dialect"]),
        ("subject", sent["subject"], came["subject"]),
        ("from", [sent["from"]["address"]], bare([came["from"]])),
        ("text", sent.get("text", "").rstrip("\n"), lines[0]),
        ("html", sent.get("html", ""), lines[1]),
        ("reply_to", bare([sent["reply_to"]["address"]]) if "reply_to" in sent else [], bare(came["reply_to"])),
    ]
    for field in ("to", "cc", "bcc"):
        pairs.append((field, bare([a["address"] for a in sent.get(field, [])]), bare(came[field])))
    headers = {header["name"].lower(): header["value"] for header in came["headers"]}
    for name, value in sent.get("headers", {}).items():
        pairs.append((name, value, headers.get(name.lower())))
    files = {file["filename"]: base64.b64decode(file["content"]) for file in sent.get("attachments", [])}
    pairs.append(("filenames", sorted(files), sorted(file["filename"] for file in came["attachments"])))
    for file in came["attachments"]:
        with urlopen(base + file["url"]) as answer:
            pairs.append((file["filename"], files.get(file["filename"]), answer.read()))
    return [f"{name}: sent {want!r}, came {got!r}" for name, want, got in pairs if want != got]


def main() -> int:
    base = sys.argv[1]
    messages = json.loads(MESSAGES.read_text())
    known = ask(base, "/sandbox/settings")
    passed, failed, skipped = 0, 0, 0
    for dialect, sdk in SDKS.items():
        if dialect not in known:
            print(f"skipped {dialect}: the simulator does not have it")
            skipped += len(messages)
            continue
        ask(base, "/sandbox/settings", "PUT", {dialect: {"windows": []}})
        send = sdk(base)
        for message in messages:
            ask(base, "/sandbox/messages", "DELETE")
            try:
                send(message)
                came = ask(base, "/sandbox/messages")["messages"]
                problems = wrong(base, dialect, message, came[0]) if len(came) == 1 else [f"{len(came)} messages came"]
            # Whatever an SDK raises is a failure of this message.
            except Exception as error:
                problems = [f"{type(error).__name__}: {error}"]
            if problems:
                failed += 1
                print(f"FAILED {dialect}, {message['name']}: {'; '.join(problems)}")
            else:
                passed += 1
    print(f"sdk python: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
