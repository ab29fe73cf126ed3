"""Makes the changes of tests/drift and expects the rooms named for each to fail to compile. Called by scripts/drift.sh.

Before any change everything must compile. With a change the core must compile, and every room that is named must fail
by the error that is named, in its own code. The last line counts changes: N passed (noticed), N failed, N skipped.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import tomllib
from mutants import copied

CHECK = ["cargo", "check", "--locked", "--keep-going", "--message-format=json"]
#: The package of each room, and the target that it is compiled for when that is not this machine.
ROOMS = {
    "embed": ["-p", "sendgate-embed"],
    "ffi": ["-p", "sendgate-ffi"],
    "python": ["-p", "sendgate-python"],
    "javascript": ["-p", "sendgate-javascript"],
    "wasm": ["-p", "sendgate-worker", "--target", "wasm32-unknown-unknown"],
}

#: Of each room, the codes of its errors; `core` is the one that must have none.
Errors = dict[str, set[str]]


class Unnoticed(Exception):
    """What is wrong with a change, in a sentence."""


def main(root: Path, work: Path, part: str) -> int:
    every = tomllib.loads((root / "tests/drift/changes.toml").read_text(encoding="utf-8"))["change"]
    chosen = [change for change in every if part in change["name"]]
    if not chosen:
        sys.exit(f"error: no change's name contains {part!r}")
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"error: another run makes its changes in {work}")
        return run(copied(root, work / "tree"), chosen, len(every))


def run(tree: Path, chosen: list[dict[str, Any]], all_there_are: int) -> int:
    started = time.monotonic()
    if found := checked(tree, sorted({room for change in chosen for room in change["rooms"]})):
        sys.exit(f"error: without a change something does not compile: {found}")
    print(f"without a change everything compiles ({time.monotonic() - started:.0f} s)", flush=True)
    noticed = 0
    for change in chosen:
        begun = time.monotonic()
        try:
            how = make(tree, change)
            noticed += 1
        except Unnoticed as reason:
            how = f"NOT NOTICED: {reason}"
        print(f"{change['name']}: {how} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{noticed} passed, {len(chosen) - noticed} failed, {all_there_are - len(chosen)} skipped")
    return 0 if noticed == len(chosen) else 1


def make(tree: Path, change: dict[str, Any]) -> str:
    """How the rooms noticed."""
    originals: dict[Path, str] = {}
    try:
        for edit in change["edits"]:
            replace(tree, edit, originals)
        found = checked(tree, list(change["rooms"]))
    finally:
        for path, text in originals.items():
            path.write_text(text, encoding="utf-8")
    if "core" in found:
        raise Unnoticed(f"the core itself does not compile: {sorted(found['core'])}")
    for room, code in change["rooms"].items():
        if code not in found.get(room, set()):
            raise Unnoticed(f"{room} has no {code}, but {sorted(found.get(room, set())) or 'compiles'}")
    return "noticed by " + ", ".join(f"{room} ({code})" for room, code in change["rooms"].items())


def replace(tree: Path, edit: dict[str, Any], originals: dict[Path, str]) -> None:
    times = 0
    for path in sorted(tree.glob(edit["files"])):
        text = path.read_text(encoding="utf-8")
        changed, here = re.subn(edit["find"], lambda _: edit["put"], text)
        if here:
            originals.setdefault(path, text)
            path.write_text(changed, encoding="utf-8")
            times += here
    if times != edit.get("times", times) or times == 0:
        raise Unnoticed(f"{edit['find']!r} stands {times} times in {edit['files']}")


def checked(tree: Path, rooms: list[str]) -> Errors:
    """What the compiler says of these rooms. Rooms for this machine are compiled in one go."""
    here = [part for room in rooms if room != "wasm" for part in ROOMS[room]]
    errors: Errors = {}
    for packages in [here, ROOMS["wasm"] if "wasm" in rooms else []]:
        if packages:
            compiled(tree, packages, errors)
    return errors


def compiled(tree: Path, packages: list[str], errors: Errors) -> None:
    environment = {**os.environ, "CARGO_INCREMENTAL": "1"}
    done = subprocess.run([*CHECK, *packages], cwd=tree, env=environment, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        told = json.loads(line)
        if told["reason"] != "compiler-message" or told["message"]["level"] != "error":
            continue
        room = Path(told["manifest_path"]).parent.name
        code = told["message"]["code"]
        errors.setdefault(room, set()).add(code["code"] if code else "")
    if done.returncode != 0 and not errors:
        sys.exit(f"error: cargo failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
