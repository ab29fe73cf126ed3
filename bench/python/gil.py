"""Measures what delivery keeps from the other threads of a process.

    python gil.py [--messages N] [--rounds N] [--json PATH]

A thread sleeps for a millisecond again and again while a Mailroom submits and delivers; the longest time between two of
its turns is how long somebody held the interpreter, or how busy the machine was. So the same is measured of a process
that does nothing and of a loop in Python alone, everything in several rounds, of which the best one counts: a call that
holds the interpreter does so in every round. Python hands over after half a millisecond here, not after its usual 5.
Prints the figures of a transport of Python's and of the built-in one, which speaks to a server in another process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import sendgate

TAKEN = b'{"ErrorCode":0,"Message":"OK","MessageID":"b7bc2f4a"}'
# A server that answers every request, in a process of its own: its interpreter is not the one that is measured.
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        answer = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Ticker:
    """Notes how long it was kept from its turn."""

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick)

    def _tick(self) -> None:
        last = time.perf_counter()
        while not self._over.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            self.gaps_ms.append((now - last) * 1_000 - 1)
            last = now

    def __enter__(self) -> "Ticker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """The longest and the median time that the ticker was late, in milliseconds."""
    with Ticker() as ticker:
        work()
    return max(ticker.gaps_ms), statistics.median(ticker.gaps_ms)


def carry(_: sendgate.HttpRequest) -> tuple[int, dict[str, str], bytes]:
    """Answers at once."""
    return 200, {}, TAKEN


def deliver(path: Path, provider: sendgate.Provider, count: int, *, by_python: bool) -> None:
    """Submits and delivers so many messages, one a call."""
    messages = [
        sendgate.Message(from_="a@shop.example", to=f"user{n}@example.com", subject=f"Order {n}", text_body="Hello")
        for n in range(100)
    ]
    transport = carry if by_python else None
    with sendgate.Mailroom(path, provider, transport=transport, batch={"max_messages": 1}) as mailroom:
        mailroom.run()
        for _ in range(count // 100):
            mailroom.submit(messages)
        if not mailroom.drain(600):
            sys.exit("not everything was delivered")


def count(until: float) -> None:
    """A loop in Python, until this time of its clock."""
    while time.perf_counter() < until:
        pass


def main() -> None:
    """Prints a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    sys.setswitchinterval(0.0005)
    server = subprocess.Popen([sys.executable, "-c", SERVER, TAKEN.decode()], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    provider = sendgate.Provider("postmark", "token", base_url=url)
    figures: dict[str, float] = {}
    try:
        with tempfile.TemporaryDirectory() as place:
            for name, work in [
                ("idle", lambda: time.sleep(2)),
                ("a loop in Python", lambda: count(time.perf_counter() + 2)),
                (
                    "transport of Python's",
                    lambda: deliver(Path(place) / "python.db", provider, given.messages, by_python=True),
                ),
                (
                    "built-in transport",
                    lambda: deliver(Path(place) / "own.db", provider, given.messages, by_python=False),
                ),
            ]:
                rounds = [measured(work) for _ in range(given.rounds)]
                longest, worst = min(rounds)[0], max(rounds)[0]
                median = statistics.median(median for _, median in rounds)
                print(
                    f"{name:24} longest {longest:6.2f} ms late in the best of {given.rounds} rounds, "
                    f"{worst:6.2f} ms in the worst, median {median:5.2f} ms"
                )
                figures[f"gil_{name.replace(' ', '_')}_longest_ms"] = round(longest, 3)
    finally:
        server.terminate()
        server.wait()
    if given.json is not None:
        held = json.loads(given.json.read_text()) if given.json.exists() else {}
        given.json.write_text(json.dumps({**held, **figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
