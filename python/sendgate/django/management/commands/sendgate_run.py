"""``manage.py sendgate_run``: delivers what the project's processes have accepted."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sendgate import SendgateError
from sendgate.django import conf


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl+C, and lets the calls under way end."""

    help = "Delivers the mail that waits in the Mailroom, within every limit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--drain`` and ``--timeout``."""
        parser.add_argument("--drain", action="store_true", help="ends when nothing waits any more")
        parser.add_argument("--timeout", type=float, help="with --drain: fails after so many seconds")

    def handle(self, *_arguments: Any, **options: Any) -> None:  # noqa: ANN401 - Django's
        """Delivers."""
        if options["timeout"] is not None and not options["drain"]:
            raise CommandError("--timeout is for --drain")
        try:
            mailroom = conf.mailroom()
            if options["drain"]:
                if not mailroom.drain(options["timeout"]):
                    raise CommandError("mail still waits; it leaves by the next run")
                self.stdout.write("nothing waits")
                return
            ended = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: ended.set())
            mailroom.run()
            self.stdout.write("delivering")
            self.stdout.flush()
            ended.wait()
            mailroom.stop()
        except SendgateError as error:
            raise CommandError(str(error)) from error
