"""The app: its settings are checked when the project starts."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from . import conf


class SendgateConfig(AppConfig):
    """``INSTALLED_APPS = [..., "sendgate.django"]``."""

    name = "sendgate.django"
    label = "sendgate"
    verbose_name = "Sendgate"

    def ready(self) -> None:
        """Registers the check."""
        register(check_settings)


def check_settings(app_configs: Sequence[AppConfig] | None = None, **_named: object) -> list[CheckMessage]:
    """``manage.py check`` names the setting that is wrong."""
    try:
        conf.read()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="sendgate.E001")]
    return []
