"""Django sends by a Mailroom: ``EMAIL_BACKEND = "sendgate.django.EmailBackend"``.

::

    INSTALLED_APPS = [..., "sendgate.django"]      # for manage.py sendgate_run and the check of the settings
    EMAIL_BACKEND = "sendgate.django.EmailBackend"
    SENDGATE = {
        "MAILROOM": BASE_DIR / "mail.db",          # the file; every process of the project shares it
        "PROVIDER": "postmark",
        "CREDENTIAL": "POSTMARK_TOKEN",            # the name of an environment variable, never the secret itself
    }

A mail that ``send()`` has accepted is on the file: it outlasts the process, and leaves within every limit. See
:mod:`sendgate.django.conf` for every setting. By default each process that sends also delivers, one at a time for the
whole file; with ``"DELIVER": "command"`` only ``manage.py sendgate_run`` does.

What an EmailMessage may say beside what Django knows is named as in django-anymail, and is read where it is set:
``tags``, ``metadata``, ``send_at``, ``template_id``, ``merge_global_data``, ``track_opens``, ``track_clicks`` and
``esp_extra``; ``message_class``, ``expires_at``, ``stream`` and ``idempotency_key`` are Sendgate's own. What it became
is ``message.sendgate_receipt``.
"""

from __future__ import annotations

try:
    import django as _django
except ImportError as _missing:  # pragma: no cover - with Django it is there
    raise ImportError("sendgate.django needs Django: pip install 'sendgate[django]'") from _missing

from .backend import EmailBackend, NotAccepted

__all__ = ["EmailBackend", "NotAccepted"]

_ = _django.VERSION
