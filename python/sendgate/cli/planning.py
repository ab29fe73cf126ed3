"""``plan``, ``simulate`` and ``lint``: questions that need no file and no network."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from . import letters, say
from .app import account, configuration, output


def _at(_ctx: click.Context, _param: click.Parameter, given: str | None) -> int | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError as error:
        raise click.BadParameter("must be an instant such as 2026-12-01T10:00:00Z") from error
    return round((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def traffic(command: Any) -> Any:
    """The options that describe messages."""
    options = [
        click.option("--messages", type=click.IntRange(min=1), help="How many."),
        click.option("--class", "class_", default="transactional", help="Their class."),
        click.option("--recipients", type=click.IntRange(min=1), default=1, help="Recipients of each."),
        click.option("--to-domain", help="The domain of the recipients."),
        click.option(
            "--traffic", "traffic_file", help="Batches as JSON in place of these options; - is standard input."
        ),
        click.option("--start", callback=_at, help="When they come: RFC 3339; now otherwise."),
        click.option("--ramp", help="A warm-up ramp, by name or as a JSON file."),
        click.option("--ramp-day", type=click.IntRange(min=1), default=1, help="The day it is at."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _batches(options: dict[str, Any], **more: Any) -> Any:
    if options["traffic_file"]:
        return _json(options["traffic_file"], "--traffic")
    if options["messages"] is None:
        raise say.Refused(
            "missing_traffic", "give --messages N, or --traffic FILE", field="--messages", status=say.USAGE
        )
    batch = {"count": options["messages"], "class": options["class_"], "recipients": options["recipients"], **more}
    return batch if options["to_domain"] is None else {**batch, "domain": options["to_domain"]}


def _json(path: str, field: str) -> Any:
    try:
        return json.loads(letters.source(path))
    except ValueError as error:
        raise say.Refused("invalid_json", f"{path} is no JSON", field=field, status=say.USAGE) from error


def _ramp(given: str | None) -> Any:
    return _json(given, "--ramp") if given is not None and Path(given).suffix == ".json" else given


def _forecast(told: Any) -> say.Json:
    return {
        "started_at": say.instant(told.started_at),
        "first_at": say.instant(told.first_at),
        "finished_at": say.instant(told.finished_at),
        "takes_ms": None if told.finished_at is None else told.finished_at - told.started_at,
        "messages": told.messages,
        "sent": told.sent,
        "refused": told.refused,
        "held": told.held,
        "never": [{**_limit(limit), "messages": count} for limit, count in told.never],
        "calls": told.calls,
        "attempts": told.attempts,
        "bounds": [_stretch(one) for one in told.bounds],
        "timeline": [_stretch(one) for one in told.timeline],
        "waiting": {
            "p50_ms": told.waiting.p50_ms,
            "p90_ms": told.waiting.p90_ms,
            "p99_ms": told.waiting.p99_ms,
            "max_ms": told.waiting.max_ms,
        },
    }


def _limit(limit: Any) -> say.Json:
    return {name: getattr(limit, name) for name in ("scope", "dimension", "window", "limit", "unit")}


def _stretch(one: Any) -> say.Json:
    times = {"from": say.instant(one.from_at), "until": say.instant(one.until_at), "waited_ms": one.waited_ms}
    return {**_limit(one.limit), **times}


def _people(told: Any) -> None:
    if told.finished_at is None:
        say.echo("none of them ever leaves", fg="red")
    else:
        takes = say.duration(told.finished_at - told.started_at)
        say.echo(f"{told.sent} of {told.messages} messages sent, the last at {say.instant(told.finished_at)} ({takes})")
        say.echo(f"{told.calls} calls, {told.attempts} attempts; refused {told.refused}, held {told.held}")
        waiting = told.waiting
        parts = ((waiting.p50_ms, "half"), (waiting.p90_ms, "90%"), (waiting.p99_ms, "99%"), (waiting.max_ms, "all"))
        say.echo("waited at most: " + ", ".join(f"{name} {say.duration(ms)}" for ms, name in parts))
    for limit, count in told.never:
        say.echo(f"{count} never leave: {limit.dimension} {limit.window} admits {limit.limit} {limit.unit}", fg="red")
    if told.bounds:
        say.echo("")
        rows = [
            (
                f"{one.limit.scope} {one.limit.dimension}",
                one.limit.window,
                f"{one.limit.limit} {one.limit.unit}",
                say.duration(one.waited_ms),
                say.instant(one.from_at),
                say.instant(one.until_at),
            )
            for one in told.bounds
        ]
        say.table(["BOUND BY", "WINDOW", "LIMIT", "FOR", "FROM", "UNTIL"], rows)


@click.command()
@traffic
@account
@output
@say.told
def plan(**options: Any) -> None:
    """Says when messages will have left, and which limit makes them wait.

    The exit code is 1 when some of them never leave.

    \b
    Examples:
      sendgate plan --provider ses --region eu-west-1 --profile ses.production --messages 50000
      sendgate plan --account shop.json --messages 100000 --class bulk --ramp standard
    """
    from .. import plan as planned

    config = configuration(options) or {}
    told = planned(
        config, _batches(options), ramp=_ramp(options["ramp"]), ramp_day=options["ramp_day"], now_ms=options["start"]
    )
    say.result(_forecast(told), lambda: _people(told), status=say.FAILED if told.never else 0)


@click.command()
@click.option("--arrival", type=click.Choice(["burst", "constant", "poisson"]), default="burst", help="How they come.")
@click.option("--over", "over_s", type=click.FloatRange(min=0), default=0.0, help="Within so many seconds.")
@click.option("--latency", nargs=2, type=click.IntRange(min=0), default=(0, 0), help="Milliseconds, least and most.")
@click.option("--throttled", type=click.IntRange(0, 1000), default=0, help="Calls of 1,000 answered too many.")
@click.option("--failed", type=click.IntRange(0, 1000), default=0, help="Calls of 1,000 that fail for now.")
@click.option("--refused", type=click.IntRange(0, 1000), default=0, help="Calls of 1,000 refused for good.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Where chance begins.")
@traffic
@account
@output
@say.told
def simulate(**options: Any) -> None:
    """Sends a described traffic through the limits and a provider that is slow and fails by chance.

    The same seed gives the same answer.

    \b
    Examples:
      sendgate simulate --provider postmark --profile postmark --messages 5000 \\
          --arrival poisson --over 60 --latency 80 400 --failed 5 --seed 7
      sendgate simulate --account shop.json --traffic traffic.json --json
    """
    from .. import simulate as simulated

    config = configuration(options) or {}
    faults = {
        "latency_ms": list(options["latency"]),
        "throttled_permille": options["throttled"],
        "failed_permille": options["failed"],
        "refused_permille": options["refused"],
    }
    over_ms = round(options["over_s"] * 1000)
    told = simulated(
        config,
        _batches(options, arrival=options["arrival"], over_ms=over_ms),
        faults=faults,
        seed=options["seed"],
        ramp=_ramp(options["ramp"]),
        ramp_day=options["ramp_day"],
        now_ms=options["start"],
    )
    say.result(_forecast(told), lambda: _people(told), status=say.FAILED if told.never else 0)


@click.command()
@click.argument("messages", required=False)
@click.option("--format", "form", type=click.Choice(["eml", "json", "csv"]), help="What the file is.")
@click.option("--ramp", help="A warm-up ramp as a JSON file.")
@click.option("--strict", is_flag=True, help="Warnings make the exit code 1, too.")
@account
@output
@say.told
def lint(messages: str | None, form: str | None, ramp: str | None, strict: bool, **options: Any) -> None:
    """Finds what makes mail fail or land among spam, and limits that cannot be meant.

    MESSAGES is a .eml, JSON, JSON lines or CSV file, or - for standard input. Without it the configuration is
    judged. The exit code is 1 when there is an error.

    \b
    Examples:
      sendgate lint --account shop.json
      sendgate lint --account shop.json newsletter.eml
      sendgate lint --provider postmark - < messages.jsonl
    """
    from .. import lint as linted

    only_kind = messages is not None and options["account_file"] is None
    config = None if only_kind else configuration(options, required=ramp is None)
    provider = options["provider"] if only_kind else None
    own = None if ramp is None else _json(ramp, "--ramp")
    given = None if messages is None else letters.read(messages, form)
    found = linted(given, account=config, provider=provider, ramp=own)
    counts = {word: sum(one.severity == word for one in found) for word in ("error", "warning", "note")}
    told = [{name: getattr(one, name) for name in ("code", "severity", "field", "detail", "source")} for one in found]
    failed = counts["error"] or (strict and counts["warning"])
    say.result({"findings": told, "counts": counts}, lambda: _findings(found), status=say.FAILED if failed else 0)


def _findings(found: list[Any]) -> None:
    if not found:
        say.echo("nothing to say", fg="green")
    colors = {"error": "red", "warning": "yellow", "note": "cyan"}
    for one in found:
        where = f"{one.field}: " if one.field else ""
        mark = click.style(one.severity, fg=colors[one.severity])
        click.echo(f"{mark} {where}{one.detail} [{one.code}; {one.source}]", color=say.color())
