"""R244, R246: single sends become requests; C11: nobody's outcome is lost; a retried time-out cannot send twice."""

import asyncio
import itertools
import threading
from typing import Any

import pytest
from sendgate import ApiError, AsyncClient, UnreachableError
from sendgate.client import Request, Response, Settings
from world import START, Json, Server, World, accept, always, answer, client, letter, messages_of, one_after_another


def generous(world: World, answers: Any) -> Server:  # noqa: ANN401 - a function of a request
    return Server(world, 1_000, 1_000, answers)


def sizes(server: Server) -> list[int]:
    return sorted((len(messages_of(request)) for request in server.requests), reverse=True)


def codes(outcomes: list[Json | ApiError]) -> list[str | None]:
    return [outcome.code if isinstance(outcome, ApiError) else None for outcome in outcomes]


class Held(World):
    """A world in which whoever waits for others to send waits until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def sleep_ms(self, wait_ms: int) -> None:
        self.go_on.wait()
        super().sleep_ms(wait_ms)


def test_r244_sends_of_one_moment_become_requests_of_at_most_the_limit() -> None:
    world = Held()
    server = generous(world, accept)
    with client(world, server, gathering=Settings(batch_max=100)) as polite:
        waiting = [polite.submit(letter(n)) for n in range(250)]
        world.go_on.set()
        assert [future.result()["message_id"] for future in waiting] == [f"msg_{n}" for n in range(250)]
    assert sizes(server) == [100, 100, 50]
    assert server.requests[0].url == "http://api.example/v1/send"


def test_r244_a_message_waits_for_others_no_longer_than_the_delay() -> None:
    world = World()
    server = generous(world, accept)
    with client(world, server, gathering=Settings(batch_delay_ms=25)) as polite:
        assert polite.send(letter(1))["message_id"] == "msg_1"
    assert (world.time - START, sizes(server)) == (25, [1])


def test_r244_a_flush_and_the_end_do_not_wait() -> None:
    world = Held()
    server = generous(world, accept)
    polite = client(world, server)
    first = polite.submit(letter(1))
    polite.flush()
    assert first.result()["status"] == "queued"
    second = polite.submit(letter(2))
    polite.flush()
    world.go_on.set()
    polite.close()
    assert second.result()["status"] == "queued"


def test_r244_a_request_is_bounded_in_bytes_too() -> None:
    world = Held()
    server = generous(world, accept)
    # '{"from":"a@shop.example","to":"b@example.com","subject":"x"}' has 60 bytes.
    with client(world, server, gathering=Settings(batch_bytes=120)) as polite:
        outcomes = polite.send_all([letter("x")] * 5)
        world.go_on.set()
    assert codes(outcomes) == [None] * 5
    assert sizes(server) == [2, 2, 1]


def test_r244_a_plans_smaller_limit_is_learned() -> None:
    world = Held()

    def answers(request: Request) -> Response:
        if request.url.endswith("/v1/limits"):
            return answer(200, {"limits": [{"name": "messages_per_request", "limit": 10}]})
        if len(messages_of(request)) <= 10:
            return accept(request)
        return answer(400, {"code": "too_many_messages", "window": "batch_max"})

    server = generous(world, answers)
    with client(world, server, gathering=Settings(batch_max=40)) as polite:
        outcomes = polite.send_all([letter(n) for n in range(40)])
        assert [outcome["message_id"] for outcome in outcomes if isinstance(outcome, dict)] == [
            f"msg_{n}" for n in range(40)
        ]
        assert sum(size > 10 for size in sizes(server)) == 3
        world.go_on.set()

    world = Held()
    server = generous(world, answers)
    with client(world, server, gathering=Settings(batch_max=40)) as told:
        told.limits()
        server.requests.clear()
        told.send_all([letter(n) for n in range(40)])
        world.go_on.set()
    assert sizes(server) == [10, 10, 10, 10]


def test_c11_a_message_that_is_refused_fails_alone() -> None:
    world = Held()

    def answers(request: Request) -> Response:
        flaw = {"field": "messages[1].to[0]", "code": "invalid_address", "detail": "no @"}
        refused = {"status": "rejected", "error": {"code": "invalid_message", "errors": [flaw]}}
        queued = {"message_id": "msg_0", "to": [], "status": "queued"}
        return answer(202, {"request_id": "req_1", "messages": [queued, refused, queued]})

    with client(world, generous(world, answers)) as polite:
        first, second, third = polite.send_all([letter(n) for n in range(3)])
        world.go_on.set()
    assert isinstance(first, dict) and isinstance(third, dict)
    assert isinstance(second, ApiError)
    assert (second.code, second.status, second.request_id) == ("invalid_message", 202, "req_1")
    assert second.errors[0]["field"] == "messages[0].to[0]"


def test_c11_of_a_request_that_is_refused_whole_who_is_not_at_fault_is_asked_again() -> None:
    world = Held()

    def answers(request: Request) -> Response:
        found = messages_of(request)
        bad = [place for place, message in enumerate(found) if int(message["subject"]) % 2]
        if 2 * len(bad) < len(found):
            return accept(request)
        # A refusal names the first flaws only.
        flaws = [{"field": f"messages[{n}].from", "code": "from_not_allowed", "detail": "not yours"} for n in bad[:3]]
        return answer(400, {"code": "invalid_message", "request_id": "req_2", "errors": flaws})

    with client(world, generous(world, answers)) as polite:
        outcomes = polite.send_all([letter(n) for n in range(20)])
        world.go_on.set()
    for n, outcome in enumerate(outcomes):
        if isinstance(outcome, ApiError):
            assert (outcome.code, outcome.errors[0]["field"], n % 2) == ("from_not_allowed", "messages[0].from", 1)
        else:
            assert outcome["message_id"] == f"msg_{n}"
    assert codes(outcomes[::2]) == [None] * 10


def test_c11_a_request_that_fails_to_the_end_drops_none_of_its_messages() -> None:
    world = World()
    with client(world, one_after_another([TimeoutError()] * 100)) as polite:
        outcomes = polite.send_all([letter(n) for n in range(7)])
    assert codes(outcomes) == ["unreachable"] * 7


def test_c11_an_answer_that_has_no_word_on_a_message_fails_that_message() -> None:
    world = Held()
    body = {"request_id": "req_1", "messages": [{"message_id": "msg_0", "status": "queued"}]}
    with client(world, always(202, body)) as polite:
        outcomes = polite.send_all([letter(0), letter(1)])
        world.go_on.set()
    assert codes(outcomes) == [None, "unknown_answer"]


def test_c11_retry_after_comes_first_with_full_jitter_after_it() -> None:
    world = World()
    answers = [answer(429, {"code": "rate_limit_exceeded"}, {"retry-after": "20"}), answer(202, {"messages": [{}]})]
    client(world, one_after_another(answers), random64=lambda: 2**63).send_batch([letter(1)])
    # Half of the 1,001 instants after the twenty seconds.
    assert world.time - START == 20_500


def test_a_retried_time_out_carries_the_same_idempotency_key() -> None:
    keys: list[str] = []

    def transport(request: Request) -> Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) < 3:
            raise TimeoutError
        return accept(request)

    random = itertools.count(1)
    polite = client(World(), transport, random64=lambda: next(random))
    polite.send_batch([letter(1)])
    polite.send_batch([letter(2)])
    assert len(set(keys[:3])) == 1
    assert keys[0] == "auto-00000000000000010000000000000002"
    assert keys[3] != keys[0]


def test_a_key_of_the_callers_own_goes_with_its_message_alone() -> None:
    world = Held()
    server = generous(world, accept)
    with client(world, server) as polite:
        others = [polite.submit(letter(n)) for n in range(2)]
        assert polite.send(letter(9), idempotency_key="order-9")["message_id"] == "msg_9"
        world.go_on.set()
        assert [future.result()["status"] for future in others] == ["queued"] * 2
    [own] = [request for request in server.requests if request.headers["idempotency-key"] == "order-9"]
    assert len(messages_of(own)) == 1


def test_r246_more_than_may_wait_is_refused_before_it_is_taken() -> None:
    world = Held()
    with client(world, generous(world, accept), gathering=Settings(max_pending=3)) as polite:
        waiting = [polite.submit(letter(n)) for n in range(3)]
        with pytest.raises(ApiError) as caught:
            polite.submit(letter(3))
        assert caught.value.code == "queue_full"
        world.go_on.set()
        for future in waiting:
            future.result()


def test_r246_ten_thousand_sends_at_once_keep_two_requests_a_second() -> None:
    world = World()
    server = Server(world, 2, 1_000, accept)
    with client(world, server, gathering=Settings(batch_delay_ms=0)) as polite:
        outcomes = polite.send_all([letter(n) for n in range(10_000)])
    assert codes(outcomes) == [None] * 10_000
    assert server.refused == 0


def test_asyncio_has_the_same() -> None:
    world = World()

    async def tour() -> list[Json]:
        options: Json = {"clock": world, "transport": Server(world, 1_000, 1_000, accept)}
        async with AsyncClient("http://api.example", "sg_k", **options) as polite:
            gathered = await asyncio.gather(*(polite.send(letter(n)) for n in range(20)))
            return [*gathered, await polite.send(letter(20), idempotency_key="k")]

    assert [outcome["message_id"] for outcome in asyncio.run(tour())] == [f"msg_{n}" for n in range(21)]


def test_every_call_goes_where_the_contract_has_it() -> None:
    seen: list[str] = []

    def transport(request: Request) -> Response:
        path = request.url.removeprefix("http://api.example")
        seen.append(f"{request.method} {path}" + ("" if request.body is None else f" {request.body.decode()}"))
        assert request.headers["authorization"] == "Bearer sg_k"
        if request.method == "DELETE" and "/suppressions/" in path:
            return answer(204)
        return answer(200, {"limits": [], "suppressions": [], "next": None})

    api = client(World(), transport)
    api.message("msg_1/2")
    api.messages(status="queued", limit=5)
    api.cancel("msg_1")
    api.reschedule("msg_1", "2026-12-01T10:00:00Z")
    api.send_bulk({"message": {}})
    api.check_limits({"recipients": 3})
    api.usage()
    api.alerts(after=3, limit=None)
    api.forget("a+b@example.com")
    assert list(api.suppressions.all(reason="manual")) == []
    api.suppressions.get("a+b@example.com")
    api.suppressions.add({"email": "a@example.com"})
    api.suppressions.update("a@example.com", {"active": False}, scope="class:bulk")
    api.suppressions.remove("a@example.com")
    api.suppressions.import_("email\r\na@example.com\r\n")
    api.suppressions.import_([{"email": "a@example.com"}])
    api.suppressions.export(format="json")
    assert seen == [
        "GET /v1/messages/msg_1%2F2",
        "GET /v1/messages?status=queued&limit=5",
        "POST /v1/messages/msg_1/cancel",
        'PATCH /v1/messages/msg_1 {"send_at":"2026-12-01T10:00:00Z"}',
        'POST /v1/send/bulk {"message":{}}',
        'POST /v1/limits/check {"recipients":3}',
        "GET /v1/usage",
        "GET /v1/alerts?after=3",
        "DELETE /v1/subjects/a%2Bb%40example.com",
        "GET /v1/suppressions?reason=manual",
        "GET /v1/suppressions/a%2Bb%40example.com",
        'POST /v1/suppressions {"email":"a@example.com"}',
        'PATCH /v1/suppressions/a%40example.com?scope=class%3Abulk {"active":false}',
        "DELETE /v1/suppressions/a%40example.com",
        "POST /v1/suppressions/import email\r\na@example.com\r\n",
        'POST /v1/suppressions/import [{"email":"a@example.com"}]',
        "GET /v1/suppressions/export?format=json",
    ]


def test_an_unreachable_send_says_that_nobody_knows() -> None:
    with client(World(), one_after_another([TimeoutError()] * 5)) as polite, pytest.raises(UnreachableError):
        polite.send(letter(1))
