"""Compares Sendgate's requests with those of the official SDKs, as decoded values.

    python3 compare.py OURS THEIRS

OURS is what the example `requests` printed, THEIRS what record.py and took.py wrote. Every difference must be a row of
differences.toml, and every row must be met by a difference: a row that nothing meets is a story that stopped being
true. The last line counts cases: N passed, N failed, N skipped.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import decode
import mail
import tomllib
from messages import TWIN


@dataclass
class Row:
    """A difference that is meant: of which SDKs, providers and messages, at which key, and why."""

    sdk: str
    provider: str
    key: str
    reason: str
    messages: list[str] = field(default_factory=list)
    met: int = 0

    def covers(self, sdk: str, provider: str, message: str, key: str) -> bool:
        return (
            re.fullmatch(self.sdk, sdk) is not None
            and self.provider == provider
            and (not self.messages or message.removesuffix(TWIN) in self.messages)
            and re.fullmatch(self.key, key) is not None
        )


def lines(path: str) -> Iterator[dict]:
    with open(path, encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def main(ours_file: str, theirs_file: str) -> int:
    table = tomllib.loads((Path(__file__).parent / "differences.toml").read_text(encoding="utf-8"))
    rows = [Row(**row) for row in table["difference"]]
    ours = {(one["provider"], one["id"]): one for one in lines(ours_file) if "gaps" not in one}
    passed = failed = 0
    seen = set()
    for theirs in lines(theirs_file):
        sdk, provider, name = theirs["case"].split("/")
        seen.add((sdk, provider, name))
        unlisted = differing(flat(provider, ours[provider, name]), flat(provider, theirs), rows, (sdk, provider, name))
        if theirs["status"] >= 300:
            unlisted.append(f"the simulator answered {theirs['status']}: {theirs.get('answer')}")
        passed, failed = (passed + 1, failed) if not unlisted else (passed, failed + 1)
        for one in unlisted:
            print(f"{sdk} {provider} {name}: {one}")
    for row in rows:
        if row.met == 0:
            failed += 1
            print(f"no difference meets the row: {row.sdk} {row.provider} {row.key}")
    for provider, name in ours:
        for sdk in ("python", "node"):
            if (sdk, provider, name) not in seen:
                failed += 1
                print(f"{sdk} {provider} {name}: the SDK sent nothing")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return min(failed, 1)


def flat(provider: str, sent: dict) -> dict[str, str]:
    return mail.flat(sent) if provider == "smtp" else decode.flat(provider, sent)


def differing(ours: dict, theirs: dict, rows: list[Row], where: tuple[str, str, str]) -> list[str]:
    """The differences that no row lists."""
    unlisted = []
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) == theirs.get(key):
            continue
        covering = [row for row in rows if row.covers(*where, key)]
        for row in covering:
            row.met += 1
        if not covering:
            unlisted.append(f"{key}: ours {str(ours.get(key))[:300]}, theirs {str(theirs.get(key))[:300]}")
    return unlisted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
