"""What the runners in Python share: reading tests/vectors, comparing, counting.

A suite's file is ``{"suite": ..., "cases": [{"id": ..., "comment": ..., ..., "want": ...}]}``; a case with steps has a
``want`` in each step instead. A runner gives each case to its engines and gets back what came out, in the shape of
``want`` or as a list with one element a step.

The first engine answers every case as JSON. A second one, through the typed API, answers those whose operations that
API has. A case passes when all that answered it did so as wanted.

Called with ``in FILE`` or ``out FILE`` a runner exchanges states with Rust instead, through the typed limiter: see
core/examples/exchange.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

Json = Any
Case = dict[str, Any]
Engine = Callable[[str, Case], Json]

DIRECTORY = Path(__file__).parents[1] / "vectors"

# Every suite there is. A file that is not named here, and a name without its file, both fail a runner.
SUITES = ("address", "backoff", "calendar", "gate", "hold", "lease", "ledger", "limiter", "outcome")


class Stop(Exception):
    """The vectors cannot be run as they are."""


class Absent(Exception):
    """This engine's API does not have the operation; the case is answered as JSON."""


def load() -> dict[str, list[Case]]:
    """The cases of all suites."""
    found = {path.name.removesuffix(".json") for path in DIRECTORY.glob("*.json") if ".schema." not in path.name}
    if found != set(SUITES):
        raise Stop(f"tests/vectors holds {sorted(found)}, the runners know {sorted(SUITES)}")
    return {suite: cases_of(DIRECTORY / f"{suite}.json", suite) for suite in SUITES}


def cases_of(file: Path, suite: str) -> list[Case]:
    """The cases of one file."""
    held = json.loads(file.read_text(encoding="utf-8"))
    cases: list[Case] = held["cases"]
    if held["suite"] != suite or not cases or held["total"] != len(cases):
        raise Stop(f"{file.name} is not the suite {suite}, empty, or says another total than it holds")
    if len({case["id"] for case in cases}) != len(cases):
        raise Stop(f"{file.name} has two cases of one id")
    return cases


def main(evaluated: Engine, typed: Mapping[str, Engine]) -> None:
    """Runs what the command line asks for, and ends the process."""
    match sys.argv[1:]:
        case []:
            run(evaluated, typed)
        case ["in", file]:
            states_in(Path(file), typed["limiter"])
        case ["out", file]:
            states_out(Path(file), typed["limiter"])
        case _:
            raise Stop("usage: run.py [in FILE | out FILE]")


def run(evaluated: Engine, typed: Mapping[str, Engine]) -> None:
    """Runs every case of every suite, prints the counts and ends the process."""
    passed = failed = both = 0
    loaded = load()
    for suite, cases in loaded.items():
        for case in cases:
            good = _holds(evaluated, suite, case)
            if suite in typed:
                try:
                    good = _holds(typed[suite], suite, case) and good
                    both += 1
                except Absent:
                    pass
            passed, failed = (passed + 1, failed) if good else (passed, failed + 1)
    print(f"of them through the typed functions as well: {both}")
    _end("vectors", passed, failed, sum(len(cases) for cases in loaded.values()))


def states_in(file: Path, limiter: Engine) -> None:
    """States that Rust made, and the decisions that have to follow."""
    cases = cases_of(file, "limiter")
    passed = sum(_holds(limiter, "limiter", case) for case in cases)
    _end("states from Rust", passed, len(cases) - passed, len(cases))


def states_out(file: Path, limiter: Engine) -> None:
    """States made here: prints what came out, a line a step, for Rust to go on from."""
    for case in cases_of(file, "limiter"):
        print("case", case["id"])
        for answer in limiter("limiter", case):
            print(canonical(answer))


def _end(what: str, passed: int, failed: int, total: int) -> None:
    if passed + failed != total:
        print(f"the files hold {total} cases")
    print(f"{what}: {passed} passed, {failed} failed, 0 skipped")
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
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class Limiter(Protocol):
    """What a binding's limiter does, with answers in the vectors' shape."""

    def decide(self, cost: int, now: int) -> Json: ...
    def peek(self, cost: int, now: int) -> Json: ...
    def charge(self, cost: int, now: int) -> int: ...
    def refund(self, cost: int, charged_at: int, now: int) -> None: ...
    def usage(self, now: int) -> Json: ...
    def state(self) -> bytes: ...
    def load(self, state: bytes) -> str | None: ...


# The steps that a typed limiter has.
TYPED_STEPS = frozenset({"decide", "peek", "charge", "refund", "usage", "state", "load"})


def is_typed(case: Case) -> bool:
    """Whether a typed limiter has all steps of the case."""
    return all(step["op"] in TYPED_STEPS for step in case.get("steps", []))


def limiter_case(case: Case, make: Callable[[str], Limiter | str]) -> Json:
    """Performs a limiter case's steps; ``make`` and ``load`` give an error's code as a str."""
    if not is_typed(case):
        raise Absent
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
