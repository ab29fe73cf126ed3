"""The durable sender: what it takes, what it delivers, and what is left of it after a kill (R099, R118)."""

import asyncio
import gc
import json
import os
import queue
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest
import sendgate
from sendgate import Due, HttpRequest, Mailroom, Message, Provider, Receipt, SmtpRequest, WaitUntil

POSTMARK = Provider("postmark", "token")
ONE_A_CALL = {"max_messages": 1}
SOON = {"base_ms": 1, "cap_ms": 20, "hold_ms": 20}


def message(subject: str = "Hi", to: str = "ann@example.com") -> Message:
    return Message(from_="shop@shop.example", to=to, subject=subject, text_body="Hello")


def taken(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
    """What Postmark answers to a message it took (postmarkapp.com/developer/api/email-api)."""
    assert request.method == "POST"
    return 200, {}, json.dumps({"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a"}).encode()


def opened(path: Path, **settings: Any) -> Mailroom:  # noqa: ANN401 - a configuration's fields
    settings = {"transport": taken, "batch": ONE_A_CALL, **settings}
    return Mailroom(path / "mail.db", POSTMARK, **settings)


def status(mailroom: Mailroom, receipt: Receipt) -> str:
    assert receipt.message_id is not None
    view = mailroom.trace(receipt.message_id)
    assert view is not None
    return str(view["status"])


def test_what_is_submitted_is_delivered_and_its_trace_says_so(tmp_path: Path) -> None:
    with opened(tmp_path) as mailroom:
        receipts = mailroom.submit([message("a"), message("b")])
        assert [status(mailroom, receipt) for receipt in receipts] == ["queued", "queued"]
        assert mailroom.drain()
        assert [status(mailroom, receipt) for receipt in receipts] == ["sent", "sent"]
        view = mailroom.trace(receipts[0].message_id or "")
        assert view is not None
        assert (view["provider_message_id"], view["attempts"]) == ("b7bc2f4a", 1)
        assert mailroom.trace("msg_nobody") is None


def test_what_waits_outlasts_the_process_that_took_it(tmp_path: Path) -> None:
    with opened(tmp_path) as mailroom:
        (receipt,) = mailroom.submit(message())
    del mailroom
    with opened(tmp_path) as again:
        assert again.run()
        assert not again.run()
        assert again.drain()
        assert status(again, receipt) == "sent"


def test_a_key_is_one_submission(tmp_path: Path) -> None:
    mailroom = opened(tmp_path)
    first = mailroom.submit(message(), "order-42")
    assert mailroom.submit(message(), "order-42") == first
    assert hash(first[0]) == hash(mailroom.submit(message(), idempotency_key="order-42")[0])
    with pytest.raises(sendgate.IdempotencyConflict) as raised:
        mailroom.submit(message("another"), "order-42")
    assert raised.value.code == "idempotency_conflict"
    assert "Receipt(message_id='msg_" in repr(first[0])


def test_too_many_requests_is_another_error_than_a_quota_that_is_used_up(tmp_path: Path) -> None:
    minute = {"kind": "sliding", "name": "minute", "limit": 1, "period_ms": 3_600_000}
    mailroom = opened(tmp_path, account_windows=[minute], quotas=[{"period": "month", "limit": 2}])
    with pytest.raises(sendgate.QuotaExceeded) as spent:
        mailroom.submit([message(), message(), message()])
    # A request that no whole period has room for is not helped by waiting.
    assert (spent.value.code, spent.value.period, spent.value.retry_at) == ("overquota", None, None)
    with pytest.raises(sendgate.RateLimited) as limited:
        mailroom.submit(message())
    assert limited.value.window == "minute"
    assert isinstance(limited.value.retry_at, int)
    assert not isinstance(limited.value, sendgate.QuotaExceeded)


def test_a_quota_names_its_period_and_its_end(tmp_path: Path) -> None:
    mailroom = opened(tmp_path, quotas=[{"period": "month", "limit": 1}])
    mailroom.submit(message())
    with pytest.raises(sendgate.QuotaExceeded) as spent:
        mailroom.submit(message())
    assert (spent.value.period, spent.value.code) == ("month", "quota_monthly")
    assert spent.value.retry_at is not None
    (usage,) = [usage for usage in mailroom.usage() if usage["period"] == "month"]
    assert (usage["reserved"], usage["limit"], usage["free"]) == (1, 1, 0)


def test_limits_are_those_of_the_profile_and_the_account(tmp_path: Path) -> None:
    mailroom = opened(tmp_path, sending={"per_second": 3})
    limits = {limit["name"]: limit for limit in mailroom.limits()}
    assert (limits["sending-second"]["limit"], limits["sending-second"]["remaining"]) == (3, 3)
    assert limits["sending-minute"]["limit"] == 30


def test_what_cannot_be_taken_is_told_field_by_field(tmp_path: Path) -> None:
    mailroom = opened(tmp_path, domains=["shop.example"])
    stranger = Message(from_="a@other.example", to="ann@example.com", subject="Hi", text_body="Hello")
    taken, refused = mailroom.submit([message(), stranger])
    assert (taken.status, taken.code, taken.detail) == ("queued", None, None)
    assert (refused.message_id, refused.status, refused.code) == (None, "rejected", "from_not_allowed")
    assert refused.detail is not None and "messages[1].from" in refused.detail
    with pytest.raises(sendgate.InvalidMessage) as raised:
        mailroom.submit(stranger)
    assert [fault.field for fault in raised.value.errors] == ["messages[0].from"]
    with pytest.raises(sendgate.SendgateError) as nothing:
        mailroom.submit([])
    assert nothing.value.code == "missing_send_payload"


def test_a_configuration_is_one_account_of_the_worker_with_its_secrets_by_name(tmp_path: Path) -> None:
    account = {"providers": [{"kind": "postmark", "credential": "TOKEN"}]}
    seen = []

    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.headers)
        return taken(request)

    with Mailroom(tmp_path / "a.db", account, secrets={"TOKEN": "hush"}, transport=carry) as mailroom:
        mailroom.submit(message())
        assert mailroom.drain()
    assert "hush" in {value for headers in seen for value in headers.values()}
    with pytest.raises(sendgate.SendgateError, match="TOKEN") as missing:
        Mailroom(tmp_path / "b.db", json.dumps(account), secrets={})
    assert missing.value.code == "missing_credential"
    with pytest.raises(sendgate.SendgateError) as wrong:
        Mailroom(tmp_path / "b.db", {"providers": []})
    assert wrong.value.code == "mailroom_config"
    with pytest.raises(sendgate.StoreFailed) as nowhere:
        opened(tmp_path / "nowhere")
    assert nowhere.value.code == "database_open"


