"""Plans, simulations and lint from Python: what the limits say by hand (R152, R055), and frozen values."""

import pickle
from typing import Any

import pytest
import sendgate
from sendgate import Finding, LimitId, Message, Provider, Stretch, Waiting, lint, plan, simulate

START = 1_796_119_200_000
"""2026-12-01T10:00:00Z."""
FOURTEEN: dict[str, Any] = {
    "providers": [{"kind": "sandbox", "base_url": "http://127.0.0.1:9", "credential": "K"}],
    "sending": {"per_second": 14, "per_minute": 800},
}


def test_a_plan_says_when_and_which_limit() -> None:
    told = plan(FOURTEEN, 28, now_ms=START)
    assert (told.started_at, told.first_at, told.finished_at) == (START, START, START + 1000)
    assert told.departures == [START] * 14 + [START + 1000] * 14
    (bound,) = told.bounds
    assert bound.limit == LimitId("account", "sending", "sending-second", 14, "messages")
    assert (bound.from_at, bound.until_at, bound.waited_ms) == (START, START + 1000, 1000)
    assert told.waiting == Waiting(0, 1000, 1000, 1000)
    assert (told.messages, told.sent, told.refused, told.held, told.calls, told.attempts) == (28, 28, 0, 0, 28, 28)
    assert told == plan(FOURTEEN, {"count": 28}, now_ms=START) and hash(told) == hash(plan(FOURTEEN, 28, now_ms=START))
    assert told != plan(FOURTEEN, 29, now_ms=START) and "28 messages" in repr(told)
    assert plan(Provider("postmark", "x"), 10, now_ms=START).finished_at == START


def test_a_ramp_goes_on_at_midnight() -> None:
    """R152: 100 on the first day, 316 on the second (the ramp named standard)."""
    free = {name: value for name, value in FOURTEEN.items() if name != "sending"}
    midnight = START + 14 * 3_600_000
    told = plan(free, 416, ramp="standard", now_ms=START)
    assert (told.finished_at, told.timeline[0].limit.window) == (midnight, "day 1")
    stages = [{"tier": "high", "caps": [10, 20]}]
    own = {"as_of": "2026-01-01", "source": "document 1", "max_growth_permille": 2000, "stages": stages}
    assert plan(free, 30, ramp=own, now_ms=START).finished_at == midnight
    assert plan(free, 30, ramp=own, ramp_day=3, now_ms=START).finished_at == START, "the ramp is over"


def test_a_simulation_without_faults_is_the_plan() -> None:
    assert simulate(FOURTEEN, 100, seed=7, now_ms=START) == plan(FOURTEEN, 100, now_ms=START)
    faults = {"latency_ms": [10, 90], "refused_permille": 1000}
    told = simulate(FOURTEEN, 20, faults=faults, now_ms=START)
    assert (told.sent, told.refused) == (0, 20)


def test_what_never_leaves_is_named() -> None:
    (one,) = plan({**FOURTEEN, "quotas": [{"period": "day", "limit": 2}]}, {"count": 5, "recipients": 3}).never
    assert one == (LimitId("quota", "account", "day", 2, "recipients"), 5)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: plan(FOURTEEN, 0), "traffic_out_of_range"),
        (lambda: plan(FOURTEEN, {"cuont": 1}), "malformed_traffic"),
        (lambda: plan(FOURTEEN, 1, ramp="standrd"), "unknown_entry"),
        (lambda: simulate(FOURTEEN, 1, faults={"failed_permille": 1001}), "traffic_out_of_range"),
        (lambda: lint(provider="postmrk"), "unknown_variant"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(call: Any, code: str) -> None:  # noqa: ANN401 - any of the functions
    with pytest.raises(sendgate.SendgateError) as raised:
        call()
    assert raised.value.code == code


def test_lint_takes_what_is_read_and_what_cannot_be() -> None:
    letter = Message(from_="a@shop.example", to="b@example.com", subject="S", html_body="<p>", class_="bulk")
    codes = [one.code for one in lint(letter)]
    assert codes == ["missing_unsubscribe", "html_without_text", "no_postal_address_configured"]
    several = lint([letter, {"from": "a@shop.example"}])
    assert {one.field.partition(".")[0] for one in several} == {"messages[0]", "messages[1]"}
    assert lint(account=FOURTEEN) == []
    (found,) = lint(account={**FOURTEEN, "sending": {"per_second": 14, "per_minute": 840}})
    assert (found.code, found.severity, found.field) == ("limit_never_binds", "warning", "sending")
    assert [one.code for one in lint(account={})] == ["invalid_config"]
    falling = {"as_of": "2026-01-01", "source": "document 1", "max_growth_permille": 2000}
    assert lint(ramp={**falling, "stages": [{"tier": "high", "caps": [2, 1]}]})[0].code == "ramp_invalid"


def test_values_can_be_kept() -> None:
    limit = LimitId("account", "sending", "second", 14, "messages")
    for value in (limit, Stretch(limit, 1, 2, 1), Waiting(1, 2, 3, 4), Finding("c", "note", "f", "d", "s")):
        assert pickle.loads(pickle.dumps(value)) == value and hash(value) == hash(pickle.loads(pickle.dumps(value)))
        with pytest.raises(AttributeError):
            value.code = "other"  # type: ignore[union-attr,misc]
