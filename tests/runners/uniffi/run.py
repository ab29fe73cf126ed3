"""The vectors through uniffi's Python bindings, which stand for all its languages; two suites typed as well."""

import importlib
import json
from pathlib import Path
from typing import Any

import vectors
from vectors import Case, Json

# The generated module, not the wheel of the same name: run.sh puts it first on the path.
sendgate: Any = importlib.import_module("sendgate")
assert "uniffi" in Path(sendgate.__file__).read_text(encoding="utf-8")


class Typed:
    """uniffi's limiter, its answers in the vectors' shape."""

    def __init__(self, policy: str) -> None:
        self.limiter = sendgate.Limiter(policy)
        self.names = vectors.window_names(policy)

    def decide(self, cost: int, now: int) -> Json:
        return self._shape(self.limiter.decide(cost, now))

    def peek(self, cost: int, now: int) -> Json:
        return self._shape(self.limiter.peek(cost, now))

    def charge(self, cost: int, now: int) -> int:
        charged_at: int = self.limiter.charge(cost, now)
        return charged_at

    def refund(self, cost: int, charged_at: int, now: int) -> None:
        self.limiter.refund(cost, charged_at, now)

    def usage(self, now: int) -> Json:
        fields = ("limit", "used", "remaining", "next_at", "full_at")
        return [{field: getattr(usage, field) for field in fields} for usage in self.limiter.usage(now)]

    def state(self) -> bytes:
        return bytes(self.limiter.state())

    def load(self, state: bytes) -> str | None:
        try:
            self.limiter.load(state)
        except sendgate.SendgateError.InvalidState as error:
            code: str = error.code
            return code
        return None

    def _shape(self, decision: Json) -> Json:
        if decision.is_ALLOW():
            return {"allow": {"charged_at": decision.charged_at}}
        if decision.is_DEFER():
            return {"defer": {"retry_at": decision.retry_at, "window": self.names[decision.window]}}
        assert decision.is_REJECT()
        return {"reject": {"window": self.names[decision.window]}}


def made(policy: str) -> Typed | str:
    """The limiter of a policy, or the code of its error."""
    try:
        return Typed(policy)
    except sendgate.SendgateError.InvalidPolicy as error:
        code: str = error.code
        return code


def limiter(suite: str, case: Case) -> Json:
    """What uniffi's Limiter answers."""
    return vectors.limiter_case(case, made)


def backoff(suite: str, case: Case) -> Json:
    """What uniffi's backoff_next answers."""
    policy = sendgate.default_backoff()
    for field, value in case["policy"].items():
        setattr(policy, field, sendgate.Jitter[value.upper()] if field == "jitter" else value)
    hint = case.get("hint")
    hint = None if hint is None else int(hint)
    retry = sendgate.backoff_next(policy, case["attempts"], hint, int(case["entropy"]), int(case["now"]))
    if retry.is_AT():
        return {"at": retry.retry_at}
    assert retry.is_EXHAUSTED()
    return {"exhausted": {"attempts": retry.attempts}}


def evaluated(suite: str, case: Case) -> Json:
    """What the core answers to the case as JSON, through uniffi."""
    return json.loads(sendgate.evaluate_vector(suite, json.dumps(case)))


assert sendgate.normalize_address("Ann@BÜCHER.example") == "ann@xn--bcher-kva.example"
vectors.main(evaluated, {"limiter": limiter, "backoff": backoff})