def test_a_transport_says_what_surely_did_not_leave(tmp_path: Path) -> None:
    calls: list[str] = []

    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        calls.append(request.url)
        if len(calls) == 1:
            raise sendgate.NotSent
        return taken(request)

    with opened(tmp_path, transport=carry, retry=SOON) as mailroom:
        (receipt,) = mailroom.submit(message())
        assert mailroom.drain()
        assert (status(mailroom, receipt), len(calls)) == ("sent", 2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("answer", [RuntimeError("no"), "no answer", (200, {}, "no bytes")])
def test_a_transport_that_breaks_may_have_sent(tmp_path: Path, answer: object) -> None:
    def carry(_: HttpRequest) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with opened(tmp_path, transport=carry) as mailroom:
        (receipt,) = mailroom.submit(message())
        assert mailroom.drain()
        assert status(mailroom, receipt) == "unknown"


def test_a_host_that_delivers_itself(tmp_path: Path) -> None:
    mailroom, other = opened(tmp_path), opened(tmp_path)
    assert mailroom.next() is None
    first, second, third = mailroom.submit([message("a"), message("b"), message("c")])
    due = mailroom.next()
    assert isinstance(due, Due) and isinstance(due.request, HttpRequest)
    assert (due.message_id, due.attempt, due.timeout_ms) == (first.message_id, 1, 10_000)
    assert repr(due) == f"Due(message_id='{first.message_id}', attempt=1)"
    # Another Mailroom waits for the one that delivers.
    waits = other.next()
    assert isinstance(waits, WaitUntil) and "WaitUntil(at=" in repr(waits)
    mailroom.settle(due, taken(due.request))
    again = mailroom.next()
    assert isinstance(again, Due)
    mailroom.carry(again)
    last = mailroom.next()
    assert isinstance(last, Due)
    with pytest.raises(sendgate.SendgateError):
        mailroom.settle(last, "perhaps")  # type: ignore[arg-type]
    mailroom.settle(last, "maybe_sent")
    assert [status(other, receipt) for receipt in (first, second, third)] == ["sent", "sent", "unknown"]
    mailroom.stop()
    assert other.next() is None


def test_a_mail_server_is_spoken_to_beside_a_transport_for_http(tmp_path: Path) -> None:
    server = Provider("smtp", base_url="smtp://127.0.0.1:1")
    mailroom = Mailroom(tmp_path / "mail.db", server, transport=taken)
    (receipt,) = mailroom.submit(message())
    due = mailroom.next()
    assert isinstance(due, Due) and isinstance(due.request, SmtpRequest)
    mailroom.carry(due)
    assert status(mailroom, receipt) == "deferred"


def test_the_event_loop_goes_on(tmp_path: Path) -> None:
    async def send() -> str:
        async with opened(tmp_path) as mailroom:
            (receipt,) = await mailroom.submit_async(message())
            assert await mailroom.drain_async()
            view = await mailroom.trace_async(receipt.message_id or "")
            return str((view or {})["status"])

    assert asyncio.run(send()) == "sent"


def test_threads_share_a_mailroom_that_runs(tmp_path: Path) -> None:
    calls: Counter[str] = Counter()

    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        calls[json.loads(request.body)["Subject"]] += 1
        return taken(request)

    with opened(tmp_path, transport=carry) as mailroom:
        mailroom.run()

        def submit(name: int) -> None:
            for n in range(10):
                mailroom.submit(message(f"{name}-{n}"))

        threads = [threading.Thread(target=submit, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert mailroom.drain()
    assert len(calls) == 40 and set(calls.values()) == {1}


def test_a_fork_has_to_open_its_own(tmp_path: Path) -> None:
    mailroom = opened(tmp_path)
    child = os.fork()
    if child == 0:
        code = ""
        try:
            mailroom.submit(message())
        except sendgate.SendgateError as error:
            code = error.code
        os._exit(0 if code == "mailroom_forked" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_forks_while_the_parent_delivers_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """Every child opens its own on the file that its parent delivers from, as the workers of a web server do."""
    calls: Counter[str] = Counter()

    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        calls[json.loads(request.body)["Subject"]] += 1
        return taken(request)

    with opened(tmp_path, transport=carry) as mailroom, opened(tmp_path) as other:
        mailroom.run()
        children = []
        for n in range(40):
            mailroom.submit(message(f"parent {n}"))
            child = os.fork()
            if child == 0:
                try:
                    own = opened(tmp_path)
                    for twice in range(2):
                        own.submit(message(f"child {n} {twice}"))
                    del own
                finally:
                    os._exit(0 if sys.exc_info()[0] is None else 1)
            other.submit(message(f"other {n}"))
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 40
        assert mailroom.drain(60)
    assert len(calls) == 40 * 4 and set(calls.values()) == {1}


def test_a_transport_may_fork_and_a_child_may_end_as_usual(tmp_path: Path) -> None:
    """The call under way is not waited for; what the parent has open is left alone by a child that lets go of it."""
    ended: list[int] = []

    def carry(request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        child = os.fork()
        if child == 0:
            try:
                gc.collect()
                held.clear()
            finally:
                os._exit(0)
        ended.append(os.waitpid(child, 0)[1])
        return taken(request)

    held = [opened(tmp_path, transport=carry)]
    with held[0] as mailroom:
        mailroom.submit([message(f"{n}") for n in range(4)])
        assert mailroom.drain(60)
    assert ended == [0] * len(ended) and ended


class Counting:
    """A Postmark that counts what arrives by its subject, and tells of it."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.happened: queue.Queue[str] = queue.Queue()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                provider.arrived[body["Subject"]] += 1
                provider.happened.put("request")
                answer = b'{"ErrorCode":0,"Message":"OK","MessageID":"b7bc2f4a"}'
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                provider.happened.put("answer")

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that is killed breaks its connection."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider() -> Iterator[Counting]:
    running = Counting()
    yield running
    running.server.shutdown()
    running.server.server_close()


CHILD = """
import json, sys, sendgate
path, url, name, count, settings = sys.argv[1:]
provider = sendgate.Provider("postmark", "token", base_url=url)
mailroom = sendgate.Mailroom(path, provider, lease_ms=200, **json.loads(settings))
mailroom.run()
for n in range(int(count)):
    subject = f"{name}-{n}"
    message = sendgate.Message(from_="s@shop.example", to="ann@example.com", subject=subject, text_body="Hello")
    try:
        (receipt,) = mailroom.submit(message)
        print(subject, receipt.message_id, flush=True)
    except sendgate.RateLimited:
        pass
mailroom.drain()
mailroom.stop()
"""


def child(path: Path, provider: Counting, name: str, count: int, settings: dict[str, Any]) -> subprocess.Popen[str]:
    arguments = [str(path / "mail.db"), provider.url, name, str(count), json.dumps(settings)]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("policy", ["stop", "resend"])
def test_kills_lose_nothing_and_repeat_only_what_nobody_knows(tmp_path: Path, provider: Counting, policy: str) -> None:
    """A hundred kills, 50 a policy, at random instants: after a submission, in a call, after its answer, or later."""
    chance = random.Random(policy)
    # A call that was interrupted is a silence of the provider's, after which it is left in peace for a while.
    settings: dict[str, Any] = {"batch": ONE_A_CALL, "on_unknown": policy, "retry": SOON}
    accepted: dict[str, str] = {}
    for kill in range(50):
        process = child(tmp_path, provider, f"{kill}", 200, settings)
        assert process.stdout is not None

        def read(lines: IO[str]) -> None:
            for line in lines:
                if line.endswith("\n"):
                    subject, message_id = line.split()
                    accepted[subject] = message_id
                    provider.happened.put("submitted")

        reader = threading.Thread(target=read, args=(process.stdout,))
        reader.start()
        waits_for, left = chance.choice(["submitted", "request", "answer"]), chance.randint(1, 6)
        while left > 0:
            left -= provider.happened.get(timeout=60) == waits_for
        # From none to a whole transaction later.
        threading.Event().wait(chance.uniform(0, 0.01))
        process.kill()
        process.wait()
        reader.join()
        while not provider.happened.empty():
            provider.happened.get()
    at = Provider("postmark", "token", base_url=provider.url)
    with Mailroom(tmp_path / "mail.db", at, lease_ms=200, **settings) as mailroom:
        assert mailroom.drain(60)
        assert len(accepted) > 50
        for subject, message_id in accepted.items():
            view = mailroom.trace(message_id)
            assert view is not None, "an accepted message is lost"
            is_doubtful = any(line["event"] in ("interrupted", "unknown") for line in view["trace"])
            times = provider.arrived[subject]
            if is_doubtful and policy == "stop":
                assert view["status"] == "unknown" and times <= 1, view
            else:
                assert view["status"] == "sent", view
                assert times == 1 or (is_doubtful and times >= 1), view


def test_four_processes_on_one_file_keep_one_limit_exactly(tmp_path: Path, provider: Counting) -> None:
    hour = {"kind": "sliding", "name": "hour", "limit": 60, "period_ms": 3_600_000}
    settings = {"batch": ONE_A_CALL, "account_windows": [hour]}
    processes = [child(tmp_path, provider, name, 40, settings) for name in "abcd"]
    accepted = [line.split()[0] for process in processes for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    # 160 were asked for, and the hour admits 60.
    assert len(accepted) == 60
    assert provider.arrived == Counter(accepted)
