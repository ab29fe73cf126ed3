"""Sends the messages through the official Python SDKs, as their documentation shows it.

    python send.py PORT PLAN SMTP_PORT CERTIFICATE

PORT is the recorder's, SMTP_PORT the mail server's, which has the CERTIFICATE; PLAN is a file with a JSON object of
provider -> ids of the messages it can send. Each SDK must report that the message was taken: an exception, or an answer
that says otherwise, fails the case. The last line counts cases.
"""

import base64
import json
import sys
import urllib.request
from collections.abc import Callable
from email.header import Header as Encoded
from email.utils import formataddr
from pathlib import Path

import boto3
import resend
from botocore.config import Config
from cloudflare import Cloudflare
from common import BASE, PORT, all_quoted, filled, quoted
from later import by_brevo, by_mailersend, by_mailtrap, by_sparkpost
from mailgun.client import Client as Mailgun
from messages import messages
from postmarker.core import PostmarkClient
from send_mail import send as send_mail
from sendgrid import SendGridAPIClient
from sendgrid.helpers import mail as sg


def by_sendgrid(message: dict, case: str) -> None:
    mail = sg.Mail()
    mail.from_email = sg.From(message["from"]["address"], message["from"].get("name"))
    for field, kind, add in [("to", sg.To, mail.add_to), ("cc", sg.Cc, mail.add_cc), ("bcc", sg.Bcc, mail.add_bcc)]:
        for mailbox in message.get(field, []):
            add(kind(mailbox["address"], mailbox.get("name")))
    if "subject" in message:
        mail.subject = message["subject"]
    if message.get("text_body"):
        mail.add_content(sg.Content("text/plain", message["text_body"]))
    if message.get("html_body"):
        mail.add_content(sg.Content("text/html", message["html_body"]))
    answers = [sg.ReplyTo(mailbox["address"], mailbox.get("name")) for mailbox in message.get("reply_to", [])]
    if len(answers) == 1:
        mail.reply_to = answers[0]
    elif answers:
        mail.reply_to_list = answers
    for name, value in message.get("headers", {}).items():
        mail.add_header(sg.Header(name, value))
    for attachment in message.get("attachments", []):
        mail.add_attachment(
            sg.Attachment(
                attachment["content"],
                attachment["filename"],
                attachment["content_type"],
                attachment.get("disposition", "attachment"),
                attachment.get("content_id"),
            )
        )
    for tag in message.get("tags", []):
        mail.add_category(sg.Category(tag))
    for name, value in message.get("metadata", {}).items():
        mail.add_custom_arg(sg.CustomArg(name, value))
    tracking = message.get("tracking", {})
    if tracking:
        settings = sg.TrackingSettings()
        if "clicks" in tracking:
            settings.click_tracking = sg.ClickTracking(tracking["clicks"], tracking["clicks"])
        if "opens" in tracking:
            settings.open_tracking = sg.OpenTracking(tracking["opens"])
        mail.tracking_settings = settings
    if "template" in message:
        mail.template_id = message["template"]["id"]
        if message["template"]["id"].startswith("d-"):
            mail.dynamic_template_data = message["template"]["data"]
        else:
            for name, value in message["template"]["data"].items():
                mail.substitution = sg.Substitution(name, value)
    if "stream" in message:
        mail.ip_pool_name = sg.IpPoolName(message["stream"])
    answer = SendGridAPIClient("SG.test", host=f"{BASE}/sendgrid").send(mail)
    assert answer.status_code == 202, answer.status_code
    assert answer.headers["X-Message-Id"]


def by_mailgun(message: dict, case: str) -> None:
    data = filled(
        **{
            "from": quoted(message["from"]),
            "to": all_quoted(message, "to"),
            "cc": all_quoted(message, "cc"),
            "bcc": all_quoted(message, "bcc"),
            "subject": message.get("subject"),
            "text": message.get("text_body"),
            "html": message.get("html_body"),
            "h:Reply-To": ", ".join(all_quoted(message, "reply_to")) or None,
            "o:tag": message.get("tags"),
            "template": message.get("template", {}).get("id"),
            "o:sending-ip-pool": message.get("stream"),
        }
    )
    if "template" in message:
        data["t:variables"] = json.dumps(message["template"]["data"])
    data |= {f"h:{name}": value for name, value in message.get("headers", {}).items()}
    data |= {f"v:{name}": value for name, value in message.get("metadata", {}).items()}
    yes = {True: "yes", False: "no"}
    data |= {f"o:tracking-{what}": yes[on] for what, on in message.get("tracking", {}).items()}
    files = []
    for attachment in message.get("attachments", []):
        content = base64.b64decode(attachment["content"])
        inline = attachment.get("disposition") == "inline"
        name = attachment["content_id"] if inline else attachment["filename"]
        files.append(("inline" if inline else "attachment", (name, content, attachment["content_type"])))
    client = Mailgun(auth=("api", "key-test"), api_url=f"{BASE}/mailgun")
    answer = client.messages.create(data=data, files=files or None, domain="mg.shop.example")
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"]


