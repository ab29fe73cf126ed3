"""What the senders share: where the recorder is, and mailboxes as texts."""

import sys

PORT = sys.argv[1]
BASE = f"http://127.0.0.1:{PORT}/sandbox"


def quoted(mailbox: dict) -> str:
    """`"Name" <address>`, with the name quoted as RFC 5322 says, and letters as they are."""
    name = mailbox.get("name")
    if not name:
        return mailbox["address"]
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{mailbox["address"]}>'


def all_quoted(message: dict, field: str) -> list[str]:
    return [quoted(mailbox) for mailbox in message.get(field, [])]


def filled(**fields: object) -> dict:
    """Without what is not there."""
    return {name: value for name, value in fields.items() if value is not None and value != [] and value != {}}
