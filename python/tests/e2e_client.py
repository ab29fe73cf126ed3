"""The client against Sendgate itself: scripts/with-server.sh names it."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sendgate import ApiError, Client
from sendgate.client import Request, Response, urllib_transport

URL, KEY = os.environ["SENDGATE_URL"], os.environ["SENDGATE_KEY"]


def letter(to: str, subject: str) -> dict[str, object]:
    return {"from": "orders@shop.example", "to": to, "subject": subject, "text_body": "It is on its way."}


def test_r243_to_r248_the_client_against_workerd() -> None:
    statuses: list[int] = []

    def transport(request: Request) -> Response:
        answer = urllib_transport(request)
        statuses.append(answer.status)
        return answer

    with Client(URL, KEY, transport=transport) as client:
        client.suppressions.add({"email": "gone@example.com", "reason": "unsubscribe"})
        statuses.clear()
        subjects = [("ann@example.com", "1"), ("gone@example.com", "2"), ("nobody", "3")]
        first, second, third = client.send_all([letter(to, subject) for to, subject in subjects])
        assert isinstance(first, dict) and isinstance(second, dict) and isinstance(third, ApiError)
        assert (first["status"], second["status"], third.code) == ("queued", "suppressed", "invalid_message")
        assert statuses == [202]
        assert first["message_id"] in str(client.message(first["message_id"]))

        once = [client.send(letter("ann@example.com", "4"), idempotency_key="py-4")["message_id"] for _ in range(2)]
        assert once[0] == once[1]

        report = client.suppressions.import_("email,reason\r\np@example.com,complaint\r\nno address,complaint\r\n")
        assert (report["read"], report["rejected"]) == (2, 1)
        assert [entry["email"] for entry in client.suppressions.all(reason="complaint")] == ["p@example.com"]
        client.suppressions.remove("p@example.com")
        with pytest.raises(ApiError) as caught:
            client.suppressions.get("p@example.com")
        assert (caught.value.code, caught.value.status) == ("not_found", 404)

        # Thirty at once, where the key may ask ten times a second.
        with ThreadPoolExecutor(max_workers=30) as pool:
            answers = list(pool.map(lambda _: client.limits(), range(30)))
        assert all(answer["limits"] for answer in answers)
        assert 429 not in statuses

        usage = client.usage()
        assert (client.usage(), statuses[-1]) == (usage, 304)
        assert client.check_limits({"messages": 3, "recipients": 5})["decision"] == "allow"

    with pytest.raises(ApiError) as caught:
        Client(URL, "sg_dev_k1_wrong_wrong").limits()
    assert (caught.value.code, caught.value.attempts) == ("invalid_key", 1)
