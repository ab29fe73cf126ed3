"""``sendgate webhook verify``: whether a report is to be believed, and what it says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from . import letters, say
from .app import output

SHOWN = (
    "kind",
    "event_id",
    "at",
    "message_id",
    "provider_message_id",
    "recipient",
    "bounce_class",
    "is_echo",
    "is_candidate",
)


@click.group()
def webhook() -> None:
    """Works with providers' reports."""


@webhook.command()
@click.option("--provider", required=True, help="Whose report it is.")
@click.option("--headers", required=True, help="A file of its header fields: JSON, or a Name: value a line.")
@click.option("--body", required=True, help="A file of its body as it came; - is standard input.")
@click.option(
    "--secret-file", type=click.Path(dir_okay=False, path_type=Path), help="A secret a line; else SENDGATE_SECRET."
)
@click.option("--header", help="The field that carries the secret, where nothing is signed.")
@click.option("--topic", multiple=True, help="An SNS topic that is expected.")
@click.option("--certificate", nargs=2, help="The URL and the PEM file of the certificate that was asked for.")
@click.option("--now-ms", type=int, help="When it came, in milliseconds since 1970; now otherwise.")
@output
@say.told
def verify(
    provider: str,
    headers: str,
    body: str,
    secret_file: Path | None,
    header: str | None,
    topic: tuple[str, ...],
    certificate: tuple[str, str] | None,
    now_ms: int | None,
) -> None:
    """Checks a report's signature and prints its events. The exit code is 1 when it is not to be believed.

    \b
    Example:
      SENDGATE_SECRET=whsec_... sendgate webhook verify --provider resend \\
          --headers headers.txt --body body.json
    """
    from .. import Confirm, NeedsCertificate, Provider

    given = secret_file.read_text(encoding="utf-8") if secret_file else os.environ.get("SENDGATE_SECRET", "")
    pem = None if certificate is None else (certificate[0], Path(certificate[1]).read_text(encoding="utf-8"))
    found = Provider(provider).parse_webhook(
        _headers(headers),
        letters.source(body),
        now_ms,
        secrets=[line.strip() for line in given.splitlines() if line.strip()],
        header=header,
        topics=list(topic),
        certificate=pem,
    )
    if isinstance(found, NeedsCertificate):
        raise say.Refused(
            "needs_certificate", f"fetch {found.url} and give it with --certificate", field="--certificate"
        )
    if isinstance(found, Confirm):
        return say.result({"events": [], "confirm": found.url}, lambda: say.echo(f"to confirm: fetch {found.url}"))
    told = [{name: getattr(event, name) for name in SHOWN if hasattr(event, name)} for event in found]
    rows = [
        [event.get("kind"), event.get("recipient"), event.get("message_id"), event.get("bounce_class")]
        for event in told
    ]
    say.result({"events": told, "confirm": None}, lambda: say.table(["EVENT", "RECIPIENT", "MESSAGE", "CLASS"], rows))


def _headers(path: str) -> Any:
    text = letters.source(path).decode("utf-8")
    if text.lstrip().startswith(("{", "[")):
        try:
            read = json.loads(text)
        except ValueError as error:
            raise say.Refused("invalid_json", f"{path} is no JSON", field="--headers", status=say.USAGE) from error
        return read if isinstance(read, dict) else [(str(name), str(value)) for name, value in read]
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    return [(name.strip(), value.strip()) for name, _, value in lines]
