"""Messages as a shell has them: from options, a mail's own text, JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import mimetypes
import sys
from pathlib import Path
from typing import Any

from .. import _mime
from . import say

Fields = dict[str, Any]

CARRIED = (
    "return-path",
    "received",
    "delivered-to",
    "x-original-to",
    "dkim-signature",
    "domainkey-signature",
    "authentication-results",
    "arc-",
)
"""How header fields begin that a mail got on its way (RFC 5321 section 4.4, RFC 6376, RFC 8601, RFC 8617)."""


def source(path: str) -> bytes:
    """The bytes of a file; ``-`` is standard input."""
    if path == "-":
        return sys.stdin.buffer.read()
    return Path(path).read_bytes()


def read(path: str, form: str | None) -> list[Fields]:
    """The messages in a file of this form, which its name and its first byte tell when it is not given."""
    data = source(path)
    form = form or _form(path, data)
    if form == "eml":
        return [of_mail(data)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise say.Refused("not_utf8", f"the list is not UTF-8 at byte {error.start}", field="--from-file") from error
    return of_csv(text) if form == "csv" else of_json(text)


def _form(path: str, data: bytes) -> str:
    suffix = Path(path).suffix.lower()
    known = {".eml": "eml", ".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
    if suffix in known:
        return known[suffix]
    start = data.lstrip()[:1]
    if start in (b"{", b"["):
        return "json"
    first = data.split(b"\n", 1)[0]
    return "csv" if b"," in first or first.strip() == b"to" else "eml"


def of_json(text: str) -> list[Fields]:
    """One object, a list of them, or a line for each."""
    try:
        whole = json.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except ValueError:
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    found.append(json.loads(line))
                except ValueError as error:
                    detail = f"line {number} is no JSON"
                    raise say.Refused("invalid_json", detail, field=f"line {number}") from error
    for place, one in enumerate(found):
        if not isinstance(one, dict):
            raise say.Refused("wrong_type", f"messages[{place}] is no object", field=f"messages[{place}]")
    return found


def of_csv(text: str) -> list[Fields]:
    """A row a message: the first line names the fields, and a cell that is empty says nothing."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in rows.fieldnames or []]
        if "to" not in names:
            raise say.Refused("missing_column", "the first line needs a column named to", field="to")
        rows.fieldnames = names
        found = []
        for row in rows:
            if None in row or None in row.values():
                detail = f"line {rows.line_num} has not as many cells as the first line"
                raise say.Refused("wrong_cells", detail, field=f"line {rows.line_num}")
            found.append({name: _cell(name, cell) for name, cell in row.items() if cell})
        return found
    except csv.Error as error:
        raise say.Refused("invalid_csv", f"line {rows.line_num}: {error}", field=f"line {rows.line_num}") from error


def _cell(name: str, cell: str) -> object:
    return [part.strip() for part in cell.split(";")] if name == "tags" else cell


def of_mail(data: bytes) -> Fields:
    """The fields of a mail as it is kept in ``.eml`` files, without what those who carried it wrote on it."""
    mail = email.message_from_bytes(data, policy=email.policy.default)
    for name in {name for name in mail if name.lower().startswith(CARRIED)}:
        del mail[name]
    fields = _mime.fields_of(mail, sender="")
    # What the mail does not say, the command line may.
    return {field: value for field, value in fields.items() if value or field not in ("from", "subject")}


def attachment(path: str) -> Fields:
    """A file as an attachment, its media type by its name."""
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return {"filename": Path(path).name, "content_type": kind, "content": Path(path).read_bytes()}
