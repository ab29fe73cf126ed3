"""A real Django project in a directory of its own, delivering to the project's own simulator."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fits import Simulator, simulating

SETTINGS = """
import json, os, pathlib
BASE_DIR = pathlib.Path(__file__).parent
SECRET_KEY = "only for this test"
USE_TZ = True
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.admin",
    "django.contrib.messages", "django.contrib.sessions", "sendgate.django"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages"]}}]
ADMINS = [("Ada", "ada@example.com")]
SERVER_EMAIL = "errors@shop.example"
DEFAULT_FROM_EMAIL = "Shop <shop@shop.example>"
EMAIL_BACKEND = "sendgate.django.EmailBackend"
SENDGATE = {
    "MAILROOM": BASE_DIR / "mail.db",
    "PROVIDER": "postmark",
    "CREDENTIAL": "POSTMARK_TOKEN",
    "BASE_URL": os.environ["SIMULATOR"] + "/sandbox/postmark",
    "DELIVER": "command",
    **json.loads(os.environ.get("MORE", "{}")),
}
"""
URLS = """
from django.contrib import admin
from django.urls import include, path
urlpatterns = [path("accounts/", include("django.contrib.auth.urls")), path("admin/", admin.site.urls)]
"""
WSGI = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


class Project:
    """A directory with a project in it, and how to run something there."""

    def __init__(self, path: Path, simulator: Simulator) -> None:
        self.path, self.simulator = path, simulator
        for name, text in (("settings.py", SETTINGS), ("urls.py", URLS), ("wsgi.py", WSGI)):
            (path / name).write_text(text)

    def environment(self, **more: Any) -> dict[str, str]:  # noqa: ANN401 - settings
        paths = [str(self.path), *filter(None, [os.environ.get("PYTHONPATH")])]
        found = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": os.pathsep.join(paths)}
        return {**found, "SIMULATOR": self.simulator.url, "POSTMARK_TOKEN": "token", "MORE": json.dumps(more)}

    def run(self, *command: str, **more: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - settings
        environment = self.environment(**more)
        return subprocess.run(command, cwd=self.path, env=environment, capture_output=True, text=True, check=False)

    def python(self, code: str, **more: Any) -> str:  # noqa: ANN401 - settings
        """What a program prints that has the project set up."""
        done = self.run(sys.executable, "-c", f"import django\ndjango.setup()\n{code}", **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manage(self, *command: str, **more: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - settings
        return self.run(sys.executable, "-m", "django", *command, **more)

    def delivered(self) -> list[dict[str, Any]]:
        done = self.manage("sendgate_run", "--drain", "--timeout", "30")
        assert (done.returncode, done.stdout) == (0, "nothing waits\n"), done.stderr
        return self.simulator.messages()


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulating() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, simulator: Simulator) -> Project:
    simulator.empty()
    return Project(tmp_path, simulator)


def test_send_mail_mail_admins_and_mass_mail(project: Project) -> None:
    told = project.python(
        """
from django.core.mail import mail_admins, mail_managers, send_mail, send_mass_mail
print(send_mail("One", "Hello", None, ["ann@example.com"], html_message="<p>Hello"))
mail_admins("Broken", "Traceback")
print(send_mass_mail([(f"Mass {n}", "Hello", None, ["ann@example.com"]) for n in range(120)]))
print(send_mail("Nobody", "Hello", None, []))
""",
        ACCOUNT={"max_messages": 50},
    )
    assert told.split() == ["1", "120", "0"]
    found = {mail["subject"]: mail for mail in project.delivered()}
    assert len(found) == 122
    assert (found["One"]["text_body"], found["One"]["html_body"]) == ("Hello", "<p>Hello")
    assert found["One"]["from"] == "Shop <shop@shop.example>" or "shop@shop.example" in json.dumps(found["One"]["from"])
    assert "ada@example.com" in found["[Django] Broken"]["recipients"]


def test_everything_an_email_message_can_say(project: Project) -> None:
    project.python("""
from datetime import datetime, timedelta, timezone
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from django.core.mail import EmailMultiAlternatives, get_connection
mail = EmailMultiAlternatives("All of it", "Hello", "Größe <shop@shop.example>", ["Ann <ann@example.com>"],
    bcc=["eve@example.com"], cc=["bob@example.com"], reply_to=["help@shop.example"], headers={"X-Tour": "7"})
