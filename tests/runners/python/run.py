"""The vectors through the installed wheel: all suites as JSON, two of them through the typed API as well."""

import importlib
import json
from typing import Any, assert_never

import sendgate
import vectors
from sendgate import Allow, Backoff, Defer, Exhausted, Reject, RetryAt, SendgateError
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


def evaluated(suite: str, case: Case) -> Json:
    """What the core answers to the case as JSON, through the wheel."""
    return json.loads(_sendgate._evaluate(suite, json.dumps(case)))


vectors.main(evaluated, {"limiter": limiter, "backoff": backoff})
