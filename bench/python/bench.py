"""Measures the wheel beside Python's limiters and the official SDKs' builders, all in one process and in turns.

    python bench.py [--quick] [--json PATH] [--page PATH]

Prints one table. `--json` adds the figures to the flat object in that file, `--page` puts the table behind the Rust
one.
Every figure is the median of rounds in which each side has its turn, loop included.
"""

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import sendgate
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from limits import (
    RateLimitItemPerDay,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerMonth,
    RateLimitItemPerSecond,
)
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter
from postmark.models.outbound.schemas import Email as OfficialEmail
from postmark.models.outbound.schemas import Header as OfficialHeader
from postmarker.core import PostmarkClient
from pyrate_limiter import BucketFactory, InMemoryBucket, Rate, RateItem
from pyrate_limiter import Limiter as PyrateLimiter
from sendgrid.helpers import mail as sg
from throttled import RateLimiterType, Throttled, store
from throttled.rate_limiter import per_duration

ROUNDS = 7
# Far above what a round asks for: nobody is denied early, and all five windows are walked for every decision.
LIMIT = 1_000_000_000
PERIODS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "month": 2_592_000}
POLICY = {
    "windows": [
        {"kind": "sliding", "name": name, "limit": LIMIT, "period_ms": seconds * 1_000}
        for name, seconds in PERIODS.items()
    ]
}
KEYS = [f"customer-{number}@example.com" for number in range(10_000)]

Ask = Callable[[str], bool]
"""Decides for one key; all five windows."""


def limits_asks() -> Iterator[tuple[str, Ask]]:
    """`limits`: one call a window, because its strategies decide one window each."""
    items = [
        RateLimitItemPerSecond(LIMIT),
        RateLimitItemPerMinute(LIMIT),
        RateLimitItemPerHour(LIMIT),
        RateLimitItemPerDay(LIMIT),
        RateLimitItemPerMonth(LIMIT),
    ]
    for name, strategy in [
        ("fixed", FixedWindowRateLimiter),
        ("sliding", SlidingWindowCounterRateLimiter),
        ("moving", MovingWindowRateLimiter),
    ]:
        hit = strategy(MemoryStorage()).hit
        yield f"limits {name}", lambda key, hit=hit: all([hit(item, key) for item in items])


def throttled_asks() -> Iterator[tuple[str, Ask]]:
    """throttled-py: five of its limiters, with room for every key in its store."""
    for kind in [RateLimiterType.FIXED_WINDOW, RateLimiterType.SLIDING_WINDOW, RateLimiterType.GCRA]:
        windows = [
            Throttled(
                using=kind.value,
                quota=per_duration(timedelta(seconds=seconds), LIMIT, burst=LIMIT),
                store=store.MemoryStore(options={"MAX_SIZE": 10 * len(KEYS)}),
            ).limit
            for seconds in PERIODS.values()
        ]
        yield f"throttled {kind.value}", lambda key, windows=windows: not any([limit(key).limited for limit in windows])


