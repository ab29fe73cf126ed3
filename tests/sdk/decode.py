"""Requests as flat values that can be compared: `key -> value`, whatever the bytes looked like.

JSON, forms, multipart bodies and mail addresses are decoded; what stands for nothing (null, an empty list) is left out.
"""

import base64
import email
import email.policy
import hashlib
import json
from email.header import decode_header
from urllib.parse import parse_qsl

# Header fields that belong to one connection or name the software; the rest is compared.
IGNORED_HEADERS = {
    "accept", "accept-encoding", "accept-language", "amz-sdk-invocation-id", "amz-sdk-request", "api-version",
    "connection", "content-length", "host", "sec-fetch-mode", "sec-fetch-site", "user-agent", "x-amz-content-sha256",
    "x-amz-date", "x-amz-user-agent",
}  # fmt: skip
# Two generators of SDKs name themselves, the language and the machine.
IGNORED_PREFIXES = ("x-stainless", "x-fern")
# Fields that hold mail addresses, by provider: compared as names and addresses.
PEOPLE = {
    "postmark": {"From", "To", "Cc", "Bcc", "ReplyTo"},
    "resend": {"from", "to", "cc", "bcc", "reply_to"},
    "cloudflare": {"from", "to", "cc", "bcc", "reply_to"},
    "mailgun": {"from", "to", "cc", "bcc", "h:Reply-To"},
    "ses": {"FromEmailAddress", "ToAddresses", "CcAddresses", "BccAddresses", "ReplyToAddresses"},
    "sparkpost": {"reply_to", "CC"},
    # Objects of an address and a name.
    "sendgrid": set(),
    "brevo": set(),
    "mailersend": set(),
    "mailtrap": set(),
}
# Lists whose order means nothing.
UNORDERED = {("sendgrid", "attachments"), ("sendgrid", "categories")}
# Lists of names and values, which are keyed by their names.
NAMED = {("ses", "EmailTags"), ("ses", "Headers"), ("resend", "tags"), ("postmark", "Headers")}
NAMED |= {("mailersend", "headers")}
# Texts that hold JSON.
INNER_JSON = {("ses", "TemplateData"), ("brevo", "X-Mailin-custom")}


def flat(provider: str, request: dict) -> dict[str, str]:
    """Method, path, header fields and body of a request."""
    headers = {name.lower(): value for name, value in request["headers"]}
    values = {"method": request["method"], "path": request["path"].rstrip("/")}
    for name, value in headers.items():
        if name in IGNORED_HEADERS or name.startswith(IGNORED_PREFIXES):
            continue
        values[f"header {name}"] = header(name, value)
    body = base64.b64decode(request["body"])
    media_type = headers.get("content-type", "").split(";")[0].strip()
    if media_type == "multipart/form-data":
        fields = multipart(headers["content-type"], body)
    elif media_type == "application/x-www-form-urlencoded":
        fields = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
    else:
        json_values(provider, "body", json.loads(body), values)
        return values
    form(provider, fields, values)
    return values


def header(name: str, value: str) -> str:
    if name == "content-type":
        # The two ways to write a form say the same.
        media_type = value.split(";")[0].strip()
        return "form" if media_type in {"multipart/form-data", "application/x-www-form-urlencoded"} else media_type
    if name == "authorization" and value.startswith("AWS4-"):
        # Signatures are over each one's own header set and instant: the signer has vectors of its own.
        return value.split("/")[0]
    return value


def json_values(provider: str, path: str, value: object, into: dict[str, str]) -> None:
    field = path.rsplit(".", 1)[-1]
    if field in PEOPLE[provider]:
        into[path] = repr(people(value))
    elif (provider, field) in INNER_JSON and isinstance(value, str):
        json_values(provider, path, json.loads(value), into)
    elif (provider, field) == ("sparkpost", "recipients"):
        for index, one in enumerate(value):
            into[f"{path}[{index}]"] = repr(shown(one["address"]))
    elif isinstance(value, dict):
        for name, inner in value.items():
            json_values(provider, f"{path}.{name}", inner, into)
    elif isinstance(value, list):
        if (provider, field) in NAMED:
            for item in value:
                name, text = (item[key] for key in (("name", "value") if "name" in item else ("Name", "Value")))
                into[f"{path}.{name}"] = json.dumps(text, ensure_ascii=False)
            return
        is_unordered = (provider, field) in UNORDERED
        items = sorted(value, key=lambda item: json.dumps(item, sort_keys=True)) if is_unordered else value
        for index, inner in enumerate(items):
            json_values(provider, f"{path}[{index}]", inner, into)
    elif value is not None:
        into[path] = json.dumps(value, ensure_ascii=False)


def shown(address: dict) -> tuple[str, list[tuple[str, str]]]:
    """Who gets a copy, and what its To says: the list of `header_to`, or the recipient alone."""
    listed = people(address["header_to"]) if "header_to" in address else [(address.get("name", ""), address["email"])]
    return (address["email"], listed)


def multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    parsed = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
    )
    fields = []
    for part in parsed.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        filename = part.get_filename()
        if filename is None:
            fields.append((name, content.decode()))
        else:
            digest = hashlib.sha256(content).hexdigest()
            fields.append((name, f"file {filename} {part.get_content_type()} {digest}"))
    return fields


def form(provider: str, fields: list[tuple[str, str]], into: dict[str, str]) -> None:
    lists: dict[str, list[str]] = {}
    for name, value in fields:
        lists.setdefault(name, []).append(value)
    for name, values in lists.items():
        if name in PEOPLE[provider]:
            into[f"form {name}"] = repr([one for value in values for one in people(value)])
        elif name == "t:variables":
            into[f"form {name}"] = json.dumps(json.loads(values[0]), sort_keys=True)
        else:
            into[f"form {name}"] = repr(values)


def people(value: object) -> list[tuple[str, str]]:
    """Names and addresses of a text, an object or a list of them."""
    if isinstance(value, list):
        return [one for item in value for one in people(item)]
    if isinstance(value, dict):
        return [(value.get("name", ""), value["address"])]
    return [mailbox(text) for text in split(str(value))]


def split(text: str) -> list[str]:
    """A list at its commas outside quotes."""
    parts, quoted, escaped = [""], False, False
    for letter in text:
        if letter == "," and not quoted:
            parts.append("")
            continue
        parts[-1] += letter
        quoted ^= letter == '"' and not escaped
        escaped = letter == "\\" and not escaped
    return [part.strip() for part in parts]


def mailbox(text: str) -> tuple[str, str]:
    """`"Name" <address>`, the name unquoted and its encoded words decoded."""
    if not text.endswith(">"):
        return ("", text)
    name, _, address = text[:-1].rpartition("<")
    name = name.strip()
    if name.startswith('"'):
        inner, name, escaped = name[1:-1], "", False
        for letter in inner:
            if letter == "\\" and not escaped:
                escaped = True
                continue
            name, escaped = name + letter, False
    elif "=?" in name:
        words = decode_header(name)
        name = "".join(part.decode(charset or "ascii") if isinstance(part, bytes) else part for part, charset in words)
    return (name, address)
