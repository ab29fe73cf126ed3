"""The trace through the installed wheel: ``python trace.py TRACE LOG STATES``."""

import sys
from pathlib import Path
from typing import assert_never

from sendgate import Allow, Defer, Limiter, Limiters, Reject, Usage


def said(decision: Allow | Defer | Reject) -> str:
    match decision:
        case Allow(charged_at):
            return f"allow {charged_at}"
        case Defer(retry_at, window):
            return f"defer {retry_at} {window}"
        case Reject(window):
            return f"reject {window}"
        case never:
            assert_never(never)


def held(usage: list[Usage]) -> str:
    each = (f"{at.limit} {at.used} {at.remaining} {at.next_at} {at.full_at}" for at in usage)
    return " ".join(("usage", *each))


class Single:
    """A limiter, and when it was charged last."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.limiter = Limiter(policy)
        self.charged_at: int | None = None

    def perform(self, op: str, words: list[str]) -> str:
        if op == "s":
            state = self.limiter.state
            self.limiter = Limiter(self.policy)
            self.limiter.load(state)
            return f"state {state.hex()}"
        if op == "u":
            return held(self.limiter.usage(int(words[0])))
        cost, now = map(int, words)
        match op:
            case "d":
                decision = self.limiter.decide(cost, now)
                if isinstance(decision, Allow):
                    self.charged_at = decision.charged_at
                return said(decision)
            case "p":
                return said(self.limiter.peek(cost, now))
            case "c":
                self.charged_at = self.limiter.charge(cost, now)
                return f"charged {self.charged_at}"
            case "r":
                at, self.charged_at = self.charged_at, None
                if at is None:
                    return "nothing"
                self.limiter.refund(cost, at, now)
                return f"refunded {at}"
            case unknown:
                raise ValueError(f"the trace has the unknown operation {unknown}")


class Keyed:
    """A table, and which key was charged last, and when."""

    def __init__(self, keys: int, policy: str) -> None:
        self.keys = keys
        self.table = Limiters(policy)
        self.charged: tuple[str, int] | None = None

    def perform(self, op: str, words: list[str]) -> str:
        match op:
            case "D":
                decision = self.table.decide(words[0], int(words[1]), int(words[2]))
                if isinstance(decision, Allow):
                    self.charged = words[0], decision.charged_at
                return said(decision)
            case "P":
                return said(self.table.peek(words[0], int(words[1]), int(words[2])))
            case "R":
                charged, self.charged = self.charged, None
                if charged is None:
                    return "nothing"
                self.table.refund(charged[0], int(words[0]), charged[1], int(words[1]))
                return f"refunded {charged[1]}"
            case "B":
                admitted = self.table.admit_many(words[2:], int(words[0]), int(words[1]))
                return "batch " + "".join("1" if one else "0" for one in admitted)
            case "U":
                return held(self.table.usage(words[0], int(words[1])))
            case "S":
                state = self.table.state(words[0])
                return f"state {state.hex()} {int(self.table.load(words[1], state))}"
            case "E":
                before = len(self.table)
                return f"evicted {self.table.evict(None, int(words[0]))} of {before}"
            case unknown:
                raise ValueError(f"the trace has the unknown operation {unknown}")


def main(trace: str, log_file: str, state_file: str) -> None:
    limiters: list[Single] = []
    tables: list[Keyed] = []
    with Path(trace).open(encoding="ascii") as lines, Path(log_file).open("w", encoding="ascii") as log:
        for line in lines:
            op, place, *words = line.rstrip("\n").split(" ")
            match op:
                case "sendgate-trace":
                    pass
                case "limiter":
                    limiters.append(Single(" ".join(words)))
                case "table":
                    tables.append(Keyed(int(words[0]), " ".join(words[1:])))
                case _ if op.islower():
                    log.write(limiters[int(place)].perform(op, words) + "\n")
                case _:
                    log.write(tables[int(place)].perform(op, words) + "\n")
    states = [one.limiter.state.hex() for one in limiters]
    states += [one.table.state(f"k{key}").hex() for one in tables for key in range(one.keys)]
    Path(state_file).write_text("".join(f"{state}\n" for state in states), encoding="ascii")


main(*sys.argv[1:])
