"""Every example of docs/python.md, run as it stands in a process of its own, with the simulator for the internet."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fits import ROOT, Simulator, simulating

GUIDE = (ROOT / "docs" / "python.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def examples() -> list[tuple[str, str]]:
    """The heading that each block of Python stands below, and its text."""
    headings = [(found.start(), found[1]) for found in HEADING.finditer(GUIDE)]
    found = []
    for block in FENCE.finditer(GUIDE):
        assert block[1] == "python", "every block is an example that is run"
        found.append(([name for at, name in headings if at < block.start()][-1], block[2]))
    return found


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulating() as running:
        yield running


@pytest.fixture(scope="module")
def worker() -> Iterator[str]:
    """Answers as the Send API does to a message it takes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/send" and self.headers["authorization"] == "Bearer sg_shop_k1_key"
            messages = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"]
            outcomes = [{"message_id": "msg_1", "to": ["ann@example.com"], "status": "queued"} for _ in messages]
            body = json.dumps({"request_id": "req_1", "messages": outcomes}).encode()
            self.send_response(202)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_guide_has_what_people_come_for() -> None:
    headings = [found[1] for found in HEADING.finditer(GUIDE)]
    assert len(headings) >= 10
    assert set(headings) == {name for name, _ in examples()}
    anchors = [re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-") for name in headings]
    assert re.findall(r"\(#([^)]+)\)", GUIDE) == anchors


@pytest.mark.parametrize(("name", "code"), examples())
def test_an_example_runs(name: str, code: str, tmp_path: Path, simulator: Simulator, worker: str) -> None:
    simulator.empty()
    is_local = "127.0.0.1:8025" in code
    # Ports that nothing else on this machine may have; and no proxy between.
    code = code.replace("http://127.0.0.1:8025", simulator.url)
    paths = os.pathsep.join(
        str(Path(path).resolve()) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path
    )
    environment = {**os.environ, "PYTHONPATH": paths, "SENDGATE_URL": worker, "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{name}: {done.stderr}"
    delivers = any(word in code for word in ("drain(", "drain_async(", "sendgate_run", "mailroom_lifespan", "carry("))
    assert bool(simulator.messages()) == (is_local and delivers and "expires_at" not in code)