class Buckets(BucketFactory):  # type: ignore[misc]
    """pyrate-limiter: a bucket with all five rates for each key."""

    def __init__(self) -> None:
        # A rate must not be looser than a shorter one: limits that grow with the period.
        self.rates = [Rate(LIMIT * (place + 1), seconds * 1_000) for place, seconds in enumerate(PERIODS.values())]
        self.buckets: dict[str, InMemoryBucket] = {}

    def wrap_item(self, name: str, weight: int = 1) -> RateItem:
        return RateItem(name, time.monotonic_ns() // 1_000_000, weight=weight)

    def get(self, item: RateItem) -> InMemoryBucket:
        bucket = self.buckets.get(item.name)
        if bucket is None:
            bucket = self.buckets[item.name] = InMemoryBucket(self.rates)
        return bucket


def pyrate_asks() -> Iterator[tuple[str, Ask]]:
    limiter = PyrateLimiter(Buckets())
    yield "pyrate-limiter", lambda key: bool(limiter.try_acquire(key, blocking=False))


def rivals() -> list[tuple[str, Ask]]:
    """Everything that threads may share. (aiolimiter may not be, and has no keys.)"""
    return [*limits_asks(), *throttled_asks(), *pyrate_asks()]


def ns_each(work: Callable[[int], None], count: int) -> float:
    begun = time.process_time_ns()
    work(count)
    return (time.process_time_ns() - begun) / count


def fitting(work: Callable[[int], None], round_ns: float) -> int:
    """How many repetitions fill a round."""
    count = 1
    while (each := ns_each(work, count)) * count < round_ns / 20:
        count *= 2
    return max(1, math.ceil(round_ns / each))


class Bench:
    def __init__(self, quick: bool) -> None:
        self.round_ns = 5e6 if quick else 1e8
        self.rows: dict[str, dict[str, Any]] = {}

    def add(self, name: str, unit: str, value: float, rival_value: float, rival: str) -> None:
        ratio = rival_value / value
        self.rows[name] = {"value": value, "unit": unit, "rival": rival, "rival_value": rival_value, "ratio": ratio}

    def race(self, name: str, ours: Callable[[int], None], rivals: list[tuple[str, Callable[[int], None]]]) -> None:
        """Ours beside the best of the rivals."""
        print(f"... {name}", file=sys.stderr)
        sides = [("Sendgate", ours), *rivals]
        counts = [fitting(work, self.round_ns) for _, work in sides]
        figures: list[list[float]] = [[] for _ in sides]
        for _ in range(ROUNDS):
            for side, (_, work) in enumerate(sides):
                figures[side].append(ns_each(work, counts[side]))
        medians = [statistics.median(figure) for figure in figures]
        best = min(range(1, len(sides)), key=lambda side: medians[side])
        self.add(name, "ns", medians[0], medians[best], sides[best][0])
        for side, (rival, _) in enumerate(sides):
            print(f"      {medians[side]:>12,.0f} ns  {rival}", file=sys.stderr)


def over(keys: list[str], ask: Ask) -> Callable[[int], None]:
    """So many decisions, over the keys in turn."""
    place = 0

    def work(count: int) -> None:
        nonlocal place
        while count:
            part = keys[place : place + count]
            for key in part:
                if not ask(key):
                    raise AssertionError("denied")
            count -= len(part)
            place = (place + len(part)) % len(keys)

    return work


def limiters(bench: Bench) -> None:
    one = [KEYS[0]] * 1_000
    held = sendgate.Limiter(POLICY)
    others = rivals()
    bench.race("python.five_windows.one_key", over(one, lambda _: held.admit()), [(n, over(one, a)) for n, a in others])
    table = sendgate.Limiters(POLICY)
    asks = [(name, over(KEYS, ask)) for name, ask in others]
    bench.race("python.five_windows.ten_thousand_keys", over(KEYS, table.admit), asks)

    batches = [KEYS[at : at + BATCH] for at in range(0, len(KEYS), BATCH)]

    def batched(count: int) -> None:
        for number, at in enumerate(range(0, count, BATCH)):
            keys = batches[number % len(batches)]
            if not all(table.admit_many(keys if count - at >= BATCH else keys[: count - at])):
                raise AssertionError("denied")

    bench.race("python.five_windows.ten_thousand_keys.batched", batched, asks)


def suppressions(bench: Bench) -> None:
    """A million addresses beside a set of the same normalised texts: loading, size, and a request's 500 recipients."""
    addresses = [f"customer-{number}@shop-{number % 997}.example" for number in range(1_000_000)]
    asked = [f"stranger-{number}@example.com" for number in range(500)]
    loads, rival_loads = [], []
    for _ in range(3):
        begun = time.process_time_ns()
        ours = sendgate.Suppressions(addresses)
        loads.append((time.process_time_ns() - begun) / 1e9)
        begun = time.process_time_ns()
        theirs = {address.lower() for address in addresses}
        rival_loads.append((time.process_time_ns() - begun) / 1e9)
    bench.add("python.suppressions.million.load", "s", statistics.median(loads), statistics.median(rival_loads), "set")
    each = sum(map(sys.getsizeof, theirs)) + sys.getsizeof(theirs)
    bench.add("python.suppressions.million.bytes", "bytes", ours.memory_bytes / 1e6, each / 1e6, "set")

    def check(count: int) -> None:
        for _ in range(count):
            if any(ours.contains_many(asked)):
                raise AssertionError("a stranger was taken for listed")

    def rival_check(count: int) -> None:
        for _ in range(count):
            if any([address.lower() in theirs for address in asked]):
                raise AssertionError("a stranger was taken for listed")

    bench.race("python.suppressions.million.check_500", check, [("set", rival_check)])


FIELDS: dict[str, Any] = {
    "to": [{"address": "ann@example.com", "name": "Ann Ünïcode"}],
    "reply_to": "help@shop.example",
    "subject": "Order #42 — confirmé ✓",
    "text_body": ('Hello Ann, "5 EUR".\n' * 48)[:950],
    "html_body": "<p>Hello <b>Ann</b>, your order is on its way.</p>\n" * 17,
    "headers": {"X-Order-Id": "42"},
    "tags": ["receipt"],
    "metadata": {"order": "42", "tier": "gold"},
}
SENDER = "orders@shop.example"


def ours_for(provider: sendgate.Provider, **more: str) -> Callable[[int], None]:
    """From the application's values to the request's bytes."""

    def work(count: int) -> None:
        for _ in range(count):
            message = sendgate.Message(FIELDS, from_=SENDER, **more)
            request = provider.build(message, "msg_01jdfx3w7k0000000000000000")
            assert isinstance(request, sendgate.HttpRequest)
            if len(request.body) < 1_500 or not request.headers:
                raise AssertionError("not the whole")

    return work


def by_sendgrid(count: int) -> None:
    for _ in range(count):
        mail = sg.Mail(
            from_email=SENDER,
            to_emails=[sg.To(FIELDS["to"][0]["address"], FIELDS["to"][0]["name"])],
            subject=FIELDS["subject"],
            plain_text_content=FIELDS["text_body"],
            html_content=FIELDS["html_body"],
        )
        mail.reply_to = sg.ReplyTo(FIELDS["reply_to"])
        for name, value in FIELDS["headers"].items():
            mail.add_header(sg.Header(name, value))
        for tag in FIELDS["tags"]:
            mail.add_category(sg.Category(tag))
        for name, value in FIELDS["metadata"].items():
            mail.add_custom_arg(sg.CustomArg(name, value))
        if len(json.dumps(mail.get()).encode()) < 1_500:
            raise AssertionError("not the whole")


def postmark_builder() -> Callable[[int], None]:
    """A dict and `json.dumps`, no more: as fast as Python builds one."""
    client = PostmarkClient(server_token="POSTMARK_API_TEST")

    def work(count: int) -> None:
        for _ in range(count):
            mail = client.emails.Email(
                From=SENDER,
                To=f'"{FIELDS["to"][0]["name"]}" <{FIELDS["to"][0]["address"]}>',
                ReplyTo=FIELDS["reply_to"],
                Subject=FIELDS["subject"],
                TextBody=FIELDS["text_body"],
                HtmlBody=FIELDS["html_body"],
                Headers=FIELDS["headers"],
                Tag=FIELDS["tags"][0],
                Metadata=FIELDS["metadata"],
            )
            if len(json.dumps(mail.as_dict()).encode()) < 1_500:
                raise AssertionError("not the whole")

    return work


def official_postmark_builder() -> Callable[[int], None]:
    """As its `outbound.send` makes the request: checked, dumped, and built by httpx."""
    client = httpx.AsyncClient(base_url="https://api.postmarkapp.com")

    def work(count: int) -> None:
        for _ in range(count):
            mail = OfficialEmail(
                sender=SENDER,
                to=f'"{FIELDS["to"][0]["name"]}" <{FIELDS["to"][0]["address"]}>',
                reply_to=FIELDS["reply_to"],
                subject=FIELDS["subject"],
                text_body=FIELDS["text_body"],
                html_body=FIELDS["html_body"],
                headers=[OfficialHeader(name=name, value=value) for name, value in FIELDS["headers"].items()],
                tag=FIELDS["tags"][0],
                metadata=FIELDS["metadata"],
            )
            request = client.build_request("POST", "/email", json=mail.model_dump(by_alias=True, exclude_none=True))
            if len(request.content) < 1_500:
                raise AssertionError("not the whole")

    return work


class Raw:
    """What a connection would give; boto3 reads it instead of one."""

    def stream(self) -> Iterator[bytes]:
        yield b'{"MessageId":"m"}'


def ses_builder() -> Callable[[int], None]:
    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        config=Config(retries={"total_max_attempts": 1}),
    )
    built: list[int] = []

    def instead_of_sending(request: Any, **_: object) -> AWSResponse:  # noqa: ANN401
        built.append(len(request.body))
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Raw())

    client.meta.events.register("before-send.sesv2.SendEmail", instead_of_sending)

    def work(count: int) -> None:
        built.clear()
        for _ in range(count):
            text = {"Data": FIELDS["text_body"], "Charset": "UTF-8"}
            html = {"Data": FIELDS["html_body"], "Charset": "UTF-8"}
            client.send_email(
                FromEmailAddress=SENDER,
                Destination={"ToAddresses": ['"Ann Ünïcode" <ann@example.com>']},
                ReplyToAddresses=[FIELDS["reply_to"]],
                Content={
                    "Simple": {
                        "Subject": {"Data": FIELDS["subject"], "Charset": "UTF-8"},
                        "Body": {"Text": text, "Html": html},
                        "Headers": [{"Name": name, "Value": value} for name, value in FIELDS["headers"].items()],
                    }
                },
                EmailTags=[{"Name": name, "Value": value} for name, value in FIELDS["metadata"].items()],
            )
        if len(built) != count or min(built) < 1_500:
            raise AssertionError("not the whole")

    return work


