"""``sendgate suppressions``: the list of addresses that nothing is sent to."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import click

from . import letters, say
from .app import account, file, opened, output

LIST = "/v1/suppressions"
PART = 10_000
"""Rows of an import that are stored between two steps of its bar."""


@click.group()
def suppressions() -> None:
    """Looks at and changes the list of addresses that nothing is sent to."""


def _filters(command: Any) -> Any:
    for option in (
        click.option("--contains", help="Only addresses that contain this."),
        click.option("--status", help="active, inactive or expired."),
        click.option("--scope", help="Only of this scope: all, marketing, or list:NAME."),
        click.option("--reason", help="Only for this reason, such as hard_bounce."),
    ):
        command = option(command)
    return command


def _asked(options: dict[str, Any], **more: object) -> dict[str, object]:
    return {name: options[name] for name in ("reason", "scope", "status", "contains")} | more


def _pages(mailroom: Any, options: dict[str, Any], most: int | None) -> Iterator[list[say.Json]]:
    after, left = None, most
    while left is None or left > 0:
        limit = 1000 if left is None else min(left, 1000)
        page = say.api(mailroom, "GET", LIST, _asked(options, after=after, limit=limit))
        yield page["suppressions"]
        after = page.get("next")
        left = None if left is None else left - len(page["suppressions"])
        if after is None:
            return


@suppressions.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=1000, help="At most so many; 1,000 by default.")
@_filters
@file
@account
@output
@say.told
def list_(limit: int, **options: Any) -> None:
    """Lists addresses, paged on a terminal.

    \b
    Example:
      sendgate suppressions list --account shop.json --reason complaint
    """
    with opened(options) as mailroom:
        found = [entry for page in _pages(mailroom, options, limit) for entry in page]
    rows = [
        (one["email"], one["reason"], one["scope"], one["status"], one["created_at"], one.get("expires_at"))
        for one in found
    ]
    columns = ["ADDRESS", "REASON", "SCOPE", "STATUS", "SINCE", "UNTIL"]
    say.result({"suppressions": found}, lambda: say.table(columns, rows))


@suppressions.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option("--reason", help="Why; manual when not said.")
@click.option("--scope", help="For which mail; all of it when not said.")
@click.option("--expires-at", help="Until when, RFC 3339.")
@file
@account
@output
@say.told
def add(
    addresses: tuple[str, ...], reason: str | None, scope: str | None, expires_at: str | None, **options: Any
) -> None:
    """Puts addresses on the list; doing it twice is doing it once.

    \b
    Example:
      sendgate suppressions add --account shop.json ann@example.com --reason complaint
    """
    fields = {"reason": reason, "scope": scope, "expires_at": expires_at}
    given = {name: value for name, value in fields.items() if value is not None}
    with opened(options) as mailroom:
        added = [say.api(mailroom, "POST", LIST, None, {"email": one, **given}) for one in addresses]
    say.result({"suppressions": added}, lambda: say.echo(f"{len(added)} on the list"))


@suppressions.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option("--scope", help="Only the entry of this scope.")
@file
@account
@output
@say.told
def remove(addresses: tuple[str, ...], scope: str | None, **options: Any) -> None:
    """Takes addresses off the list. The exit code is 1 when one of them was not on it.

    \b
    Example:
      sendgate suppressions remove --account shop.json ann@example.com
    """
    removed, missing = [], []
    with opened(options) as mailroom:
        for address in addresses:
            try:
                say.api(mailroom, "DELETE", f"{LIST}/{quote(address, safe='')}", {"scope": scope})
                removed.append(address)
            except say.Refused as error:
                if error.code != "not_found":
                    raise
                missing.append(address)
    told = {"removed": removed, "missing": missing}
    people = f"{len(removed)} taken off, {len(missing)} were not on the list"
    say.result(told, lambda: say.echo(people), status=say.FAILED if missing else 0)


@suppressions.command()
@click.argument("addresses", nargs=-1, required=True)
@file
@account
@output
@say.told
def check(addresses: tuple[str, ...], **options: Any) -> None:
    """Says which of these addresses are on the list; - reads them from standard input. Exit code 1 when one is.

    \b
    Examples:
      sendgate suppressions check --account shop.json ann@example.com
      cut -d, -f1 list.csv | sendgate suppressions check --account shop.json -
    """
    if addresses == ("-",):
        addresses = tuple(line.strip() for line in sys.stdin if line.strip())
    told: list[say.Json] = []
    with opened(options) as mailroom, say.progress(len(addresses), "checking") as step:
        for address in addresses:
            told.append({"email": address, "entries": _entries(mailroom, address)})
            step(1)
    listed = [one for one in told if one["entries"]]
    rows = [(one["email"], ", ".join(entry["reason"] for entry in one["entries"]) or "clear") for one in told]
    say.result(
        {"checked": told, "listed": len(listed)},
        lambda: say.table(["ADDRESS", "LISTED FOR"], rows),
        status=say.FAILED if listed else 0,
    )


def _entries(mailroom: Any, address: str) -> list[say.Json]:
    from .. import normalize_address

    try:
        page = say.api(mailroom, "GET", f"{LIST}/{quote(normalize_address(address), safe='')}")
    except say.Refused as error:
        if error.code == "not_found":
            return []
        raise
    found = page["suppressions"]
    assert isinstance(found, list)
    return found


@suppressions.command("import")
@click.argument("path")
@file
@account
@output
@say.told
def import_(path: str, **options: Any) -> None:
    """Puts a whole list on the list, in parts: CSV with a column email, or JSON; - is standard input.

    Rows that cannot be taken are told by line, and the others are taken; the exit code is then 1.

    \b
    Example:
      sendgate suppressions import --account shop.json bounced.csv
    """
    data = letters.source(path)
    is_json = data.lstrip()[:1] in (b"{", b"[")
    parts = [(0, data, data.count(b"{"))] if is_json else _parts(data)
    told: say.Json = {"read": 0, "added": 0, "updated": 0, "unchanged": 0, "rejected": 0, "errors": []}
    with opened(options) as mailroom, say.progress(sum(rows for *_, rows in parts), "importing") as step:
        for before, part, rows in parts:
            answer = say.api(mailroom, "POST", f"{LIST}/import", None, part)
            for name in ("read", "added", "updated", "unchanged", "rejected"):
                told[name] += answer.get(name, 0)
            told["errors"] += [{**one, "line": one["line"] + before} for one in answer.get("errors", [])]
            step(rows)
    people = ", ".join(f"{told[name]} {name}" for name in ("read", "added", "updated", "unchanged", "rejected"))

    def lines() -> None:
        say.echo(people)
        for one in told["errors"]:
            say.echo(f"line {one['line']}: {one['field']} {one['detail']}", err=True, fg="red")

    say.result(told, lines, status=say.FAILED if told["rejected"] else 0)


def _parts(data: bytes) -> list[tuple[int, bytes, int]]:
    """A CSV in pieces with the first line on each: the lines before it, its bytes, and its rows."""
    lines = data.splitlines(keepends=True)
    head, rows = lines[:1], lines[1:]
    if b'"' in data:
        # A quoted cell may hold line ends: it is not cut.
        return [(0, data, len(rows))]
    starts = range(0, max(len(rows), 1), PART)
    return [(start, b"".join(head + rows[start : start + PART]), len(rows[start : start + PART])) for start in starts]


@suppressions.command()
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", help="What is written.")
@click.option("--output", "path", type=click.Path(dir_okay=False, allow_dash=True), default="-", help="Where to.")
@_filters
@file
@account
@output
@say.told
def export(form: str, path: str, **options: Any) -> None:
    """Writes the list as import takes it, in parts.

    \b
    Example:
      sendgate suppressions export --account shop.json --output suppressed.csv
    """
    if path == "-" and say.wants_json():
        detail = "--json tells what was written, so the list needs a file of its own"
        raise say.Refused("missing_output", detail, field="--output", status=say.USAGE)
    count = 0
    with opened(options) as mailroom, click.open_file(path, "w", encoding="utf-8") as out:
        if form == "csv":
            out.write(",".join(COLUMNS) + "\n")
        with say.progress(None, "exporting") as step:
            for page in _pages(mailroom, options, None):
                out.write(_rows(page, form))
                count += len(page)
                step(len(page))
    say.result({"exported": count, "output": path}, lambda: say.echo(f"{count} written", err=True))


def _rows(page: list[say.Json], form: str) -> str:
    if form == "jsonl":
        return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in page)
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
    rows.writerows({**one, "active": str(one["active"]).lower()} for one in page)
    return text.getvalue()


COLUMNS = ["email", "reason", "scope", "active", "expires_at"]
"""What an import reads."""
