"""Rows that the wheel has to hold by itself: R099, R118, R165, R166. The client's (R243 to R250) are in the tests of
the client, and delivery's in those of the Mailroom.
"""

import time
from pathlib import Path

import sendgate
from sendgate import Due, HttpRequest, Mailroom, Message, Provider, WaitUntil

POSTMARK = Provider("postmark", "token")
TAKEN: tuple[int, dict[str, str], bytes] = (200, {}, b'{"ErrorCode":0,"Message":"OK","MessageID":"b7bc2f4a"}')
# Hints for what must not happen at all are long.
HOUR_MS = 3_600_000


def message(number: int = 0) -> Message:
    return Message(from_="a@shop.example", to="ann@example.com", subject=f"{number}", text_body="Hello")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_r099_a_provider_with_its_profile_alone_keeps_that_profile(tmp_path: Path) -> None:
    """Postmark's built-in profile admits 10 calls a second (document 000, R014)."""
    mailroom = Mailroom(tmp_path / "mail.db", POSTMARK, profile="postmark", batch={"max_messages": 1})
    limits = {limit["name"]: limit.get("limit") for limit in mailroom.limits()}
    assert limits["api-second"] == 10
    mailroom.submit([message(number) for number in range(15)])
    asked: list[tuple[int, int]] = []
    while len(asked) < 15:
        before = now_ms()
        upcoming = mailroom.next()
        if isinstance(upcoming, Due):
            asked.append((before, now_ms()))
            mailroom.settle(upcoming, TAKEN)
        else:
            # It says until when, and until then there is nothing.
            assert isinstance(upcoming, WaitUntil)
    # Of eleven calls the last was decided at least a second after the first, however fast or slow this machine is.
    for (before, _), (_, after) in zip(asked, asked[10:], strict=False):
        assert after - before >= 1_000


def test_r118_submit_and_next_are_all_that_a_host_needs(tmp_path: Path) -> None:
    mailroom = Mailroom(tmp_path / "mail.db", POSTMARK)
    mailroom.submit([message(number) for number in range(3)])
    carried = 0
    while isinstance(due := mailroom.next(), Due):
        assert isinstance(due.request, HttpRequest)
        carried += 1
        mailroom.settle(due, (200, {}, TAKEN[2]))
    assert carried > 0 and mailroom.next() is None


def test_r165_nothing_is_asked_again_before_the_provider_allows_it(tmp_path: Path) -> None:
    """A 429 is kept by the library: there is no call left that would go around it."""
    mailroom = Mailroom(tmp_path / "mail.db", POSTMARK, batch={"max_messages": 1})
    (receipt,) = mailroom.submit(message())
    due = mailroom.next()
    assert isinstance(due, Due)
    before = now_ms()
    mailroom.settle(due, (429, {"Retry-After": "3600"}, b"{}"))
    # Neither what was refused nor anything new, nor in another process.
    mailroom.submit(message(1))
    waits = mailroom.next()
    assert isinstance(waits, WaitUntil) and waits.at >= before + HOUR_MS
    mailroom.stop()
    waits = Mailroom(tmp_path / "mail.db", POSTMARK, batch={"max_messages": 1}).next()
    assert isinstance(waits, WaitUntil) and waits.at >= before + HOUR_MS
    view = mailroom.trace(receipt.message_id or "")
    assert view is not None and view["attempts"] == 1


def test_r166_nothing_that_is_exported_calls_a_provider_past_the_queue() -> None:
    """A Provider makes requests and reads answers; only a Mailroom carries them, within the limits."""

    def members(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    reads = {"classify", "classify_batch", "parse_webhook", "gaps", "kind"}
    assert members(Provider) == reads | {"build", "build_batch"}
    assert members(HttpRequest) == {"method", "url", "headers", "body"}
    carriers = {
        name
        for name in sendgate.__all__
        if isinstance(getattr(sendgate, name), type)
        and members(getattr(sendgate, name)) & {"send", "carry", "run", "deliver", "drain"}
    }
    # The clients speak to Sendgate's own API, which has the limits.
    assert carriers == {"Mailroom", "Client", "AsyncClient"}