def by_postmark(message: dict, case: str) -> None:
    client = PostmarkClient(server_token="POSTMARK_API_TEST")
    client.root_api_url = f"{BASE}/postmark"
    clicks = message.get("tracking", {}).get("clicks")
    common = filled(
        From=quoted(message["from"]),
        To=", ".join(all_quoted(message, "to")),
        Cc=", ".join(all_quoted(message, "cc")) or None,
        Bcc=", ".join(all_quoted(message, "bcc")) or None,
        ReplyTo=", ".join(all_quoted(message, "reply_to")) or None,
        Tag=(message.get("tags") or [None])[0],
        Metadata=message.get("metadata"),
        TrackOpens=message.get("tracking", {}).get("opens"),
        TrackLinks=None if clicks is None else ("HtmlAndText" if clicks else "None"),
        MessageStream=message.get("stream"),
        Headers=message.get("headers"),
        Attachments=[
            filled(
                Name=attachment["filename"],
                Content=attachment["content"],
                ContentType=attachment["content_type"],
                ContentID=f"cid:{attachment['content_id']}" if "content_id" in attachment else None,
            )
            for attachment in message.get("attachments", [])
        ],
    )
    if "template" in message:
        name = message["template"]["id"]
        which = {"TemplateId": int(name)} if name.isdigit() else {"TemplateAlias": name}
        model = message["template"]["data"]
        answer = client.emails._send_with_template(**common, **which, TemplateModel=model)
    else:
        bodies = filled(
            Subject=message["subject"], TextBody=message.get("text_body"), HtmlBody=message.get("html_body")
        )
        answer = client.emails.send(**common, **bodies)
    # The SDK throws what is no ErrorCode of 0, and takes the code out of the answer.
    assert answer["MessageID"], answer


def seven_bit(mailbox: dict) -> str:
    """SES takes 7-bit addresses: a name of other letters is an encoded word."""
    name = mailbox.get("name")
    if name and not name.isascii():
        return f"{Encoded(name, 'utf-8').encode()} <{mailbox['address']}>"
    return formataddr((name, mailbox["address"])) if name else mailbox["address"]


def by_ses(message: dict, case: str) -> None:
    client = boto3.client(
        "sesv2",
        endpoint_url=f"{BASE}/ses",
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        config=Config(retries={"max_attempts": 1}),
    )

    def of(field: str) -> list[str]:
        return [seven_bit(mailbox) for mailbox in message.get(field, [])]

    def text(value: str) -> dict:
        return {"Data": value, "Charset": "UTF-8"}

    headers = [{"Name": name, "Value": value} for name, value in message.get("headers", {}).items()]
    attachments = [
        filled(
            RawContent=base64.b64decode(attachment["content"]),
            FileName=attachment["filename"],
            ContentType=attachment["content_type"],
            ContentDisposition=attachment.get("disposition", "attachment").upper(),
            ContentTransferEncoding="BASE64",
            ContentId=attachment.get("content_id"),
        )
        for attachment in message.get("attachments", [])
    ]
    if "template" in message:
        data = json.dumps(message["template"]["data"])
        template = {"TemplateName": message["template"]["id"], "TemplateData": data}
        content = {"Template": template | filled(Headers=headers, Attachments=attachments)}
    else:
        body = {}
        if "text_body" in message:
            body["Text"] = text(message["text_body"])
        if "html_body" in message:
            body["Html"] = text(message["html_body"])
        simple = {"Subject": text(message["subject"]), "Body": body}
        content = {"Simple": simple | filled(Headers=headers, Attachments=attachments)}
    switch = {True: "ENABLED", False: "DISABLED"}
    tracking = message.get("tracking", {})
    overrides = filled(
        OpenTrackingEnabled=switch[tracking["opens"]] if "opens" in tracking else None,
        ClickTrackingEnabled=switch[tracking["clicks"]] if "clicks" in tracking else None,
    )
    tags = [
        {"Name": "tag" if n == 0 else f"tag_{n + 1}", "Value": tag} for n, tag in enumerate(message.get("tags", []))
    ]
    tags += [{"Name": name, "Value": value} for name, value in message.get("metadata", {}).items()]
    answer = client.send_email(
        FromEmailAddress=seven_bit(message["from"]),
        Destination=filled(ToAddresses=of("to"), CcAddresses=of("cc"), BccAddresses=of("bcc")),
        Content=content,
        **filled(
            ReplyToAddresses=of("reply_to"),
            EmailTags=tags,
            ConfigurationSetName=message.get("stream"),
            ConfigurationOverrides={"Tracking": overrides} if overrides else None,
        ),
    )
    assert answer["MessageId"]


