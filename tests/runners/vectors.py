"""What the runners in Python share: reading tests/vectors, comparing, counting.

A suite's file is ``{"suite": ..., "cases": [{"id": ..., "comment": ..., ..., "want": ...}]}``; a case with steps has a
``want`` in each step instead. A runner gives each case to its engine and gets back what came out, in the shape of
``want`` or as a list with one element a step.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Json = Any
Case = dict[str, Any]
Engine = Callable[[str, Case], Json]

DIRECTORY = Path(__file__).parents[1] / "vectors"

# Every suite there is. A file that is not named here, and a name without its file, both fail a runner.
SUITES = ("address", "backoff", "calendar", "gate", "hold", "lease", "limiter", "outcome")


class Stop(Exception):
    """The vectors cannot be run as they are."""


def load(suites: Sequence[str]) -> dict[str, list[Case]]:
    """The cases of these suites."""
    found = {path.name.removesuffix(".json") for path in DIRECTORY.glob("*.json") if ".schema." not in path.name}
    if found != set(SUITES):
        raise Stop(f"tests/vectors holds {sorted(found)}, the runners know {sorted(SUITES)}")
    return {suite: _cases(suite) for suite in suites}


def _cases(suite: str) -> list[Case]:
    held = json.loads((DIRECTORY / f"{suite}.json").read_text(encoding="utf-8"))
    cases: list[Case] = held["cases"]
    if held["suite"] != suite or not cases or held.get("total", len(cases)) != len(cases):
        raise Stop(f"{suite}.json is not the suite {suite}, empty, or says another total than it holds")
    if len({case["id"] for case in cases}) != len(cases):
        raise Stop(f"{suite}.json has two cases of one id")
    return cases


def run(engines: Mapping[str, Sequence[Engine]]) -> None:
    """Runs every case of each suite on all engines given for it, prints the counts and ends the process."""
    loaded = load(tuple(engines))
    passed = failed = 0
    for suite, cases in loaded.items():
        for case in cases:
            if all([_holds(engine, suite, case) for engine in engines[suite]]):
                passed += 1
            else:
                failed += 1
    total = sum(len(cases) for cases in loaded.values())
    if passed + failed != total:
        print(f"the files hold {total} cases")
    print(f"vectors: {passed} passed, {failed} failed, 0 skipped")
    sys.exit(0 if passed == total > 0 else 1)


def _holds(engine: Engine, suite: str, case: Case) -> bool:
    want, got = canonical(wanted(case)), canonical(engine(suite, case))
    if want != got:
        print(f"{suite} {case['id']} ({case['comment']}), {engine.__name__}:\n  want {want}\n  got  {got}")
    return want == got


def wanted(case: Case) -> Json:
    """What a case wants, or what its steps want."""
    return case["want"] if "want" in case else [step["want"] for step in case["steps"]]


def canonical(value: Json) -> str:
    """JSON text that is equal when the values are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


class Limiter(Protocol):
    """What a binding's limiter does, with answers in the vectors' shape."""

    def decide(self, cost: int, now: int) -> Json: ...
    def peek(self, cost: int, now: int) -> Json: ...
    def charge(self, cost: int, now: int) -> int: ...
    def refund(self, cost: int, charged_at: int, now: int) -> None: ...
    def usage(self, now: int) -> Json: ...
    def state(self) -> bytes: ...
    def load(self, state: bytes) -> str | None: ...


def limiter_case(case: Case, make: Callable[[str], Limiter | str]) -> Json:
    """Performs a limiter case's steps; ``make`` and ``load`` give an error's code as a str."""
    limiter = make(json.dumps(case["policy"]))
    if isinstance(limiter, str):
        return {"error": limiter}
    return [_step(limiter, step) for step in case.get("steps", [])]


def _step(limiter: Limiter, step: dict[str, Any]) -> Json:
    now = int(step.get("now", 0))
    match step["op"]:
        case "decide":
            return limiter.decide(step["cost"], now)
        case "peek":
            return limiter.peek(step["cost"], now)
        case "charge":
            return {"charged_at": limiter.charge(step["cost"], now)}
        case "refund":
            limiter.refund(step["cost"], int(step["charged_at"]), now)
            return {"refunded": True}
        case "usage":
            return limiter.usage(now)
        case "state":
            return {"hex": limiter.state().hex()}
        case "load":
            code = limiter.load(bytes.fromhex(step["hex"]))
            return {"error": code} if code else {"loaded": True}
        case unknown:
            raise Stop(f"a limiter case has the unknown step {unknown}")


def window_names(policy: str) -> list[str]:
    """What the windows of a policy are called, in order."""
    return [window["name"] for window in json.loads(policy)["windows"]]