mail.attach_alternative('<img src="cid:logo">', "text/html")
mail.attach("rows.csv", "a;b", "text/csv")
image = MIMEImage(b"PNG", "png")
image.add_header("Content-ID", "<logo>")
mail.attach(image)
part = MIMEBase("application", "octet-stream")
part.set_payload(b"raw bytes")
part.add_header("Content-Disposition", "attachment", filename="raw.bin")
mail.attach(part)
mail.tags = ["receipt"]
mail.metadata = {"order": 42}
mail.track_opens = True
mail.esp_extra = {"postmark": {"LinkPrefix": "shop"}}
mail.send_at = datetime.now(timezone.utc) - timedelta(seconds=1)
with get_connection() as connection:
    assert connection.send_messages([mail]) == 1
assert mail.sendgate_receipt.status == "queued"
""")
    (mail,) = project.delivered()
    assert sorted(mail["recipients"]) == ["ann@example.com", "bob@example.com", "eve@example.com"]
    assert "help@shop.example" in json.dumps(mail["reply_to"]) and "X-Tour" in json.dumps(mail["headers"])
    assert "Größe" in json.dumps(mail["from"], ensure_ascii=False)
    assert {file["filename"] for file in mail["attachments"]} >= {"rows.csv", "raw.bin"}
    assert "cid:logo" in mail["html_body"] and "logo" in json.dumps(
        [file["content_id"] for file in mail["attachments"]]
    )
    assert (mail["tags"], mail["metadata"]["order"]) == (["receipt"], "42")


def test_a_forgotten_password_in_a_browser(project: Project) -> None:
    assert project.manage("migrate", "-v0").returncode == 0
    told = project.python("""
from django.contrib.auth.models import User
from django.test import Client
User.objects.create_user("ann", "ann@example.com", "old")
client = Client()
print(client.post("/accounts/password_reset/", {"email": "ann@example.com"}).status_code)
""")
    assert told.split() == ["302"]
    (mail,) = project.delivered()
    link = re.search(r"http://\\S+|http://[^\s]+", mail["text_body"])
    assert link is not None and "/accounts/reset/" in link[0]


def test_fail_silently_and_what_is_refused(project: Project) -> None:
    hour = {"kind": "sliding", "name": "hour", "limit": 3, "period_ms": 3_600_000}
    account = {"domains": ["shop.example"], "account_windows": [hour]}
    told = project.python(
        """
import sendgate
from django.core.mail import EmailMessage, get_connection, send_mail
from sendgate.django import NotAccepted
def attempt(**more):
    try:
        fields = {"subject": "s", "message": "m", "from_email": None, "recipient_list": ["ann@example.com"], **more}
        return send_mail(**fields)
    except sendgate.SendgateError as error:
        return f"{type(error).__name__}:{error.code}"
mail = lambda author: EmailMessage("s", "m", author, ["ann@example.com"])
print(attempt(from_email="a@other.example"), attempt(from_email="a@other.example", fail_silently=True))
try:
    get_connection().send_messages([mail("a@shop.example"), mail("a@other.example")])
except NotAccepted as error:
    print(error.code, [receipt.status for receipt in error.receipts])
print(attempt(), attempt(fail_silently=True))
print(attempt(subject=""), attempt(subject="", fail_silently=True))
""",
        ACCOUNT=account,
    )
    lines = [line.split() for line in told.splitlines()]
    assert lines[0] == ["InvalidMessage:from_not_allowed", "0"]
    assert lines[1] == ["from_not_allowed", "['queued',", "'rejected']"]
    assert lines[2] == ["RateLimited:rate_limit_exceeded", "0"]
    assert lines[3] == ["InvalidMessage:missing_field", "0"]


def test_an_idempotency_key_and_a_template(project: Project) -> None:
    told = project.python("""
from django.core.mail import EmailMessage
def mail():
    found = EmailMessage("", "", None, ["ann@example.com"])
    found.template_id, found.merge_global_data, found.idempotency_key = "42", {"name": "Ann"}, "order-42"
    found.send()
    return found.sendgate_receipt.message_id
print(mail() == mail())
""")
    assert told.strip() == "True"
    (mail,) = project.delivered()
    assert (str(mail["template"]["id"]), mail["template"]["data"]) == ("42", {"name": "Ann"})


def test_four_workers_share_a_file_and_one_command_delivers(project: Project) -> None:
    """Forked from one process that has the Mailroom open, as gunicorn with --preload does."""
    delivering = subprocess.Popen(
        [sys.executable, "-m", "django", "sendgate_run"],
        cwd=project.path,
        env=project.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert delivering.stdout is not None and delivering.stdout.readline() == "delivering\n"
    project.python("""
