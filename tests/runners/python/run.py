"""The vectors through the installed wheel: all suites as JSON, four of them through the typed API as well."""

import importlib
import json
from typing import Any, assert_never

import sendgate
import vectors
from sendgate import (
    Allow,
    Backoff,
    Binding,
    Defer,
    Deferred,
    Exhausted,
    Occupied,
    Passed,
    QuotaExceeded,
    Refused,
    Reject,
    RetryAt,
    SendgateError,
    Standing,
)
from vectors import Case, Json

# Private, and so without stubs.
_sendgate: Any = importlib.import_module("sendgate._sendgate")


class Typed:
    """The wheel's limiter, its answers in the vectors' shape."""

    def __init__(self, policy: str) -> None:
        self.limiter = sendgate.Limiter(policy)
        self.names = vectors.window_names(policy)

    def decide(self, cost: int, now: int) -> Json:
        return self._shape(self.limiter.decide(cost, now))

    def peek(self, cost: int, now: int) -> Json:
        return self._shape(self.limiter.peek(cost, now))

    def charge(self, cost: int, now: int) -> int:
        return self.limiter.charge(cost, now)

    def refund(self, cost: int, charged_at: int, now: int) -> None:
        self.limiter.refund(cost, charged_at, now)

    def usage(self, now: int) -> Json:
        fields = ("limit", "used", "remaining", "next_at", "full_at")
        return [{field: getattr(usage, field) for field in fields} for usage in self.limiter.usage(now)]

    def state(self) -> bytes:
        return self.limiter.state

    def load(self, state: bytes) -> str | None:
        try:
            self.limiter.load(state)
        except SendgateError as error:
            return error.code
        return None

    def _shape(self, decision: Allow | Defer | Reject) -> Json:
        match decision:
            case Allow(charged_at):
                return {"allow": {"charged_at": charged_at}}
            case Defer(retry_at, window):
                return {"defer": {"retry_at": retry_at, "window": self.names[window]}}
            case Reject(window):
                return {"reject": {"window": self.names[window]}}
            case never:
                assert_never(never)


def made(policy: str) -> Typed | str:
    """The limiter of a policy, or the code of its error."""
    try:
        return Typed(policy)
    except SendgateError as error:
        return error.code


def limiter(suite: str, case: Case) -> Json:
    """What the public Limiter answers."""
    return vectors.limiter_case(case, made)


def backoff(suite: str, case: Case) -> Json:
    """What the public Backoff answers."""
    hint = case.get("hint")
    hint_ms = None if hint is None else int(hint)
    policy = Backoff(**case["policy"])
    match policy.next(case["attempts"], int(case["entropy"]), int(case["now"]), hint_ms=hint_ms):
        case RetryAt(retry_at):
            return {"at": retry_at}
        case Exhausted(attempts):
            return {"exhausted": {"attempts": attempts}}


def gate(suite: str, case: Case) -> Json:
    """What the public Gate answers."""
    try:
        made = sendgate.Gate(case["dimensions"])
    except SendgateError as error:
        return {"error": error.code}
    return [gate_step(made, step) for step in case.get("steps", [])]


def gate_step(made: sendgate.Gate, step: dict[str, Any]) -> Json:
    now = int(step["now"])
    if step["op"] == "charge":
        costs = [step["cost"] if place == step["dimension"] else 0 for place in range(len(made))]
        return {"charged_at": made.charge(costs, now)[step["dimension"]]}
    costs, status, held = step["costs"], step.get("status", "active"), step.get("held", 0)
    match step["op"]:
        case "decide":
            return verdict(made.decide(costs, now, status=status))
        case "peek":
            return verdict(made.peek(costs, now, held=held, status=status))
        case "explain":
            return [standing(told) for told in made.explain(costs, now, held=held, status=status)]
        case unknown:
            raise vectors.Stop(f"a gate case has the unknown step {unknown}")


def named(binding: Binding | None) -> dict[str, Json]:
    return {} if binding is None else {"scope": binding.scope, "name": binding.name, "window": binding.window}


def verdict(said: Passed | Deferred | Occupied | Refused) -> Json:
    match said:
        case Passed():
            return {"allow": True}
        case Deferred(retry_at, binding):
            return {"defer": {**named(binding), "retry_at": retry_at}}
        case Occupied(binding):
            return {"occupied": named(binding)}
        case Refused(reason, of):
            return {"reject": {**named(of), "reason": reason}}
        case never:
            assert_never(never)


def standing(told: Standing) -> Json:
    fields = ("scope", "name", "unit", "window", "limit", "used", "remaining", "next_at", "full_at")
    shown = {field: getattr(told, field) for field in fields}
    # What costs nothing fits as often as a number of 32 bits can say.
    return {**shown, "slack": 2**32 - 1 if told.slack is None else told.slack, "binding": told.is_binding}


def ledger(suite: str, case: Case) -> Json:
    """What the public Ledger answers."""
    answers: list[Json] = []
    try:
        held = ledger_of(case)
    except SendgateError as error:
        return {"error": error.code}
    for step in case.get("steps", []):
        answer, held = ledger_step(held, step)
        answers.append(answer)
    return answers


def ledger_of(terms: dict[str, Any]) -> sendgate.Ledger:
    # A limit above 2^53 is its digits.
    quotas = [{"period": quota["period"], "limit": int(quota["limit"])} for quota in terms["quotas"]]
    return sendgate.Ledger(quotas, terms["time_zone"], overdelivery=terms.get("overdelivery"))


def ledger_step(held: sendgate.Ledger, step: dict[str, Any]) -> tuple[Json, sendgate.Ledger]:
    units, now = int(step.get("units", 0)), int(step.get("now", 0))
    match step["op"]:
        case "reserve":
            foreseen = held.peek(units, now)
            try:
                return {"reserved": held.reserve(units, now).text}, held
            except QuotaExceeded as spent:
                assert foreseen is not None and foreseen.code == spent.code
                told = {"code": spent.code, "period": spent.period, "free": spent.free, "retry_at": spent.retry_at}
                return {"refused": told}, held
        case "commit":
            held.commit(sendgate.Reservation(step["reservation"]), units, now)
            return {"committed": True}, held
        case "release":
            held.release(sendgate.Reservation(step["reservation"]), units, now)
            return {"released": True}, held
        case "usage":
            fields = ("period", "limit", "reserved", "committed", "free", "over", "resets_at")
            return [{field: getattr(usage, field) for field in fields} for usage in held.usage(now)], held
        case "load":
            try:
                loaded = ledger_of(step)
                loaded.load(bytes.fromhex(step["hex"]) if step.get("hex") is not None else held.state)
            except SendgateError as error:
                return {"error": error.code}, held
            return {"loaded": True}, loaded
        case "parse":
            try:
                read = sendgate.Reservation(step["text"])
            except SendgateError as error:
                return {"error": error.code}, held
            return {"units": read.units, "reserved_at": read.reserved_at, "printed": str(read)}, held
        case unknown:
            raise vectors.Stop(f"a ledger case has the unknown step {unknown}")


def evaluated(suite: str, case: Case) -> Json:
    """What the core answers to the case as JSON, through the wheel."""
    return json.loads(_sendgate._evaluate(suite, json.dumps(case)))


vectors.main(evaluated, {"limiter": limiter, "backoff": backoff, "gate": gate, "ledger": ledger})
