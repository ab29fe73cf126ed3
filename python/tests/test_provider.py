"""Messages, providers' calls, their answers and their reports, through the installed wheel.

What a request holds in full is compared with the official SDKs' in tests/sdk; every class of answer is in the
vectors.
"""

import base64
import hashlib
import hmac
import itertools
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sendgate
from sendgate import (
    PROVIDERS,
    Event,
    HttpRequest,
    InvalidMessage,
    Message,
    Provider,
    SendgateError,
    SmtpRequest,
    UnsupportedFeature,
    WebhookRefused,
)

NOON = 1_800_000_000_000

FIELDS: dict[str, Any] = {
    "from": "Shop <orders@shop.example>",
    "to": ["Ann Ünïcode <ann@example.com>", {"address": "bob@example.net", "name": "Bob"}],
    "subject": "Order №42 ✓",
    "text_body": "Hello",
    "tags": ["receipt"],
    "metadata": {"order": "42"},
}


def hello(**more: Any) -> Message:  # noqa: ANN401
    return Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello", **more)


def faults(**fields: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    with pytest.raises(InvalidMessage) as caught:
        Message(fields)
    assert caught.value.code == caught.value.errors[0].code
    return [(fault.field, fault.code) for fault in caught.value.errors]


def test_a_dict_its_json_and_arguments_are_the_same_message() -> None:
    message = Message(FIELDS)
    assert Message.from_json(json.dumps(FIELDS)) == message
    rest = {name: value for name, value in FIELDS.items() if name != "from"}
    assert Message(from_=FIELDS["from"], **rest) == message
    assert Message(FIELDS, subject="Another") != message
    assert Message.from_json(message.to_json()) == message
    assert pickle.loads(pickle.dumps(message)) == message
    assert (message.recipient_count, message.class_) == (2, "transactional")


def test_words_of_python_have_another_name_as_arguments() -> None:
    assert hello(class_="bulk").class_ == "bulk"
    assert faults(**{**FIELDS, "metadata": {"from_": 7}}) == [("metadata.from_", "wrong_type")]


def test_every_fault_is_told_at_once() -> None:
    wrong = {"from": "a@shop.example", "to": ["b@", "c@example.com"], "subject": 7, "text_body": "Hi"}
    assert faults(**wrong) == [("to[0]", "invalid_address"), ("subject", "wrong_type")]
    assert faults() == [("from", "missing_field"), ("to", "missing_recipient")]
    assert ("text", "unknown_field") in faults(**{**FIELDS, "text": "Hello"})


def test_bytes_are_a_files_content_and_nothing_else() -> None:
    file = {"filename": "a.bin", "content_type": "application/octet-stream", "content": b"\x00\xff\x10"}
    body = json.loads(built("postmark", hello(attachments=[file])).body)
    assert base64.b64decode(body["Attachments"][0]["Content"]) == b"\x00\xff\x10"
    assert faults(**{**FIELDS, "subject": b"Hi"}) == [("", "invalid_json")]


def test_instants_are_aware() -> None:
    rome = timezone(timedelta(hours=1))
    here, there = datetime(2027, 3, 1, 12, tzinfo=rome), datetime(2027, 3, 1, 11, tzinfo=UTC)
    assert hello(send_at=here) == hello(send_at=there) == hello(send_at="2027-03-01T11:00:00Z")
    with pytest.raises(InvalidMessage, match="no time zone"):
        hello(send_at=datetime(2027, 3, 1, 12))


def test_what_python_can_hold_and_json_cannot_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value in [{1: "x"}, {"x": {1, 2}}, {"x": 2**70}, {"x": float("nan")}, {"x": "\ud800"}, {"x": endless}]:
        assert faults(**{**FIELDS, "template": {"id": "t", "data": value}}) == [("", "invalid_json")]


class Meddler:
    """Stands for an instant, and does something when it is asked for its zone and for its text."""

    def __init__(self, meddle: "Meddle") -> None:
        self.meddle = meddle

    @property
    def tzinfo(self) -> timezone:
        self.meddle(self)
        return UTC

    def isoformat(self) -> str:
        self.meddle(self)
        return "2027-03-01T12:00:00+00:00"


Meddle = Callable[[Meddler], object]


def test_what_changes_while_it_is_read_ends_all_the_same() -> None:
    """Values run code of the caller's own, which may reach the list or the dict that they stand in."""
    tags: list[Any] = []
    fields: dict[str, Any] = {}
    ways: list[Meddle] = [
        tags.append,
        lambda one: tags.insert(0, one),
        lambda _: tags.clear(),
        lambda _: tags.__delitem__(slice(1, None)),
        lambda _: tags.reverse(),
        lambda _: fields.clear(),
        lambda _: fields.update({f"more_{len(fields)}": "x"}),
        lambda one: fields.update({"subject": one}),
    ]
    for meddle in ways:
        tags[:] = ["one", Meddler(meddle), "two", Meddler(meddle), "three"]
        fields.clear()
        fields.update({"to": "b@example.net", "tags": tags, "subject": Meddler(meddle), "text_body": "Hello"})
        try:
            message = Message(fields, from_="a@shop.example")
        except InvalidMessage as invalid:
            assert invalid.errors
        else:
            assert message.recipient_count == 1


def test_a_lists_own_way_of_going_through_it_is_not_asked() -> None:
    class Endless(list[str]):
        def __iter__(self) -> Iterator[str]:
            return itertools.repeat("ann@example.com")

    assert hello(cc=Endless(["bob@example.net"])).recipient_count == 2


def test_a_name_that_meddles_is_a_name() -> None:
    """Python compares an argument's name with the dict's own, which may be of a class that has an answer to that."""

    class Name(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            fields.clear()
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    fields: dict[str, Any] = {Name("subject"): "Hi", Name("to"): "b@example.net", Name("text_body"): "Hello"}
    try:
        message = Message(fields, from_="a@shop.example", subject="Other")
    except InvalidMessage as invalid:
        assert invalid.errors
    else:
        assert message.recipient_count == 1


def test_nothing_personal_is_shown() -> None:
    shown = [repr(Message(FIELDS)), repr(Provider("postmark", "secret")), repr(built("postmark", hello()))]
    shown.append(repr(built("smtp", hello())))
    with pytest.raises(InvalidMessage) as caught:
        hello(cc="ann@@example.com")
    for text in [*shown, str(caught.value), repr(caught.value.errors)]:
        assert not any(word in text for word in ["ann", "example", "secret", "Hello"]), text


def settings(kind: str) -> Provider:
    return Provider(
        kind,
        "AKIDEXAMPLE:wJalrXUtnFEMI",
        base_url={"smtp": "smtps://mail.example:465", "ses": "https://email.eu-west-1.amazonaws.com"}.get(
            kind, "https://esp.example"
        )
        if kind in ("smtp", "ses", "sandbox")
        else None,
        domain="mg.shop.example",
        account_id="acc",
        region="eu-west-1",
    )


def built(kind: str, message: Message) -> Any:  # noqa: ANN401
    return settings(kind).build(message, "order-42", NOON)


@pytest.mark.parametrize("kind", [kind for kind in PROVIDERS if kind != "cloudflare_binding"])
def test_every_provider_builds_a_call_that_holds_the_message(kind: str) -> None:
    message = hello(html_body="<p>Hello</p>")
    call, again = built(kind, message), built(kind, message)
    assert call == again
    if isinstance(call, SmtpRequest):
        assert (call.host, call.port, call.security) == ("mail.example", 465, "implicit")
        assert (call.sender, call.recipients) == ("a@shop.example", ["ann@example.com"])
        assert call.login == ("AKIDEXAMPLE", "wJalrXUtnFEMI")
        assert b"\r\nSubject: Hi\r\n" in b"\r\n" + call.data
        return
    assert isinstance(call, HttpRequest)
    assert call.method == "POST"
    assert call.url.startswith("https://")
    assert b"ann" in call.body
    assert b"Hello" in call.body
    assert "Content-Type" in call.headers
    assert hash(call) == hash(again)


def test_postmarks_call_is_postmarks() -> None:
    call = Provider("postmark", "token").build(hello(tags=["receipt"]), "order-42", NOON)
    assert isinstance(call, HttpRequest)
    assert call.url == "https://api.postmarkapp.com/email"
    assert call.headers["X-Postmark-Server-Token"] == "token"
    body = json.loads(call.body)
    assert (body["From"], body["To"], body["Subject"]) == ("a@shop.example", "ann@example.com", "Hi")
    assert (body["TextBody"], body["Tag"]) == ("Hello", "receipt")


def test_a_batch_is_one_call_with_a_message_each() -> None:
    postmark = Provider("postmark", "token")
    call = postmark.build_batch([(hello(), "one"), (hello(), "two")], NOON)
    assert isinstance(call, HttpRequest)
    assert call.url == "https://api.postmarkapp.com/email/batch"
    assert len(json.loads(call.body)) == 2
    answer = json.dumps([{"ErrorCode": 0, "MessageID": "m-1", "Message": "OK"}, {"ErrorCode": 406, "Message": "No"}])
    first, second = postmark.classify_batch(200, {}, answer.encode(), 2, NOON)
    assert (first.outcome, first.provider_message_id) == ("accepted", "m-1")
    assert (second.outcome, second.provider_code) == ("recipient_suppressed", "406")
    with pytest.raises(SendgateError, match="at most 500") as caught:
        postmark.classify_batch(200, {}, b"[]", 501, NOON)
    assert caught.value.code == "provider_incomplete"


def test_what_a_provider_lacks_is_named() -> None:
    message = hello(tags=["one", "two"])
    assert Provider("postmark", "token").gaps(message) == ["more than one tag"]
    with pytest.raises(UnsupportedFeature) as caught:
        Provider("postmark", "token").build(message, "order-42", NOON)
    assert (caught.value.code, caught.value.feature) == ("unsupported_feature", "more than one tag")
    assert caught.value.provider == "postmark"


def test_settings_that_cannot_be_are_errors() -> None:
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: Provider("mail.ru"), "unknown_variant"),
        (lambda: Provider("postmark", "token", base_url="http://esp.example"), "provider_incomplete"),
        (lambda: Provider("mailgun", "key").build(hello(), "id", NOON), "provider_incomplete"),
        (lambda: Provider("postmark", "").build(hello(), "id", NOON), "invalid_header_value"),
        (lambda: Provider("postmark", "token").build(hello(), "an id", NOON), "invalid_header_value"),
        (lambda: settings("cloudflare_binding").build(hello(), "id", NOON), "provider_incomplete"),
    ]
    for make, code in cases:
        with pytest.raises(SendgateError) as caught:
            make()
        assert caught.value.code == code