def builders(bench: Bench) -> None:
    sendgrid, postmark = sendgate.Provider("sendgrid", "SG.test"), sendgate.Provider("postmark", "POSTMARK_API_TEST")
    ses = sendgate.Provider(
        "ses",
        "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        base_url="https://email.eu-west-1.amazonaws.com",
    )
    bench.race("python.build.sendgrid", ours_for(sendgrid), [("sendgrid 6.12.5", by_sendgrid)])
    official = [("postmark-python 0.4.0", official_postmark_builder())]
    bench.race("python.build.postmark", ours_for(postmark), official)
    bench.race("python.build.postmark.plain", ours_for(postmark), [("postmarker 1.0, unofficial", postmark_builder())])
    bench.race("python.build.ses", ours_for(ses), [("boto3 1.44.5, to its before-send", ses_builder())])


def figure(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def table(rows: dict[str, dict[str, Any]]) -> str:
    lines = [["measurement", "unit", "Sendgate", "rival", "ratio", "rival is"]]
    for name, row in rows.items():
        ratio = f"{figure(row['ratio'])} x"
        lines.append([f"`{name}`", row["unit"], figure(row["value"]), figure(row["rival_value"]), ratio, row["rival"]])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = (2, 3, 4)
    text = []
    for number, line in enumerate(lines):
        padded = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append(f"| {' | '.join(padded)} |")
        if number == 0:
            rules = ["-" * (width - 1) + (":" if at in right else "-") for at, width in enumerate(widths)]
            text.append(f"| {' | '.join(rules)} |")
    return "\n".join(text)


HEADING = "## From Python"
WORDS = """{heading}

The wheel beside Python's limiters, of which the best that threads may share is shown, and beside the builders of the
official SDKs; `bench/python/bench.py`, CPython {python}. Limits are far away, so that all five windows are walked for
every decision. A decision includes its turn of the loop, a request everything from the application's values to its
bytes. The time is the processor's.

{table}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="to see that everything runs, not for quoting")
    parser.add_argument("--json", type=Path, help="adds the figures to this file's object")
    parser.add_argument("--page", type=Path, help="puts the table at the end of this page")
    arguments = parser.parse_args()
    bench = Bench(arguments.quick)
    limiters(bench)
    suppressions(bench)
    builders(bench)
    print(table(bench.rows))
    if arguments.json:
        known = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        arguments.json.write_text(json.dumps(known | bench.rows, indent=2) + "\n")
    if arguments.page:
        before = arguments.page.read_text().split(HEADING)[0].rstrip()
        python = ".".join(map(str, sys.version_info[:3]))
        words = WORDS.format(heading=HEADING, python=python, table=table(bench.rows))
        arguments.page.write_text(f"{before}\n\n{words}")


BATCH = 250

if __name__ == "__main__":
    main()
