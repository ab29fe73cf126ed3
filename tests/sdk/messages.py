"""The messages of the differential tests, as Sendgate's own JSON. `python3 messages.py` prints them.

Each has an id, a few words on what it is for, and the message. They are written to be awkward: letters of many scripts,
names that need quotes, long header values, empty bodies, many files, many recipients.
"""

import base64
import json
import sys

FROM = {"address": "orders@shop.example", "name": "Zoë's Shop, Inc."}
ANN = {"address": "ann@example.com", "name": "Ann Ünïcode"}
BOB = {"address": "bob@example.net"}
TEXT = "Hello Ann,\nyour order is on its way. €5\n"
HTML = '<p>Hello <b>Ann</b> <img src="cid:logo1"></p>'


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def file(filename: str, content: bytes, content_type: str = "text/plain") -> dict:
    return {"filename": filename, "content_type": content_type, "content": b64(content)}


LOGO = {**file("logo.png", b"\x89PNG\r\n\x1a\n\x00\x01", "image/png"), "disposition": "inline", "content_id": "logo1"}


def message(**fields: object) -> dict:
    base = {"from": FROM, "to": [ANN], "subject": "Order #42 — confirmé ✓", "text_body": TEXT}
    base.update(fields)
    return {name: value for name, value in base.items() if value is not None}


def named(name: str) -> list[dict]:
    return [{"address": "ann@example.com", "name": name}]


def many(count: int) -> list[dict]:
    return [{"address": f"person{n}@example.net", "name": f"Person {n}"} for n in range(count)]


