"""What the tests of everything that Sendgate fits into share: Mailrooms whose transport keeps what it was given."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sendgate import HttpRequest, Mailroom, Provider

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


class Outbox:
    """A Postmark inside the process: every message that came, as its API gets it."""

    def __init__(self) -> None:
        self.calls: list[Json] = []

    def __call__(self, request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        """Takes it (postmarkapp.com/developer/api/email-api)."""
        body = json.loads(request.body)
        found = body if isinstance(body, list) else [body]
        self.calls += found
        told = [{"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{len(self.calls)}"} for _ in found]
        return 200, {}, json.dumps(told if isinstance(body, list) else told[0]).encode()


def mailroom(path: Path, outbox: Outbox, **settings: Any) -> Mailroom:  # noqa: ANN401 - a configuration's fields
    return Mailroom(path / "mail.db", Provider("postmark", "token"), **{"transport": outbox, **settings})


class Simulator:
    """The project's own simulator, which checks requests as the providers do and keeps what it took."""

    def __init__(self, url: str) -> None:
        self.url = url

    def messages(self) -> list[Json]:
        with urllib.request.urlopen(f"{self.url}/sandbox/messages?limit=1000") as answer:
            return list(json.load(answer)["messages"])

    def fault(self, **fault: Any) -> None:  # noqa: ANN401 - as its documentation has them
        body = json.dumps(fault).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/sandbox/faults", body)).close()

    def empty(self) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/sandbox", method="DELETE")).close()


@contextmanager
def simulating() -> Iterator[Simulator]:
    """``scripts/test.sh`` builds it, and says where it is unless it is in the usual place."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = target / "debug" / "sendgate-simulator"
    arguments = [str(program), "--port", "0", "--smtp-port", "0", "--smtps-port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = next(line for line in process.stdout if line.startswith("ready: http"))
            yield Simulator(ready.split()[1])
        finally:
            process.terminate()
