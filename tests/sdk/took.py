"""Writes down the mails that the simulator's mail server took, as it took them.

    python3 took.py PORT SDK OUT

appends one JSON object a line: the case, which stands in the mail's Message-ID, the envelope, and the bytes (base64).
"""

import base64
import json
import sys
import urllib.request
from collections.abc import Iterator


def get(path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/sandbox/messages{path}") as answer:
        return answer.read()


def messages() -> Iterator[dict]:
    after: int | None = 0
    while after is not None:
        page = json.loads(get(f"?dialect=smtp&after={after}&limit=100"))
        yield from page["messages"]
        after = page["next"]


def main(sdk: str, out: str) -> None:
    with open(out, "a", encoding="utf-8") as file:
        for message in messages():
            request = message["request"]
            names = {header["name"].lower(): header["value"] for header in message["headers"]}
            case = names["message-id"].strip("<>").partition("@")[0].removeprefix("key-")
            line = {"case": f"{sdk}/smtp/{case}", "status": 250, "from": request["mail_from"]}
            line |= {"recipients": request["rcpt_to"], "smtputf8": request["smtputf8"]}
            line["message"] = base64.b64encode(get(f"/{message['id']}/bytes")).decode("ascii")
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[2], sys.argv[3])
