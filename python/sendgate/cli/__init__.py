"""The command ``sendgate``: a Mailroom's file from a shell, and the questions that need none.

Only what a subcommand needs is imported, when it runs. Exit codes: 0 done, 1 failed, 2 the command line or the
configuration cannot be, 75 later will do (``EX_TEMPFAIL``), 130 interrupted.
"""

__all__ = ["main"]


def main() -> None:
    """Runs the command with this process's arguments."""
    import sys

    import click

    from .app import app

    try:
        ended = app.main(prog_name="sendgate", standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        if "--json" in sys.argv[1:]:
            _told(error)
        else:
            error.show()
        sys.exit(error.exit_code)
    sys.exit(ended if isinstance(ended, int) else 0)


def _told(error: object) -> None:
    """A command line that cannot be, as the one JSON object that was asked for."""
    import json

    import click

    assert isinstance(error, click.ClickException)
    param = getattr(error, "param", None)
    field = getattr(error, "option_name", None) or (param.opts[0] if param is not None and param.opts else "")
    context = getattr(error, "ctx", None)
    command = context.command_path.partition(" ")[2] if context is not None else ""
    body = {"code": "usage", "field": field, "detail": error.format_message()}
    click.echo(json.dumps({"ok": False, "command": command, "error": body}, ensure_ascii=False))
