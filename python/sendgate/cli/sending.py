"""``send``, ``run``, ``trace`` and ``limits``: a Mailroom's file at work."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import click

from . import letters, say
from .app import account, configuration, file, opened, output

OPEN = ("queued", "sending", "deferred", "held")
"""States of messages that have not ended."""
A_REQUEST = 500
"""Messages of one submission: what a request of the API takes."""


def _header(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> list[dict[str, str]]:
    pairs = []
    for one in given:
        name, colon, value = one.partition(":")
        if not colon:
            raise click.BadParameter('must be "Name: value"')
        pairs.append({"name": name.strip(), "value": value.strip()})
    return pairs


@click.command()
@click.option("--from", "from_", help='The author: "Name <a@b.example>", or the address alone.')
@click.option("--to", multiple=True, help="A recipient; may be given several times.")
@click.option("--cc", multiple=True, help="A recipient of a copy.")
@click.option("--bcc", multiple=True, help="A recipient who is not shown.")
@click.option("--reply-to", multiple=True, help="Where answers go.")
@click.option("--subject", help="The subject.")
@click.option("--text", help="The plain text; @FILE reads it.")
@click.option("--html", help="The HTML; @FILE reads it.")
@click.option("--attach", multiple=True, type=click.Path(exists=True, dir_okay=False), help="A file to send with it.")
@click.option("--header", multiple=True, callback=_header, help='A further header field, "Name: value".')
@click.option("--tag", multiple=True, help="A word to group messages by.")
@click.option("--class", "class_", type=click.Choice(["transactional", "lifecycle", "drip", "bulk"]), help="The kind.")
@click.option("--from-file", help="Messages from a .eml, JSON, JSON lines or CSV file; - is standard input.")
@click.option("--format", "form", type=click.Choice(["eml", "json", "csv"]), help="What the file is.")
@click.option("--idempotency-key", help="The same key with the same messages stores them once in 24 hours.")
@click.option("--wait", is_flag=True, help="Deliver now, and say what became of each.")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait at most.")
@file
@account
@output
@say.told
def send(**options: Any) -> None:
    """Stores messages for delivery; with --wait delivers them now.

    Options fill in what the messages of a file do not say themselves.

    \b
    Examples:
      sendgate send --provider resend --from a@shop.example --to ann@example.com \\
          --subject Hi --text Hello --attach invoice.pdf --wait
      sendgate send --account shop.json --from-file newsletter.csv --class bulk
      cat mail.eml | sendgate send --account shop.json --from-file -
    """
    from .. import Message

    fields = _fields(options)
    found = letters.read(options["from_file"], options["form"]) if options["from_file"] else [{}]
    messages = [Message({**fields, **one}) for one in found]
    receipts: list[Any] = []
    key = options["idempotency_key"]
    with opened(options) as mailroom:
        with say.progress(len(messages), "storing") as step:
            for start in range(0, len(messages), A_REQUEST):
                part = messages[start : start + A_REQUEST]
                # Each submission has a key of its own: they hold different messages.
                of_part = key if key is None or len(messages) <= A_REQUEST else f"{key}-{start // A_REQUEST}"
                receipts += mailroom.submit(part, of_part)
                step(len(part))
        drained = _drain(mailroom, options["timeout"]) if options["wait"] else None
        told = [_told(mailroom, receipt, options["wait"]) for receipt in receipts]
    failed = any(one["status"] in ("refused", "failed", "unknown", "expired", "suppressed") for one in told)
    status = say.FAILED if failed else say.LATER if drained is False else 0
    say.result({"messages": told, "drained": drained}, lambda: _receipts(told), status=status)


def _fields(options: dict[str, Any]) -> letters.Fields:
    def text(given: str | None) -> str | None:
        if given is not None and given.startswith("@"):
            return letters.source(given[1:]).decode("utf-8")
        return given

    fields = {
        "from": options["from_"],
        "to": list(options["to"]),
        "cc": list(options["cc"]),
        "bcc": list(options["bcc"]),
        "reply_to": list(options["reply_to"]),
        "subject": options["subject"],
        "text_body": text(options["text"]),
        "html_body": text(options["html"]),
        "headers": options["header"],
        "tags": list(options["tag"]),
        "class": options["class_"],
        "attachments": [letters.attachment(path) for path in options["attach"]],
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _told(mailroom: Any, receipt: Any, waited: bool) -> say.Json:
    view = mailroom.trace(receipt.message_id) if waited and receipt.message_id else None
    told: say.Json = {"message_id": receipt.message_id, "status": view["status"] if view else receipt.status}
    told["warnings"] = receipt.warnings
    if receipt.code:
        told |= {"code": receipt.code, "detail": receipt.detail}
    return told


def _receipts(told: list[say.Json]) -> None:
    rows = [(one["message_id"] or "-", one["status"], one.get("detail") or ", ".join(one["warnings"])) for one in told]
    say.table(["MESSAGE", "STATUS", ""], rows)


def _drain(mailroom: Any, timeout: float | None) -> bool:
    """Delivers with a bar of what is left, until nothing is or the time is over."""
    mailroom.run()
    until = None if timeout is None else time.monotonic() + timeout
    first = left = _open(mailroom)
    with say.progress(first, "sending") as step:
        while left:
            if until is not None and time.monotonic() >= until:
                return False
            if mailroom.drain(_slice(until)):
                step(left)
                return True
            now = _open(mailroom)
            step(max(left - now, 0))
            left = now
    return bool(mailroom.drain(0))


def _slice(until: float | None) -> float:
    return LOOK if until is None else max(min(LOOK, until - time.monotonic()), 0.0)


def _open(mailroom: Any) -> int:
    """Messages that have not ended, as the metrics count them."""
    text = say.api(mailroom, "GET", "/v1/metrics").decode()
    lines = [line for line in text.splitlines() if line.startswith("sendgate_messages_waiting{")]
    return sum(int(line.rpartition(" ")[2]) for line in lines)


LOOK = 0.5
"""Seconds between looks at what is left."""


@click.command()
@click.option("--until-empty", is_flag=True, help="End when nothing is left; else at SIGTERM or Ctrl-C.")
@click.option("--timeout", type=click.FloatRange(min=0), help="End after so many seconds.")
@file
@account
@output
@say.told
def run(**options: Any) -> None:
    """Delivers in the foreground until SIGTERM or Ctrl-C; calls under way are settled first.

    \b
    Examples:
      sendgate run --account shop.json
      sendgate run --account shop.json --until-empty --timeout 600
    """
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: ended.append(got))
    until = None if options["timeout"] is None else time.monotonic() + options["timeout"]
    empty = False
    with opened(options) as mailroom:
        mailroom.run()
        if not say.wants_json():
            say.echo(f"delivering from {options['file']}; SIGTERM or Ctrl-C ends it", err=True)
        left = _open(mailroom)
        with say.progress(left, "sending") as step:
            while not ended and not (until is not None and time.monotonic() >= until):
                empty = mailroom.drain(0)
                now = _open(mailroom)
                step(max(left - now, 0))
                left = now
                if empty and options["until_empty"]:
                    break
                time.sleep(_slice(until))
        mailroom.stop()
        empty = empty or mailroom.drain(0)
    signals = {signal.SIGTERM: "SIGTERM", signal.SIGINT: "SIGINT"}
    why = next((signals[signal.Signals(number)] for number in ended), "timeout" if until and not empty else "empty")
    status = say.LATER if why == "timeout" and options["until_empty"] else 0
    say.result({"ended_by": why, "empty": empty}, lambda: say.echo(f"ended by {why}", err=True), status=status)


@click.command()
@click.argument("message_id")
@file
@account
@output
@say.told
def trace(message_id: str, **options: Any) -> None:
    """Says where a message is, how it came there, and what it waits for.

    \b
    Example:
      sendgate trace --account shop.json msg_01J...
    """
    with opened(options) as mailroom:
        view = mailroom.trace(message_id)
        if view is None:
            detail = "the file has no message of this id"
            raise say.Refused("not_found", detail, field="MESSAGE_ID")
        full = [limit for limit in mailroom.limits() if limit.get("remaining") == 0]
    waits = full if view["status"] in OPEN else []
    say.result({"message": view, "waits_for": waits}, lambda: _trace(view, waits))


def _trace(view: say.Json, waits: list[say.Json]) -> None:
    plain = [(name, value) for name, value in view.items() if isinstance(value, (str, int, float, bool))]
    say.table(["FIELD", "VALUE"], plain)
    for limit in waits:
        until = f" until {limit['resets_at']}" if limit.get("resets_at") else ""
        say.echo(f"full: {limit.get('dimension') or limit['scope']} {limit['name']}{until}", fg="yellow")
    lines = view.get("trace") or []
    if lines:
        say.echo("")
        say.table(["AT", "WHAT", ""], [_line(line) for line in lines])


def _line(line: say.Json) -> tuple[object, object, str]:
    rest = {name: value for name, value in line.items() if name not in ("at", "event") and value is not None}
    return line.get("at"), line.get("event"), json.dumps(rest) if rest else ""


@click.command()
@click.option("--can", type=click.IntRange(min=1), help="Whether so many messages can leave now.")
@click.option("--class", "class_", default="transactional", help="Of which class.")
@click.option("--known", is_flag=True, help="The built-in profiles, plans and ramps, with day and source.")
@file
@account
@output
@say.told
def limits(can: int | None, class_: str, known: bool, **options: Any) -> None:
    """Shows every limit and how near it is, or the figures that are built in.

    With --can the exit code is 75 when they cannot leave now, and 1 when they never can.

    \b
    Examples:
      sendgate limits --known
      sendgate limits --account shop.json
      sendgate limits --account shop.json --can 200 --class bulk
    """
    if known:
        return _known()
    with opened(options) as mailroom:
        if can is None:
            told = mailroom.limits()
            return say.result({"limits": told}, lambda: _limits(told))
        answer = say.api(mailroom, "POST", "/v1/limits/check", None, {"messages": can, "class": class_})
    answer["can_leave_now"] = answer["decision"] == "allow" and _all_fit(answer["outgoing"], options, can, class_)
    status = say.FAILED if answer["decision"] == "reject" else 0 if answer["can_leave_now"] else say.LATER
    word = {0: "now", say.LATER: "later", say.FAILED: "never"}[status]
    at = answer.get("retry_at") or (answer.get("leaves_at") if status else None) or ""
    say.result(answer, lambda: say.echo(f"{word} {at}".strip()), status=status)


def _all_fit(outgoing: list[say.Json], options: dict[str, Any], count: int, class_: str) -> bool:
    """Whether so many fit the windows of outgoing mail as they stand, and would at once if nothing were in use."""
    from .. import plan

    room = [one.get("remaining", count) for one in outgoing if one["unit"] in ("messages", "recipients")]
    if any(left < count for left in room):
        return False
    forecast = plan(configuration(options) or {}, {"count": count, "class": class_})
    return bool(forecast.finished_at == forecast.started_at)


def _limits(told: list[say.Json]) -> None:
    columns = ["SCOPE", "NAME", "USED", "LIMIT", "UNIT", "FREE AT", "AS OF", "SOURCE"]
    rows = []
    for limit in told:
        scope = " ".join(filter(None, [limit["scope"], limit.get("dimension")]))
        used = limit.get("used", limit.get("committed"))
        source = limit.get("reference") or limit.get("source")
        rows.append(
            (
                scope,
                limit["name"],
                used,
                limit.get("limit"),
                limit["unit"],
                limit.get("resets_at"),
                limit.get("as_of"),
                source,
            )
        )
    say.table(columns, rows)


def _known() -> None:
    from .. import _sendgate  # type: ignore[attr-defined]

    told = json.loads(_sendgate._known())
    rows: list[tuple[object, ...]] = []
    for profile in told["profiles"]:
        windows = [f"{window['limit']} {window['unit']} ({window['name']})" for window in profile["windows"]]
        rows.append(("profile", profile["name"], ", ".join(windows) or "by plan", profile["as_of"], profile["source"]))
    for one in told["plans"]:
        day = one["recipients_per_day"]
        says = (
            f"{one['requests_per_minute']} requests/min, {'no daily limit' if day is None else f'{day} recipients/day'}"
        )
        rows.append(("plan", one["name"], says, one["as_of"], one["source"]))
    rows += [("ramp", one["name"], f"{one['days']} days", one["as_of"], one["source"]) for one in told["ramps"]]
    say.result(told, lambda: say.table(["KIND", "NAME", "LIMITS", "AS OF", "SOURCE"], rows))
