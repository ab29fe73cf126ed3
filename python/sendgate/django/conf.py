"""``settings.SENDGATE``, read strictly.

===============  =====================================================================================================
``MAILROOM``     The file of the Mailroom. Required.
``PROVIDER``     A provider's word, such as ``"postmark"``; or one provider of an account, or a list of them, as dicts.
``CREDENTIAL``   The name of the environment variable that holds the provider's key. For ``PROVIDER`` as a word.
``BASE_URL``     Another address of the provider, such as the simulator's. For ``PROVIDER`` as a word.
``PROFILE``      The built-in limits of the provider. For ``PROVIDER`` as a word.
``OPTIONS``      Further fields of the provider: ``domain`` (Mailgun), ``region`` (SES), ``account_id`` (Cloudflare).
``ACCOUNT``      Further fields of the account: ``quotas``, ``domains``, ``account_windows``, ``batch``, ``retry`` ...
``DELIVER``      ``"process"``: a process that sends delivers, too. ``"command"``: only ``manage.py sendgate_run`` does.
``LEASE_MS``     How long a process that delivers is waited for after its last sign of life.
``DEFAULTS``     Fields of every message: ``tags``, ``stream``, ``class`` ...
===============  =====================================================================================================
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import conf
from django.core.exceptions import ImproperlyConfigured

from sendgate import PROVIDERS, Mailroom, SendgateError
from sendgate._shared import shared


@dataclass(frozen=True)
class Settings:
    """What ``settings.SENDGATE`` says."""

    #: The Mailroom's file.
    mailroom: str
    #: The account's configuration.
    account: Mapping[str, Any]
    #: Whether a process that sends delivers, too.
    delivers: bool
    lease_ms: int | None
    #: Fields of every message.
    defaults: Mapping[str, Any]


def read() -> Settings:
    """Reads the settings. Raises ImproperlyConfigured, which names the field."""
    given = getattr(conf.settings, "SENDGATE", None)
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("SENDGATE must be a dict; the least is MAILROOM, PROVIDER and CREDENTIAL")
    unknown = sorted(str(name) for name in given if name not in _KNOWN)
    if unknown:
        raise _wrong(unknown[0], f"is no setting; there are {', '.join(_KNOWN)}")
    file = given.get("MAILROOM")
    if not isinstance(file, (str, os.PathLike)) or not str(file):
        raise _wrong("MAILROOM", "must be the path of a file")
    account = _mapping(given, "ACCOUNT")
    if "providers" in account:
        raise _wrong("ACCOUNT", "has no providers: PROVIDER has them")
    deliver = given.get("DELIVER", "process")
    if deliver not in ("process", "command"):
        raise _wrong("DELIVER", "must be 'process' or 'command'")
    lease_ms = given.get("LEASE_MS")
    if lease_ms is not None and not (isinstance(lease_ms, int) and lease_ms > 0):
        raise _wrong("LEASE_MS", "must be a number of milliseconds above 0")
    whole = {**account, "providers": _providers(given)}
    return Settings(os.fspath(file), whole, deliver == "process", lease_ms, _mapping(given, "DEFAULTS"))


def _providers(given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    provider = given.get("PROVIDER")
    if isinstance(provider, str):
        if provider not in PROVIDERS:
            raise _wrong("PROVIDER", f"must be one of {', '.join(PROVIDERS)}")
        found: dict[str, Any] = {"name": provider, "kind": provider, **_mapping(given, "OPTIONS")}
        for name, field in (("CREDENTIAL", "credential"), ("BASE_URL", "base_url"), ("PROFILE", "profile")):
            value = given.get(name)
            if value is not None and not isinstance(value, str):
                raise _wrong(name, "must be a str")
            if value is not None:
                found[field] = value
        if found.get("credential") is not None and found["credential"] not in os.environ:
            raise _wrong("CREDENTIAL", "names an environment variable that is not set")
        return [found]
    stray = [name for name in ("CREDENTIAL", "BASE_URL", "PROFILE", "OPTIONS") if name in given]
    if stray:
        raise _wrong(stray[0], "is for a PROVIDER that is a word; a dict has it itself")
    listed = [provider] if isinstance(provider, Mapping) else provider
    if not isinstance(listed, (list, tuple)) or not listed or not all(isinstance(one, Mapping) for one in listed):
        raise _wrong("PROVIDER", "must be a provider's word, a dict, or a list of dicts")
    for one in listed:
        name = one.get("credential")
        if name is not None and name not in os.environ:
            raise _wrong("PROVIDER", "has a credential that names an environment variable that is not set")
    return [{"name": one.get("kind"), **one} for one in listed]


def _mapping(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name, {})
    if not isinstance(value, Mapping):
        raise _wrong(name, "must be a dict")
    return value


def _wrong(name: str, detail: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"SENDGATE[{name!r}] {detail}")


def mailroom(read_settings: Settings | None = None) -> Mailroom:
    """The Mailroom of this process: opened once, and again in a fork, as gunicorn's workers are.

    Raises ImproperlyConfigured, and StoreFailed when the file cannot be used.
    """
    found = read_settings or read()
    account = json.dumps(found.account, sort_keys=True, default=str)
    try:
        return shared(
            f"{found.mailroom} {account}",
            lambda: Mailroom(found.mailroom, account, lease_ms=found.lease_ms),
            delivers=found.delivers,
        )
    except SendgateError as error:
        if error.code in ("mailroom_config", "missing_credential"):
            raise ImproperlyConfigured(f"SENDGATE: {error}") from error
        raise


_KNOWN = (
    "MAILROOM",
    "PROVIDER",
    "CREDENTIAL",
    "BASE_URL",
    "PROFILE",
    "OPTIONS",
    "ACCOUNT",
    "DELIVER",
    "LEASE_MS",
    "DEFAULTS",
)