import os
from django.core.mail import send_mail
def send(name):
    for n in range(10):
        assert send_mail(f"{name} {n}", "m", None, ["ann@example.com"]) == 1
send("parent")
children = []
for name in ("a", "b", "c", "d"):
    child = os.fork()
    if child == 0:
        send(name)
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
""")
    assert len({mail["subject"] for mail in project.delivered()}) == 50
    delivering.send_signal(signal.SIGTERM)
    assert delivering.wait(30) == 0
    assert len(project.simulator.messages()) == 50


def test_a_process_that_sends_delivers_unless_told_otherwise(project: Project) -> None:
    project.python(
        """
from django.core.mail import get_connection, send_mail
connection = get_connection()
assert connection.open() and not connection.open()
send_mail("s", "m", None, ["ann@example.com"])
from sendgate.django import conf
assert conf.mailroom().drain(30)
connection.close()
""",
        DELIVER="process",
    )
    assert len(project.simulator.messages()) == 1


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"MAILBOX": 1}, "SENDGATE['MAILBOX']"),
        ({"MAILROOM": None}, "SENDGATE['MAILROOM']"),
        ({"PROVIDER": "pigeon"}, "SENDGATE['PROVIDER']"),
        ({"PROVIDER": []}, "SENDGATE['CREDENTIAL']"),
        ({"CREDENTIAL": "NOT_SET"}, "SENDGATE['CREDENTIAL']"),
        ({"DELIVER": "pigeon"}, "SENDGATE['DELIVER']"),
        ({"LEASE_MS": 0}, "SENDGATE['LEASE_MS']"),
        ({"ACCOUNT": []}, "SENDGATE['ACCOUNT']"),
        ({"ACCOUNT": {"providers": []}}, "SENDGATE['ACCOUNT']"),
    ],
)
def test_manage_check_names_the_setting_that_is_wrong(project: Project, more: dict[str, Any], named: str) -> None:
    done = project.manage("check", **more)
    assert done.returncode == 1
    assert named in done.stderr and "sendgate.E001" in done.stderr


def test_an_account_that_is_wrong_inside_is_improperly_configured(project: Project) -> None:
    told = project.python(
        """
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import send_mail
try:
    send_mail("s", "m", None, ["ann@example.com"], fail_silently=True)
except ImproperlyConfigured as error:
    print(error)
""",
        ACCOUNT={"quotas": [{"period": "fortnight", "limit": 1}]},
    )
    assert "SENDGATE" in told


def test_times_and_classes_are_read_as_django_anymail_reads_them(project: Project) -> None:
    told = project.python("""
from datetime import date, datetime, timezone
from django.core.mail import EmailMessage
from django.utils.timezone import override
from sendgate.django.backend import message_of
import json
def read(**more):
    mail = EmailMessage("s", "m", "a@shop.example", ["ann@example.com"])
    for name, value in more.items():
        setattr(mail, name, value)
    return json.loads(message_of(mail, {"stream": "outbound"}).to_json())
with override(timezone.utc):
    for at in (datetime(2099, 1, 2, 3, 4), date(2099, 1, 2), 4_070_995_200, "2099-01-02T00:00:00Z"):
        print(read(send_at=at)["send_at"])
print(read(message_class="bulk", stream="news")["class"], read()["stream"], read(stream="news")["stream"])
print(read(track_clicks=False)["tracking"])
""")
    lines = told.splitlines()
    assert [line[:16] for line in lines[:4]] == ["2099-01-02T03:04", *["2099-01-02T00:00"] * 3]
    assert lines[4:] == ["bulk outbound news", "{'clicks': False}"]


def test_a_child_that_ends_as_usual_leaves_the_parents_delivery_alone(project: Project) -> None:
    told = project.python(
        """
import multiprocessing
from django.core.mail import send_mail
from sendgate.django import conf
def child():
    send_mail("child", "m", None, ["ann@example.com"])
send_mail("parent", "m", None, ["ann@example.com"])
for _ in range(20):
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
send_mail("parent again", "m", None, ["ann@example.com"])
print(conf.mailroom().drain(30))
""",
        DELIVER="process",
    )
    assert told.split() == ["True"]
    assert len(project.simulator.messages()) == 22
