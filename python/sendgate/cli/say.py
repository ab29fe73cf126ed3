"""What the command says: tables for people, one JSON object for programs, errors in a sentence."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, NoReturn, TypeVar

import click

from .. import _errors

FAILED, USAGE, LATER, INTERRUPTED = 1, 2, 75, 130
PAGE_AT = 40
"""Lines that fit a screen: what is longer is paged on a terminal."""

Json = dict[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])


class Refused(Exception):
    """The command cannot do what it was asked for. ``field`` names what is in the way."""

    def __init__(
        self, code: str, detail: str, *, field: str = "", status: int = FAILED, retry_at: int | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field, self.status, self.retry_at = code, detail, field, status, retry_at
        self.more = more


def instant(at: int | None) -> str | None:
    """Milliseconds since 1970 as RFC 3339 in UTC."""
    if at is None:
        return None
    whole = datetime.fromtimestamp(at / 1000, timezone.utc).isoformat(timespec="milliseconds")
    return whole.replace(".000+00:00", "Z").replace("+00:00", "Z")


def duration(ms: int) -> str:
    """Milliseconds for people: ``2 d 3 h``, ``5 min 3 s``, ``250 ms``."""
    if ms < 1000:
        return f"{ms} ms"
    rest, parts = ms // 1000, []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if rest >= length:
            parts.append(f"{rest // length} {unit}")
            rest %= length
    return " ".join(parts[:2])


def wants_json() -> bool:
    """Whether the command was asked for JSON."""
    return bool(click.get_current_context().find_root().meta.get("json"))


def color() -> bool | None:
    """What ``--color``, ``NO_COLOR`` and the terminal say together; None leaves it to the terminal."""
    asked = click.get_current_context().find_root().meta.get("color", "auto")
    if asked != "auto":
        return bool(asked == "always")
    return False if os.environ.get("NO_COLOR") else None


def echo(text: str, *, err: bool = False, **style: Any) -> None:
    """A line for people."""
    click.echo(click.style(text, **style) if style else text, err=err, color=color())


def result(value: Json, people: Callable[[], None], *, status: int = 0) -> None:
    """What came of the command: ``value`` for programs, or what ``people`` prints."""
    if wants_json():
        name = click.get_current_context().command_path.split(" ", 1)[-1]
        click.echo(json.dumps({"ok": status == 0, "command": name, "result": value}, ensure_ascii=False))
    else:
        people()
    if status:
        sys.exit(status)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under their columns; a long table is paged on a terminal."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[place]) for line in [list(columns), *texts]) for place in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    head = click.style(line(columns), bold=True)
    lines = [head, *(line(cells) for cells in texts)]
    if len(lines) > PAGE_AT and sys.stdout.isatty():
        click.echo_via_pager("\n".join(lines), color=color())
    else:
        click.echo("\n".join(lines), color=color())


@contextmanager
def progress(length: int | None, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where that is a terminal and nobody asked for JSON; else nothing."""
    if wants_json() or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length or 0, label=label, file=sys.stderr, color=color()) as bar:
        yield bar.update


def refusal(error: Exception) -> Refused:
    """Any error of the package as one sentence with its exit code."""
    if isinstance(error, Refused):
        return error
    code = str(getattr(error, "code", None) or "failed")
    if isinstance(error, (_errors.RateLimited, _errors.QuotaExceeded)):
        retry_at = error.retry_at
        return Refused(code, str(error), status=FAILED if retry_at is None else LATER, retry_at=retry_at)
    if isinstance(error, _errors.InvalidMessage):
        faults = [{"field": fault.field, "code": fault.code, "detail": fault.detail} for fault in error.errors]
        first = faults[0] if faults else {"field": "", "code": code, "detail": str(error)}
        return Refused(first["code"], first["detail"], field=first["field"], errors=faults)
    if isinstance(error, (_errors.StoreFailed, _errors.WebhookRefused, _errors.IdempotencyConflict)):
        return Refused(code, str(error))
    if isinstance(error, _errors.SendgateError):
        return Refused(code, str(error), status=USAGE)
    if isinstance(error, OSError):
        return Refused("file", f"{error.filename or 'the file'}: {error.strerror or 'cannot be used'}", field="file")
    raise error


def told(run: Command) -> Command:
    """A command whose errors are told, and end it with their exit code."""

    @functools.wraps(run)
    def wrapped(*args: Any, **more: Any) -> Any:
        try:
            return run(*args, **more)
        except BrokenPipeError:
            raise
        except (Refused, _errors.SendgateError, OSError) as error:
            fail(refusal(error))

    return wrapped  # type: ignore[return-value]  # the same signature


def fail(error: Refused) -> NoReturn:
    """Says why it cannot be done, and ends the process."""
    if wants_json():
        name = click.get_current_context().command_path.split(" ", 1)[-1]
        body: Json = {"code": error.code, "field": error.field, "detail": error.detail, **error.more}
        if error.retry_at is not None:
            body["retry_at"] = instant(error.retry_at)
        click.echo(json.dumps({"ok": False, "command": name, "error": body}, ensure_ascii=False))
    else:
        # The texts of the package name the field themselves more often than not.
        named = error.detail if not error.field or error.field in error.detail else f"{error.field}: {error.detail}"
        later = f" (try again at {instant(error.retry_at)})" if error.retry_at is not None else ""
        echo(f"sendgate: {named}{later}", err=True, fg="red")
    sys.exit(error.status)


def api(mailroom: Any, method: str, path: str, query: Mapping[str, object] | None = None, body: object = None) -> Any:
    """The answer of the Mailroom's own API; bytes where it is no JSON.

    Raises Refused with the problem's own code.
    """
    from urllib.parse import urlencode

    asked = urlencode({name: value for name, value in (query or {}).items() if value is not None})
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    status, answer = mailroom._ask(method, path, asked, sent)
    if status < 400:
        try:
            return json.loads(answer) if answer else {}
        except ValueError:
            return answer
    problem = json.loads(answer)
    errors = problem.get("errors") or []
    field = str(errors[0].get("field", "")) if errors else ""
    raise Refused(str(problem.get("code")), str(problem.get("detail") or problem.get("title")), field=field)
