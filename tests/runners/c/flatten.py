"""Prints the vectors as the lines that vectors.c reads: C has no JSON in its library.

Without an argument every case of every suite, as JSON and, for the limiter and the backoff, as calls of the header's
functions. With a file of limiter cases only the calls: see core/examples/exchange.
"""

import sys
from pathlib import Path
from typing import Any

import vectors
from vectors import Case, Json, canonical


def main() -> None:
    match sys.argv[1:]:
        case []:
            suites = vectors.load()
            print("total", sum(len(cases) for cases in suites.values()))
            for suite, cases in suites.items():
                for case in cases:
                    print_case(suite, case)
        case [file]:
            cases = vectors.cases_of(Path(file), "limiter")
            print("total", len(cases))
            for case in cases:
                print("case", case["id"])
                print_limiter(case)
        case _:
            raise vectors.Stop("usage: flatten.py [FILE]")


def print_case(suite: str, case: Case) -> None:
    print("case", f"{suite}-{case['id']}")
    print("evaluate", suite, canonical(vectors.wanted(case)), canonical(case), sep="\t")
    if suite == "limiter" and vectors.is_typed(case):
        print_limiter(case)
    elif suite == "backoff":
        print_backoff(case)


def print_limiter(case: Case) -> None:
    print("limiter", canonical(case["policy"]))
    if "want" in case:
        print("malformed", case["want"]["error"])
        return
    print("accepted")
    names = [window["name"] for window in case["policy"]["windows"]]
    for step in case["steps"]:
        print(step["op"], *arguments(step), *(answer(step["op"], step["want"], names) if "want" in step else []))


def arguments(step: dict[str, Any]) -> list[Any]:
    """A step's own numbers, in the order of the C function."""
    given = [step[field] for field in ("cost", "charged_at", "now") if field in step]
    return [*given, step["hex"] or "-"] if step["op"] == "load" else given


def answer(op: str, want: Json, names: list[str]) -> list[Any]:
    """What the step has to answer."""
    if op == "usage":
        fields = ("limit", "used", "remaining", "next_at", "full_at")
        return [len(want), *(usage[field] for usage in want for field in fields)]
    if op == "refund":
        return []
    [(kind, value)] = want.items()
    match kind:
        case "allow":
            return ["allow", value["charged_at"]]
        case "defer":
            return ["defer", value["retry_at"], names.index(value["window"])]
        case "reject":
            return ["reject", names.index(value["window"])]
        case "loaded":
            return ["ok"]
        case "charged_at" | "hex" | "error":
            return [value]
        case unknown:
            raise vectors.Stop(f"a limiter case wants the unknown {unknown}")


def print_backoff(case: Case) -> None:
    policy = [case["policy"].get(field, "-") for field in ("base_ms", "cap_ms", "max_attempts", "jitter")]
    hint = "-" if case.get("hint") is None else case["hint"]
    want = case["want"]
    end = ["at", want["at"]] if "at" in want else ["exhausted", want["exhausted"]["attempts"]]
    print("backoff", *policy, case["attempts"], hint, case["entropy"], case["now"], *end)


main()