def test_answers_have_a_class_and_an_instant() -> None:
    resend = Provider("resend", "re_test")
    taken = resend.classify(200, [("Content-Type", "application/json")], b'{"id":"r-1"}', NOON)
    assert (taken.outcome, taken.provider_message_id, taken.status) == ("accepted", "r-1", 200)
    later = resend.classify(429, {"retry-after": "2"}, b'{"name":"rate_limit_exceeded"}', NOON)
    assert (later.outcome, later.retry_at, later.provider_code) == ("throttled", NOON + 2_000, "rate_limit_exceeded")
    assert resend.classify(299, {}, b"\xff", NOON).outcome == "unknown"
    assert repr(later) == "Answer(outcome='throttled', retry_at=1800000002000)"


def resend_report(secret: bytes, body: bytes) -> dict[str, str]:
    """Svix: HMAC-SHA-256 over id, seconds and body with dots between."""
    seconds = str(NOON // 1_000)
    signature = hmac.digest(secret, b".".join([b"msg_1", seconds.encode(), body]), hashlib.sha256)
    return {
        "svix-id": "msg_1",
        "svix-timestamp": seconds,
        "svix-signature": "v1," + base64.b64encode(signature).decode(),
    }


def test_reports_are_verified_and_read() -> None:
    secret = b"0123456789abcdef01234567"
    body = json.dumps(
        {
            "type": "email.delivered",
            "created_at": "2027-01-15T08:00:00.000Z",
            "data": {"email_id": "r-1", "to": ["ann@example.com"], "created_at": "2027-01-15T08:00:00.000Z"},
        }
    ).encode()
    headers, secrets = resend_report(secret, body), ["whsec_" + base64.b64encode(secret).decode()]
    events = Provider("resend").parse_webhook(headers, body, NOON, secrets=secrets)
    assert isinstance(events, list)
    (event,) = events
    assert isinstance(event, Event)
    assert (event.kind, event.provider, event.provider_message_id) == ("delivered", "resend", "r-1")
    assert event.recipient == "ann@example.com"
    for changed, given, now, code in [
        (body + b" ", headers, NOON, "webhook_wrong_signature"),
        (body, {}, NOON, "webhook_unsigned"),
        (body, headers, NOON + 86_400_000, "webhook_stale"),
    ]:
        with pytest.raises(WebhookRefused) as caught:
            Provider("resend").parse_webhook(given, changed, now, secrets=secrets)
        assert caught.value.code == code


def test_every_exception_is_a_sendgate_error_and_a_value_error() -> None:
    for kind in [InvalidMessage, UnsupportedFeature, WebhookRefused]:
        assert issubclass(kind, SendgateError)
        assert issubclass(kind, ValueError)
    assert sendgate.PROVIDERS[0] == "sendgrid"
