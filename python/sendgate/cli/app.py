"""The command's subcommands, each imported when it is asked for, and the options they share."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from . import say

Command = TypeVar("Command", bound=Callable[..., Any])

COMMANDS = {
    "completion": "shell",
    "doctor": "doctor",
    "limits": "sending",
    "lint": "planning",
    "plan": "planning",
    "run": "sending",
    "send": "sending",
    "simulate": "planning",
    "suppressions": "suppressions",
    "trace": "sending",
    "webhook": "webhook",
}
"""Every subcommand and the module it is in."""

EPILOG = """\b
Exit codes: 0 done, 1 failed, 2 the command line or the configuration cannot be,
75 later will do, 130 interrupted. With --json there is one object on standard
output: {"ok", "command", "result"} or {"ok", "command", "error"}.

\b
Secrets come from the environment or a file, never from the command line:
SENDGATE_CREDENTIAL (or --credential-file) for --provider, and the names that
an --account file calls "credential". SENDGATE_MAILROOM is the usual --file."""


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = getattr(importlib.import_module(f".{module}", __package__), cmd_name)
        assert isinstance(found, click.Command)
        return found


def _json(ctx: click.Context, _: click.Parameter, asked: bool) -> bool:
    root = ctx.find_root()
    root.meta["json"] = root.meta.get("json", False) or asked
    return asked


def _color(ctx: click.Context, _: click.Parameter, asked: str | None) -> str | None:
    if asked is not None:
        ctx.find_root().meta["color"] = asked
    return asked


def output(command: Command) -> Command:
    """``--json`` and ``--color``, which stand before or after a subcommand."""
    command = click.option(
        "--json", "as_json", is_flag=True, expose_value=False, is_eager=True, callback=_json, help="One JSON object."
    )(command)
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        expose_value=False,
        is_eager=True,
        callback=_color,
        help="Colours; auto means on a terminal, unless NO_COLOR is set.",
    )(command)


@click.command(
    cls=Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="sendgate", prog_name="sendgate")
@output
def app() -> None:
    """Sends mail within every limit, from a file that outlasts the process.

    \b
    Examples:
      export SENDGATE_MAILROOM=mail.db SENDGATE_CREDENTIAL=...
      sendgate send --provider postmark --from shop@shop.example --to ann@example.com \\
          --subject Hi --text Hello --wait
      sendgate plan --provider ses --profile ses.production --messages 50000
      sendgate trace msg_...
    """


def file(command: Command) -> Command:
    """``--file``, the Mailroom's."""
    return click.option(
        "--file",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="SENDGATE_MAILROOM",
        show_envvar=True,
        help="The Mailroom's SQLite file.",
    )(command)


def account(command: Command) -> Command:
    """The options that say how mail is sent: a configuration's file, or a provider."""
    options = [
        click.option(
            "--account",
            "account_file",
            type=click.Path(dir_okay=False, path_type=Path),
            envvar="SENDGATE_ACCOUNT",
            show_envvar=True,
            help="An account's configuration as JSON.",
        ),
        click.option("--provider", shell_complete=_providers, help="A provider by its word, in place of --account."),
        click.option("--profile", shell_complete=_profiles, help="The provider's built-in limits, by name."),
        click.option("--base-url", help="Where the provider is, when not at its usual place."),
        click.option("--domain", "provider_domain", help="Mailgun's sending domain."),
        click.option("--region", help="Amazon SES's region."),
        click.option("--account-id", help="Cloudflare's account."),
        click.option(
            "--credential-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="A file that holds the provider's key; SENDGATE_CREDENTIAL otherwise.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


ACCOUNT = (
    "account_file",
    "provider",
    "profile",
    "base_url",
    "provider_domain",
    "region",
    "account_id",
    "credential_file",
)
"""The names of those options."""


def _providers(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    from .. import PROVIDERS

    return [word for word in PROVIDERS if word.startswith(typed)]


def _profiles(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    from .. import _sendgate  # type: ignore[attr-defined]

    names = (profile["name"] for profile in json.loads(_sendgate._known())["profiles"])
    return [name for name in names if name.startswith(typed)]


def configuration(options: dict[str, Any], *, required: bool = True) -> dict[str, Any] | None:
    """The account's configuration that the options describe; its provider's credential is named, not held.

    Raises Refused when there is none, or both.
    """
    given = {name: options.get(name) for name in ACCOUNT}
    path, provider = given["account_file"], given["provider"]
    if path is not None and provider is None:
        return _of_file(path)
    if provider is None:
        if not required:
            return None
        detail = "give --account FILE (or SENDGATE_ACCOUNT), or --provider KIND"
        raise say.Refused("missing_account", detail, field="--account", status=say.USAGE)
    from .. import PROVIDERS

    if provider not in PROVIDERS:
        detail = f"there is no such provider; there are {', '.join(PROVIDERS)}"
        raise say.Refused("unknown_variant", detail, field="--provider", status=say.USAGE)
    fields = {
        "kind": provider,
        "credential": CREDENTIAL,
        "profile": given["profile"],
        "base_url": given["base_url"],
        "domain": given["provider_domain"],
        "region": given["region"],
        "account_id": given["account_id"],
    }
    if provider == "ses" and fields["region"] and not fields["base_url"]:
        fields["base_url"] = f"https://email.{fields['region']}.amazonaws.com"
    return {"providers": [{name: value for name, value in fields.items() if value is not None}]}


def _of_file(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise say.Refused("invalid_config", f"{path} is no JSON", field="--account", status=say.USAGE) from error
    if not isinstance(read, dict):
        raise say.Refused("invalid_config", f"{path} is no JSON object", field="--account", status=say.USAGE)
    return read


def secrets(options: dict[str, Any], config: dict[str, Any]) -> dict[str, str]:
    """The values of the names that a configuration calls ``credential``, from the environment or the file.

    Raises Refused for one that is not there.
    """
    found: dict[str, str] = {}
    path = options.get("credential_file")
    for place, provider in enumerate(config.get("providers") or []):
        name = provider.get("credential") if isinstance(provider, dict) else None
        if not isinstance(name, str):
            continue
        value = path.read_text(encoding="utf-8").strip() if path is not None else os.environ.get(name)
        if value:
            found[name] = value
        elif provider.get("kind") != "smtp" or name != CREDENTIAL:
            detail = f"the environment has no {name}; set it, or give --credential-file"
            raise say.Refused("missing_credential", detail, field=f"providers[{place}].credential", status=say.USAGE)
    return found


def opened(options: dict[str, Any]) -> Any:
    """The Mailroom of ``--file`` with the account of the options."""
    from .. import Mailroom

    path = options.get("file")
    if path is None:
        detail = "give --file PATH, or set SENDGATE_MAILROOM"
        raise say.Refused("missing_file", detail, field="--file", status=say.USAGE)
    config = configuration(options)
    assert config is not None
    values = secrets(options, config)
    if CREDENTIAL not in values:
        for provider in config["providers"]:
            if provider.get("kind") == "smtp" and provider.get("credential") == CREDENTIAL:
                del provider["credential"]
    return Mailroom(path, config, secrets=values)


CREDENTIAL = "SENDGATE_CREDENTIAL"
"""What the key of ``--provider`` is called."""