def by_resend(message: dict, case: str) -> None:
    resend.api_key = "re_test"
    resend.api_url = f"{BASE}/resend"
    tags = [
        {"name": "category" if n == 0 else f"category_{n + 1}", "value": tag}
        for n, tag in enumerate(message.get("tags", []))
    ]
    tags += [{"name": name, "value": value} for name, value in message.get("metadata", {}).items()]
    template = message.get("template")
    params = filled(
        **{
            "from": quoted(message["from"]),
            "to": all_quoted(message, "to"),
            "cc": all_quoted(message, "cc"),
            "bcc": all_quoted(message, "bcc"),
            "reply_to": all_quoted(message, "reply_to"),
            "subject": message.get("subject"),
            "text": message.get("text_body"),
            "html": message.get("html_body"),
            "headers": message.get("headers"),
            "tags": tags,
            "template": {"id": template["id"], "variables": template["data"]} if template else None,
            "attachments": [
                filled(
                    filename=attachment["filename"],
                    content=attachment["content"],
                    content_type=attachment["content_type"],
                    content_id=attachment.get("content_id"),
                )
                for attachment in message.get("attachments", [])
            ],
        }
    )
    answer = resend.Emails.send(params, {"idempotency_key": f"key-{case}"})
    assert answer["id"]


def by_cloudflare(message: dict, case: str) -> None:
    def mailbox(one: dict) -> dict | str:
        return {"address": one["address"], "name": one["name"]} if "name" in one else one["address"]

    def of(field: str) -> list:
        return [mailbox(one) for one in message.get(field, [])]

    client = Cloudflare(api_token="cf-test", base_url=f"{BASE}/cloudflare/client/v4", max_retries=0)
    answers = of("reply_to")
    answer = client.email_sending.send(
        account_id="acc123",
        from_=mailbox(message["from"]),
        subject=message["subject"],
        **filled(
            to=of("to"),
            cc=of("cc"),
            bcc=of("bcc"),
            reply_to=answers[0] if answers else None,
            text=message.get("text_body"),
            html=message.get("html_body"),
            headers=message.get("headers"),
            attachments=[
                filled(
                    content=attachment["content"],
                    filename=attachment["filename"],
                    type=attachment["content_type"],
                    disposition=attachment.get("disposition", "attachment"),
                    content_id=attachment.get("content_id"),
                )
                for attachment in message.get("attachments", [])
            ],
        ),
    )
    assert answer.delivered or answer.queued, answer


def by_smtp(message: dict, case: str) -> None:
    send_mail(message, f"<key-{case}@shop.example>", int(sys.argv[3]), sys.argv[4])


SENDERS: dict[str, Callable[[dict, str], None]] = {
    "sendgrid": by_sendgrid,
    "mailgun": by_mailgun,
    "postmark": by_postmark,
    "ses": by_ses,
    "resend": by_resend,
    "cloudflare": by_cloudflare,
    "brevo": by_brevo,
    "mailersend": by_mailersend,
    "mailtrap": by_mailtrap,
    "sparkpost": by_sparkpost,
    "smtp": by_smtp,
}


def main() -> int:
    plan = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    every = {one["id"]: one["message"] for one in messages()}
    passed = failed = skipped = 0
    for provider, send in SENDERS.items():
        skipped += sum(1 for name in every if name not in plan[provider])
        for name in plan[provider]:
            case = f"http://127.0.0.1:{PORT}/__case/python/{provider}/{name}"
            urllib.request.urlopen(urllib.request.Request(case, method="POST", data=b"")).close()
            try:
                send(every[name], name)
                passed += 1
            # Whatever an SDK throws is its way to say no.
            except Exception as error:
                failed += 1
                print(f"python {provider} {name}: {type(error).__name__}: {error}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
