"""Sends through Sendgate with the official Python SDKs of Resend and of Postmark's community (postmarker).

Nothing but the base URL and the key is Sendgate's: the calls are those of the SDKs' documentation. SENDGATE_URL and
SENDGATE_KEY say where. The last line counts cases.
"""

import json
import os
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TypeVar

import resend
from postmarker.core import PostmarkClient
from postmarker.exceptions import ClientError
from resend import exceptions as resend_errors

URL = os.environ["SENDGATE_URL"].rstrip("/")
KEY = os.environ["SENDGATE_KEY"]
T = TypeVar("T")
E = TypeVar("E", bound=Exception)
SENDER = "Shop <orders@shop.example>"

resend.api_url = URL
resend.api_key = KEY


def postmark(key: str = KEY) -> PostmarkClient:
    client = PostmarkClient(server_token=key, max_retries=0)
    client.root_api_url = URL
    return client


def call(method: str, path: str, body: object = None) -> tuple[int, dict]:
    """Sendgate's own API."""
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.loads(response.read() or b"{}")
    except urllib.error.HTTPError as error:
        if error.code == 429:
            time.sleep(int(error.headers["Retry-After"]))
            return call(method, path, body)
        return error.code, json.loads(error.read())


def patiently(act: Callable[[], T]) -> T:
    """A key has so many requests a second: who is told to wait waits, as the SDK's error says."""
    while True:
        try:
            return act()
        except resend_errors.RateLimitError as error:
            assert error.error_type == "rate_limit_exceeded", error.error_type
            time.sleep(int(error.headers.get("Retry-After") or error.headers["retry-after"]))
        except ClientError as error:
            if error.error_code != 429:
                raise
            time.sleep(1)


def refused(kind: type[E], act: Callable[[], object]) -> E:
    try:
        answer = patiently(act)
    except kind as error:
        return error
    raise AssertionError(f"not refused: {answer}")


def recipients(message_id: str) -> list[str]:
    """Whom Sendgate has a message for, by the id that the SDK was given."""
    status, message = call("GET", f"/v1/messages/{message_id}")
    assert status == 200, (status, message)
    return [recipient["address"] for recipient in message["recipients"]]


def email(to: str, **more: object) -> dict:
    return {"from": SENDER, "to": [to], "subject": "Hello", "text": "Hi", **more}


def resend_sends() -> None:
    file = {"filename": "a.txt", "content": list(b"hello")}
    params = email(
        "ann@example.com", html="<p>Hi</p>", cc=["bob@example.net"], attachments=[file], headers={"X-Order": "42"}
    )
    sent = patiently(lambda: resend.Emails.send({**params, "tags": [{"name": "category", "value": "receipt"}]}))
    assert recipients(sent["id"]) == ["ann@example.com", "bob@example.net"]
    _, found = call("GET", "/v1/messages?tag=receipt&recipient=ann@example.com")
    assert sent["id"] in [message["message_id"] for message in found["messages"]], found


def resend_repeats_under_an_idempotency_key() -> None:
    options: resend.Emails.SendOptions = {"idempotency_key": "python-order-42"}
    ids = {patiently(lambda: resend.Emails.send(email("ann@example.com"), options))["id"] for _ in range(2)}
    assert len(ids) == 1
    error = refused(resend_errors.ResendError, lambda: resend.Emails.send(email("bob@example.net"), options))
    assert (int(error.code), error.error_type) == (409, "invalid_idempotent_request"), (error.code, error.error_type)


def resend_sends_batches() -> None:
    good, bad = email("ann@example.com"), email("not an address")
    sent = patiently(lambda: resend.Batch.send([good, email("bob@example.net")]))
    assert [recipients(one["id"]) for one in sent["data"]] == [["ann@example.com"], ["bob@example.net"]]
    error = refused(resend_errors.ValidationError, lambda: resend.Batch.send([good, bad]))
    assert int(error.code) == 422 and "[1].to[0]" in error.message, error.message
    sent = patiently(lambda: resend.Batch.send([good, bad], {"batch_validation": "permissive"}))
    assert len(sent["data"]) == 1 and [one["index"] for one in sent["errors"]] == [1], sent


