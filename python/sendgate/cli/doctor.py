"""``sendgate doctor``: what keeps mail from leaving, and what to do about it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from .. import _errors
from . import say
from .app import account, configuration, file, opened, output, secrets

Check = tuple[str, str, str, str]
"""Its name, ``ok``, ``warning`` or ``failed``, what was found, and what to do."""
EARLIEST_MS = 1_767_225_600_000
"""2026-01-01: a clock before it was never set."""


@click.command()
@click.option("--online", is_flag=True, help="Also look whether the providers can be reached.")
@click.option("--dns", is_flag=True, help="Also look whether the account's domains have an address or a mail server.")
@file
@account
@output
@say.told
def doctor(online: bool, dns: bool, **options: Any) -> None:
    """Looks at the file, the configuration, the clock and the secrets, and says what to do. Sends nothing.

    Nothing leaves this machine without --online or --dns. The exit code is 1 when something is broken.

    \b
    Examples:
      sendgate doctor --account shop.json
      sendgate doctor --account shop.json --online --json
    """
    found = list(_checks(online, dns, options))
    failed = any(state == "failed" for _, state, _, _ in found)
    told = [dict(zip(("check", "state", "found", "advice"), one, strict=True)) for one in found]
    say.result({"checks": told}, lambda: _people(found), status=say.FAILED if failed else 0)


def _people(found: list[Check]) -> None:
    colors = {"ok": "green", "warning": "yellow", "failed": "red"}
    for name, state, what, advice in found:
        mark = click.style(state.ljust(8), fg=colors[state])
        click.echo(f"{mark}{name}: {what}" + (f" -> {advice}" if advice else ""), color=say.color())


def _checks(online: bool, dns: bool, options: dict[str, Any]) -> Iterator[Check]:
    yield _clock()
    config = yield from _tried("configuration", lambda: configuration(options), "mend it; sendgate lint says more")
    if config is None:
        return
    yield from _configuration(config)
    there = yield from _tried(
        "secrets", lambda: secrets(options, config), "set the variable, or give --credential-file"
    )
    yield from _file(options)
    if there is not None and options.get("file") is not None:
        yield from _mailroom(options)
    if dns:
        yield from _domains(config)
    if online:
        yield from _providers(config)


def _tried(name: str, look: Callable[[], Any], advice: str) -> Any:
    try:
        seen = look()
    except (say.Refused, _errors.SendgateError, ValueError, OSError) as error:
        yield name, "failed", say.refusal(error).detail, advice
        return None
    yield name, "ok", "can be read" if name == "configuration" else "all are there", ""
    return seen


def _clock() -> Check:
    if time.time() * 1000 < EARLIEST_MS:
        return "clock", "failed", "it is before 2026", "set the system's clock; limits are counted by it"
    return "clock", "ok", say.instant(int(time.time() * 1000)) or "", ""


def _configuration(config: dict[str, Any]) -> Iterator[Check]:
    from .. import lint

    for one in lint(account=config):
        state = {"error": "failed", "warning": "warning", "note": "ok"}[one.severity]
        yield "configuration", state, f"{one.field}: {one.detail}", "see sendgate lint" if state != "ok" else ""


def _file(options: dict[str, Any]) -> Iterator[Check]:
    path = options.get("file")
    if path is None:
        yield "file", "warning", "none is named", "give --file, or set SENDGATE_MAILROOM"
        return
    if not path.exists():
        where = path.resolve().parent
        fits = where.is_dir() and os.access(where, os.W_OK)
        yield (
            ("file", "ok", f"{path} is not there yet; it will be made", "")
            if fits
            else ("file", "failed", f"{where} cannot be written to", "make the directory, or mend its rights")
        )
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield "file", "failed", f"{path} cannot be read and written", "mend its rights"
        return
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as base:
            verdict = base.execute("PRAGMA quick_check(1)").fetchone()[0]
            mode = base.execute("PRAGMA journal_mode").fetchone()[0]
    except sqlite3.Error as error:
        yield "file", "failed", f"{path}: {error}", "it is no Mailroom's file, or damaged: restore a copy"
        return
    if verdict != "ok":
        yield "file", "failed", f"{path} is damaged", "restore a copy"
    else:
        yield "file", "ok", f"{path}, {path.stat().st_size} bytes, journal {mode}", ""


def _mailroom(options: dict[str, Any]) -> Iterator[Check]:
    path = options["file"]
    if not path.exists():
        return
    try:
        with opened(options) as mailroom:
            held = say.api(mailroom, "GET", "/v1/messages", {"status": "held", "limit": 100})["messages"]
            alerts = say.api(mailroom, "GET", "/v1/alerts").get("alerts") or []
    except (say.Refused, _errors.SendgateError, ValueError, OSError) as error:
        yield "mailroom", "failed", say.refusal(error).detail, "open it with the account it was made with"
        return
    yield "mailroom", "ok", "opens", ""
    if held:
        yield "messages", "warning", f"{len(held)} are held", "sendgate trace says why for each"
    for alert in alerts[:5]:
        yield "alerts", "warning", json.dumps(alert), "sendgate limits shows how near each limit is"


def _domains(config: dict[str, Any]) -> Iterator[Check]:
    import socket

    for domain in config.get("domains") or []:
        name = domain if isinstance(domain, str) else domain.get("name", "")
        try:
            socket.getaddrinfo(name, 25, type=socket.SOCK_STREAM)
            yield "dns", "ok", f"{name} resolves", ""
        except OSError:
            yield "dns", "warning", f"{name} has no address", "see that the domain exists, and has SPF and DKIM records"


def _providers(config: dict[str, Any]) -> Iterator[Check]:
    import socket
    from urllib.parse import urlsplit

    from .. import PROVIDERS, Provider

    ports = {"https": 443, "http": 80, "smtp": 25, "smtps": 465}
    for provider in config.get("providers") or []:
        kind = provider.get("kind")
        url = provider.get("base_url") or (_default_url(Provider, kind) if kind in PROVIDERS else "")
        parts = urlsplit(url)
        if not parts.hostname:
            yield "provider", "warning", f"{kind} has no address to look at", "give its base_url"
            continue
        try:
            socket.create_connection((parts.hostname, parts.port or ports.get(parts.scheme, 443)), timeout=5).close()
            yield "provider", "ok", f"{kind} at {parts.hostname} can be reached", ""
        except OSError as error:
            advice = "see to the network, a firewall, or base_url"
            yield "provider", "failed", f"{kind} at {parts.hostname}: {error.strerror or error}", advice


def _default_url(provider: Any, kind: str) -> str:
    from .. import Message

    letter = Message(from_="a@example.com", to="b@example.com", subject="s", text_body="t")
    try:
        return str(provider(kind, "x").build(letter, "x").url)
    except ValueError:
        return ""
