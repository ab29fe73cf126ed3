"""The official Python SDKs of Brevo, MailerSend, Mailtrap and SparkPost, as their documentation shows them."""

import hashlib
import json
import uuid

import mailtrap
from brevo import Brevo
from brevo import transactional_emails as brevo
from common import BASE, all_quoted, filled
from mailersend import EmailBuilder, MailerSendClient
from mailersend.models.email import EmailAttachment
from sparkpost import SparkPost


def by_brevo(message: dict, case: str) -> None:
    def person(kind: type, one: dict) -> object:
        return kind(email=one["address"], **filled(name=one.get("name")))

    def people(kind: type, field: str) -> list:
        return [person(kind, one) for one in message.get(field, [])]

    answers = people(brevo.SendTransacEmailRequestReplyTo, "reply_to")
    template = message.get("template")
    headers = dict(message.get("headers", {}))
    if "metadata" in message:
        headers["X-Mailin-custom"] = json.dumps(message["metadata"])
    # The key is the caller's to choose: this is the one that Sendgate makes of the message's id.
    digest = hashlib.sha256(f"key-{case}".encode()).digest()
    headers["idempotencyKey"] = str(uuid.UUID(bytes=digest[:16], version=4))
    client = Brevo(api_key="xkeysib-test", base_url=f"{BASE}/brevo/v3", max_retries=0)
    answer = client.transactional_emails.send_transac_email(
        sender=person(brevo.SendTransacEmailRequestSender, message["from"]),
        **filled(
            to=people(brevo.SendTransacEmailRequestToItem, "to"),
            cc=people(brevo.SendTransacEmailRequestCcItem, "cc"),
            bcc=people(brevo.SendTransacEmailRequestBccItem, "bcc"),
            reply_to=answers[0] if answers else None,
            subject=message.get("subject"),
            html_content=message.get("html_body"),
            text_content=message.get("text_body"),
            headers=headers,
            tags=message.get("tags"),
            template_id=int(template["id"]) if template else None,
            params=template["data"] if template else None,
            attachment=[
                brevo.SendTransacEmailRequestAttachmentItem(name=file["filename"], content=file["content"])
                for file in message.get("attachments", [])
            ],
        ),
    )
    assert answer.message_id, answer


def by_mailersend(message: dict, case: str) -> None:
    email = EmailBuilder().from_email(message["from"]["address"], message["from"].get("name"))
    for field, add in [("to", email.to), ("cc", email.cc), ("bcc", email.bcc), ("reply_to", email.reply_to)]:
        for one in message.get(field, []):
            add(one["address"], one.get("name"))
    # It does not build without a subject, not even with a template.
    email.subject(message.get("subject", ""))
    if "text_body" in message:
        email.text(message["text_body"])
    if "html_body" in message:
        email.html(message["html_body"])
    email.tag(*message.get("tags", []))
    for name, value in message.get("headers", {}).items():
        email.header(name, value)
    tracking = message.get("tracking", {})
    if "opens" in tracking:
        email.track_opens(tracking["opens"])
    if "clicks" in tracking:
        email.track_clicks(tracking["clicks"])
    if "template" in message:
        email.template(message["template"]["id"])
        for one in message["to"]:
            email.personalize(one["address"], **message["template"]["data"])
    request = email.build()
    # The builder has no way to give a file an id.
    request.attachments = [
        EmailAttachment(
            content=file["content"],
            filename=file["filename"],
            disposition=file.get("disposition", "attachment"),
            id=file.get("content_id"),
        )
        for file in message.get("attachments", [])
    ] or None
    client = MailerSendClient("mlsn.test", base_url=f"{BASE}/mailersend/v1", max_retries=0)
    assert client.emails.send(request)["id"]


def by_mailtrap(message: dict, case: str) -> None:
    def person(one: dict) -> mailtrap.Address:
        return mailtrap.Address(email=one["address"], name=one.get("name"))

    def people(field: str) -> list[mailtrap.Address] | None:
        return [person(one) for one in message.get(field, [])] or None

    answers = people("reply_to")
    common = filled(
        sender=person(message["from"]),
        to=people("to"),
        cc=people("cc"),
        bcc=people("bcc"),
        reply_to=answers[0] if answers else None,
        headers=message.get("headers"),
        custom_variables=message.get("metadata"),
        attachments=[
            mailtrap.Attachment(
                content=file["content"].encode(),
                filename=file["filename"],
                mimetype=file["content_type"],
                disposition=mailtrap.Disposition(file.get("disposition", "attachment")),
                content_id=file.get("content_id"),
            )
            for file in message.get("attachments", [])
        ],
    )
    if "template" in message:
        template = message["template"]
        mail = mailtrap.MailFromTemplate(**common, template_uuid=template["id"], template_variables=template["data"])
    else:
        mail = mailtrap.Mail(
            **common,
            subject=message["subject"],
            text=message.get("text_body"),
            html=message.get("html_body"),
            category=(message.get("tags") or [None])[0],
        )
    # It speaks HTTPS to the host it is given, and nothing else.
    mailtrap.http.HttpClient._url = lambda _, path: f"{BASE}/mailtrap{path}"
    answer = mailtrap.MailtrapClient(token="mailtrap-test").send(mail)
    assert answer["success"] and answer["message_ids"], answer


def by_sparkpost(message: dict, case: str) -> None:
    def file(one: dict, name: str) -> dict:
        return {"type": one["content_type"], "name": one[name], "data": one["content"]}

    files = message.get("attachments", [])
    inline = [one for one in files if one.get("disposition") == "inline"]
    tracking = message.get("tracking", {})
    template = message.get("template", {})
    sender = {"from_email": filled(email=message["from"]["address"], name=message["from"].get("name"))}
    client = SparkPost("sparkpost-test")
    # It speaks HTTPS to the host it is given, and nothing else.
    client.transmissions.base_uri = f"{BASE}/sparkpost/api/v1"
    answer = client.transmissions.send(
        recipients=all_quoted(message, "to"),
        transactional=True,
        **({} if template else sender),
        **filled(
            cc=all_quoted(message, "cc"),
            bcc=all_quoted(message, "bcc"),
            reply_to=", ".join(all_quoted(message, "reply_to")) or None,
            subject=message.get("subject"),
            text=message.get("text_body"),
            html=message.get("html_body"),
            custom_headers=message.get("headers"),
            attachments=[file(one, "filename") for one in files if one not in inline],
            inline_images=[file(one, "content_id") for one in inline],
            campaign=(message.get("tags") or [None])[0],
            metadata=message.get("metadata"),
            template=template.get("id"),
            substitution_data=template.get("data"),
            track_opens=tracking.get("opens"),
            track_clicks=tracking.get("clicks"),
            ip_pool=message.get("stream"),
        ),
    )
    assert answer["id"] and answer["total_rejected_recipients"] == 0, answer