def resend_schedules_moves_and_cancels() -> None:
    sent = patiently(lambda: resend.Emails.send(email("ann@example.com", scheduled_at="2999-01-01T10:00:00Z")))
    shown = patiently(lambda: resend.Emails.get(sent["id"]))
    assert (shown["last_event"], shown["subject"], shown["to"]) == ("scheduled", "Hello", ["ann@example.com"])
    moved = patiently(lambda: resend.Emails.update({"id": sent["id"], "scheduled_at": "2999-01-02T10:00:00Z"}))
    assert moved["id"] == sent["id"]
    cancelled = patiently(lambda: resend.Emails.cancel(sent["id"]))
    assert cancelled["object"] == "email"
    assert patiently(lambda: resend.Emails.get(sent["id"]))["last_event"] == "canceled"


def resend_tells_its_errors() -> None:
    error = refused(
        resend_errors.ResendError, lambda: resend.Emails.send({"from": SENDER, "subject": "x", "text": "y"})
    )
    assert isinstance(error, resend_errors.MissingRequiredFieldsError), type(error)
    assert int(error.code) == 422 and "`to`" in error.message
    resend.api_key = "re_made_up"
    try:
        error = refused(resend_errors.InvalidApiKeyError, lambda: resend.Emails.send(email("ann@example.com")))
    finally:
        resend.api_key = KEY
    assert int(error.code) == 403
    for _ in range(200):
        try:
            resend.Emails.send(email("ann@example.com"))
        except resend_errors.RateLimitError as limited:
            assert int(limited.code) == 429
            return
    raise AssertionError("200 sends in a row were never limited")


def postmark_sends() -> None:
    sent = patiently(
        lambda: postmark().emails.send(
            From=SENDER,
            To='"Ann, B." <ann@example.com>, bob@example.net',
            Subject="Hello",
            TextBody="Hi",
            HtmlBody="<p>Hi</p>",
            Tag="receipt",
            Metadata={"order": "42"},
            Headers={"X-Order": "42"},
            MessageStream="outbound",
        )
    )
    assert (sent["ErrorCode"], sent["Message"], sent["To"]) == (0, "OK", "ann@example.com, bob@example.net"), sent
    assert recipients(sent["MessageID"]) == ["ann@example.com", "bob@example.net"]
    assert set(sent) == {"To", "SubmittedAt", "MessageID", "ErrorCode", "Message"}


def postmark_sends_batches() -> None:
    mails = [
        {"From": SENDER, "To": to, "Subject": "Hello", "TextBody": "Hi"}
        for to in ("ann@example.com", "bob@example.net")
    ]
    mails.append({"From": "nobody", "To": "ann@example.com", "Subject": "Hello", "TextBody": "Hi"})
    sent = patiently(lambda: postmark().emails.send_batch(*mails))
    assert [one["ErrorCode"] for one in sent] == [0, 0, 300], sent
    assert recipients(sent[1]["MessageID"]) == ["bob@example.net"]


def postmark_tells_its_errors() -> None:
    def send(to: str, key: str = KEY) -> object:
        return postmark(key).emails.send(From=SENDER, To=to, Subject="Hello", TextBody="Hi")

    assert refused(ClientError, lambda: send("not an address")).error_code == 300
    assert refused(ClientError, lambda: send("ann@example.com", "made-up")).error_code == 10
    status, _ = call("POST", "/v1/suppressions", {"email": "gone@example.com", "reason": "hard_bounce"})
    assert status in (200, 201), status
    error = refused(ClientError, lambda: send("gone@example.com"))
    assert error.error_code == 406 and "gone@example.com" in str(error), error
    partly = patiently(lambda: send("ann@example.com, gone@example.com"))
    assert partly["ErrorCode"] == 0 and "inactive addresses: gone@example.com." in partly["Message"], partly


def arrives() -> None:
    """What an SDK sent is in the simulator's inbox in the end."""
    subject = "From the Python SDK to the inbox"
    patiently(lambda: resend.Emails.send(email("ann@example.com") | {"subject": subject}))
    deadline = time.monotonic() + 60
    after = 0
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{URL}/sandbox/messages?after={after}&limit=100") as response:
            page = json.loads(response.read())
        if any(message["subject"] == subject for message in page["messages"]):
            return
        after = page["next"] or after
        time.sleep(0.1)
    raise AssertionError("it did not arrive")


CASES = [
    resend_sends,
    resend_repeats_under_an_idempotency_key,
    resend_sends_batches,
    resend_schedules_moves_and_cancels,
    resend_tells_its_errors,
    postmark_sends,
    postmark_sends_batches,
    postmark_tells_its_errors,
    arrives,
]


def main() -> int:
    failed = 0
    for case in CASES:
        try:
            case()
        except Exception:
            failed += 1
            print(f"{case.__name__}:")
            traceback.print_exc()
    print(f"drop-in, Python SDKs: {len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


raise SystemExit(main())
