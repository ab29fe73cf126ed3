"""Mails as flat values that can be compared: `key -> value`, whatever their encodings, boundaries and line ends.

Python's own reader of mail decides what the bytes say; it is neither Sendgate's writer nor nodemailer's.
"""

import base64
import email
import email.policy
import email.utils
import hashlib
from email.message import EmailMessage

PEOPLE = {"from", "to", "cc", "bcc", "reply-to"}
# Encodings are each writer's own; so are the fields of parts that repeat what the whole says.
IGNORED = {"content-type", "content-transfer-encoding", "content-disposition", "mime-version"}


def flat(mail: dict) -> dict[str, str]:
    """The envelope, the header and the parts."""
    values = {
        "envelope from": mail["from"],
        "envelope recipients": repr(sorted(mail["recipients"])),
        "envelope smtputf8": repr(mail["smtputf8"]),
    }
    source = base64.b64decode(mail["message"])
    # A header may hold UTF-8 (RFC 6532), which the reader of bytes takes for unknown.
    head, _, _ = source.partition(b"\r\n\r\n")
    header = email.message_from_string(head.decode("utf-8"), policy=email.policy.default)
    for name, value in header.items():
        key = name.lower()
        if key in PEOPLE:
            people = [(one.display_name, f"{one.username}@{one.domain}") for one in value.addresses]
            values[f"header {key}"] = repr(people)
        elif key == "date":
            values["header date"] = email.utils.parsedate_to_datetime(str(value)).isoformat()
        elif key not in IGNORED:
            assert f"header {key}" not in values, key
            values[f"header {key}"] = str(value)
    message = email.message_from_bytes(source, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    parts(message, "part", values)
    return values


def parts(part: EmailMessage, path: str, into: dict[str, str]) -> None:
    into[path] = part.get_content_type()
    if part.is_multipart():
        for index, inner in enumerate(part.iter_parts()):
            parts(inner, f"{path}.{index}", into)
        return
    content = part.get_payload(decode=True)
    filename = part.get_filename()
    if filename is None:
        # A mail's text ends in a line end, whether the writer's text did or not.
        text = content.decode(part.get_content_charset("utf-8"))
        into[f"{path} text"] = repr(text.replace("\r\n", "\n").removesuffix("\n"))
        return
    into[f"{path} file"] = f"{part.get_content_disposition()} {filename} {hashlib.sha256(content).hexdigest()}"
    if "content-id" in part:
        into[f"{path} content-id"] = str(part["content-id"])