MESSAGES: dict[str, tuple[str, dict]] = {
    "text": ("text alone", message()),
    "html": ("HTML alone", message(text_body=None, html_body="<p>Hi</p>")),
    "both": ("text and HTML", message(html_body="<p>Hi</p>")),
    "plain-ascii": (
        "nothing but ASCII",
        message(**{"from": {"address": "orders@shop.example"}, "to": [BOB], "subject": "Hi", "text_body": "Hello"}),
    ),
    "name-comma": ("a name with a comma", message(to=named("Doe, Ann"))),
    "name-quotes": ("a name with quotes", message(to=named('Ann "Annie" Doe'))),
    "name-backslash": ("a name with a backslash", message(to=named("Ann \\ Doe"))),
    "name-brackets": ("a name with brackets and an at sign", message(to=named("Ann <ann@x> (home)"))),
    "name-semicolon": ("a name with a semicolon", message(to=named("Doe; Ann"))),
    "name-dot": ("a name with dots", message(to=named("Dr. Ann B. Doe"))),
    "name-cjk": ("a name in Chinese letters", message(to=named("王小明"), subject="订单四十二")),
    "name-arabic": ("a name from right to left", message(to=named("آن اونیکد"), subject="طلبك في الطريق")),
    "name-emoji": ("letters beyond the basic plane", message(to=named("Ann 🎉"), subject="🎉🎂 party")),
    "subject-long": ("a subject that has to be folded", message(subject="a long subject " * 30 + "end")),
    "subject-quotes": ("quotes, backslashes and angle brackets in the subject", message(subject='He said "<\\o/>"')),
    "text-empty": ("an empty text beside HTML", message(text_body="", html_body="<p>Hi</p>")),
    "html-empty": ("an empty HTML beside text", message(html_body="")),
    "text-crlf": ("line ends of both kinds", message(text_body="one\r\ntwo\nthree\r\n")),
    "text-dots": ("lines that begin with dots", message(text_body=".\n..\n.end\n")),
    "text-long-line": ("a line of 5,000 letters", message(text_body="x" * 5000)),
    "text-control": ("a tab and other white space", message(text_body="a\tb\u00a0c\u2028d")),
    "html-entities": (
        "HTML with entities and a style",
        message(html_body="<style>p{color:#f00}</style><p>&amp;&lt;€</p>"),
    ),
    "html-long-line": ("5,000 letters of HTML in a line", message(html_body="<p>" + "x" * 5000 + "</p>")),
    "html-document": (
        "a document with a head and a link",
        message(
            html_body="<!DOCTYPE html>\n<html><head><title>Order</title></head>\n"
            '<body><a href="https://shop.example/?a=1&amp;b=%2F">your order</a></body></html>\n'
        ),
    ),
    "to-two": ("two recipients", message(to=[ANN, BOB])),
    "to-cc": ("a copy", message(cc=[{"address": "cc@example.org", "name": 'Carbon "Copy"'}])),
    "to-bcc": ("a hidden copy", message(bcc=[{"address": "hidden@example.org"}])),
    "to-cc-bcc": (
        "everybody at once",
        message(to=[ANN, BOB], cc=[{"address": "cc@example.org"}], bcc=[{"address": "hidden@example.org"}]),
    ),
    "reply-to": ("answers elsewhere", message(reply_to=[{"address": "help@shop.example", "name": "Help"}])),
    "reply-to-two": (
        "answers to two",
        message(reply_to=[{"address": "help@shop.example", "name": "Hélp"}, {"address": "boss@shop.example"}]),
    ),
    "address-plus": ("a plus in the address", message(to=[{"address": "ann+tag@example.com"}])),
    "address-upper": ("capitals in the address", message(to=[{"address": "Ann.Doe@example.com"}])),
    "address-utf8": ("letters beyond ASCII in the address", message(to=[{"address": "jörg@example.com"}])),
    "to-50": ("fifty recipients", message(to=many(50))),
    "to-1000": ("a thousand recipients", message(to=many(1000))),
    "header": ("a header of one's own", message(headers={"X-Order-Id": "42"})),
    "headers-many": ("ten headers", message(headers={f"X-Field-{n}": f"value {n}" for n in range(10)})),
    "header-long": ("a header value that has to be folded", message(headers={"X-Trail": "step " * 60 + "end"})),
    "unsubscribe": (
        "one-click unsubscription (RFC 8058)",
        message(
            headers={
                "List-Unsubscribe": "<https://shop.example/u/42>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        ),
    ),
    "file": ("a file", message(attachments=[file("invoice.txt", "total: 5 €\n".encode())])),
    "file-name": ("a file name of many scripts", message(attachments=[file("Rechnung ä 発票.txt", b"x")])),
    "file-pdf": ("a file of another type", message(attachments=[file("a b.pdf", b"%PDF-1.7\n", "application/pdf")])),
    "file-binary": (
        "every byte there is",
        message(attachments=[file("all.bin", bytes(range(256)), "application/octet-stream")]),
    ),
    "file-large": (
        "300,000 bytes",
        message(attachments=[file("large.bin", bytes(range(250)) * 1200, "application/octet-stream")]),
    ),
    "file-inline": ("an image in the HTML", message(html_body=HTML, attachments=[LOGO])),
    "files-both": (
        "a file and an image",
        message(html_body=HTML, attachments=[file("invoice.txt", b"total: 5\n"), LOGO]),
    ),
    "files-ten": ("ten files", message(attachments=[file(f"file{n}.txt", f"file {n}\n".encode()) for n in range(10)])),
    "tag": ("a tag", message(tags=["receipt"])),
    "tags-three": ("three tags", message(tags=["receipt", "order", "vip"])),
    "metadata": ("metadata", message(metadata={"order": "42"})),
    "metadata-five": ("five pairs", message(metadata={f"key{n}": f"value{n}" for n in range(5)})),
    "metadata-text": ("a sentence of metadata", message(metadata={"note": "Zoë said: 5 €"})),
    "tag-metadata": ("a tag and metadata", message(tags=["receipt"], metadata={"order": "42", "tier": "gold"})),
    "tracking-opens": ("opens are tracked", message(html_body="<p>Hi</p>", tracking={"opens": True})),
    "tracking-clicks-off": ("clicks are not", message(html_body="<p>Hi</p>", tracking={"clicks": False})),
    "tracking-both": ("opens and clicks", message(html_body="<p>Hi</p>", tracking={"opens": True, "clicks": True})),
    "template": (
        "a template",
        message(subject=None, text_body=None, template={"id": "welcome", "data": {"name": "Ann", "count": 3}}),
    ),
    "template-dynamic": (
        "a template by an id of SendGrid's",
        message(
            subject=None,
            text_body=None,
            template={"id": "d-0123456789abcdef0123456789abcdef", "data": {"name": "Ann"}},
        ),
    ),
    "template-number": (
        "a template by a number",
        message(subject=None, text_body=None, template={"id": "42", "data": {"name": "Ann"}}),
    ),
    "template-nested": (
        "a template with lists",
        message(subject=None, text_body=None, template={"id": "welcome", "data": {"items": [{"n": 1}, {"n": 2}]}}),
    ),
    "stream": ("a stream", message(stream="broadcasts")),
    "whole": (
        "everything that most providers take",
        message(
            to=[ANN, BOB],
            cc=[{"address": "cc@example.org", "name": 'Carbon "Copy"'}],
            bcc=[{"address": "hidden@example.org"}],
            reply_to=[{"address": "help@shop.example", "name": "Help"}],
            html_body=HTML,
            headers={"X-Order-Id": "42", "List-Unsubscribe": "<https://shop.example/u/42>"},
            attachments=[file("invoice.txt", "total: 5 €\n".encode()), LOGO],
            tags=["receipt"],
            metadata={"order": "42", "tier": "gold"},
        ),
    ),
}


TWIN = "-and-html"
# Some providers take no text without HTML, so every text has a twin with both; the heavy ones need none.
HEAVY = {"to-1000", "file-large", "files-ten"}
MESSAGES |= {
    f"{name}{TWIN}": (f"{about}, beside HTML", {**body, "html_body": f"<p>{name} &#8364;</p>"})
    for name, (about, body) in MESSAGES.items()
    if "text_body" in body and "html_body" not in body and name not in HEAVY
}


def messages() -> list[dict]:
    return [{"id": name, "about": about, "message": body} for name, (about, body) in MESSAGES.items()]


if __name__ == "__main__":
    json.dump(messages(), sys.stdout, ensure_ascii=False)
