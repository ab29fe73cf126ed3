"""Plants the bugs of tests/mutants and expects their tests to fail. Called by scripts/mutants.sh.

For each mutant: its old text must stand exactly once in its file; with the new text in its place everything must still
compile; and each test named for it must fail by an assertion of its own, within two minutes. Before that, all
named tests must pass without any bug. The last line counts mutants: N passed (killed), N failed, N skipped.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import tomllib

# A planted bug may make a test run for ever.
PATIENCE_S = 120


@dataclass(frozen=True)
class Mutant:
    """A planted bug and the tests that must notice it, each as FILE::NAME of core/tests, or lib::PATH."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


class Survived(Exception):
    """What is wrong with a mutant, in a sentence."""


def main(root: Path, work: Path, part: str) -> int:
    files = sorted((root / "tests/mutants").glob("*.toml"))
    held = [one for file in files for one in tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]]
    every = [Mutant(**{**one, "tests": tuple(one["tests"])}) for one in held]
    if len({mutant.name for mutant in every}) != len(every):
        sys.exit("error: two mutants have one name")
    chosen = [mutant for mutant in every if part in mutant.name]
    if not chosen:
        sys.exit(f"error: no mutant's name contains {part!r}")
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"error: another run plants its bugs in {work}")
        return run(copied(root, work / "tree"), work / "target", chosen, len(every))


def run(tree: Path, target_directory: Path, chosen: list[Mutant], all_there_are: int) -> int:
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target_directory), "RUST_BACKTRACE": "0"}
    # Line numbers of a backtrace are not needed, and their absence halves the time to link.
    environment |= {"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_TEST_DEBUG": "0"}
    if stale := [reason for mutant in chosen if (reason := misfit(tree, mutant)) is not None]:
        sys.exit("error: mutants that do not fit their files:\n" + "\n".join(stale))
    started = time.monotonic()
    healthy(tree, environment, sorted({test for mutant in chosen for test in mutant.tests}))
    print(f"without a bug all named tests pass ({time.monotonic() - started:.0f} s)", flush=True)
    killed = 0
    for mutant in chosen:
        begun = time.monotonic()
        try:
            how = plant(tree, environment, mutant)
            killed += 1
        except Survived as reason:
            how = f"NOT KILLED: {reason}"
        print(f"{mutant.name}: {how} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{killed} passed, {len(chosen) - killed} failed, {all_there_are - len(chosen)} skipped")
    return 0 if killed == len(chosen) else 1


def copied(root: Path, tree: Path) -> Path:
    """A copy of everything that git knows or would add; files that are the same keep their times."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = {name for name in listed.stdout.split("\0") if name and (root / name).is_file()}
    for name in names:
        write(tree / name, (root / name).read_bytes())
    for path in [path for path in tree.rglob("*") if path.is_file()]:
        if str(path.relative_to(tree)) not in names:
            path.unlink()
    shutil.copystat(root / "scripts/mutants.sh", tree / "scripts/mutants.sh")
    return tree


def write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def healthy(tree: Path, environment: dict[str, str], tests: list[str]) -> None:
    """Ends everything unless all these tests pass."""
    if (error := built(tree, environment, tests)) is not None:
        sys.exit(f"error: the tests do not compile:\n{error}")
    for test in tests:
        verdict, output = ran(tree, environment, test)
        if verdict != "ok":
            sys.exit(f"error: {test} does not pass without a bug ({verdict}):\n{output}")


def misfit(tree: Path, mutant: Mutant) -> str | None:
    """Why the mutant cannot be planted: known before any test is built."""
    times = (tree / mutant.file).read_text(encoding="utf-8").count(mutant.old)
    return None if times == 1 else f"{mutant.name}: its old text stands {times} times in {mutant.file}"


def plant(tree: Path, environment: dict[str, str], mutant: Mutant) -> str:
    """How the mutant was killed."""
    path = tree / mutant.file
    original = path.read_text(encoding="utf-8")
    try:
        path.write_text(original.replace(mutant.old, mutant.new), encoding="utf-8")
        if (error := built(tree, environment, list(mutant.tests))) is not None:
            raise Survived(f"it does not compile:\n{error}")
        for test in mutant.tests:
            verdict, output = ran(tree, environment, test)
            if verdict != "FAILED":
                raise Survived(f"{test}: {verdict}\n{output}")
    finally:
        path.write_text(original, encoding="utf-8")
    return "killed by " + " and ".join(mutant.tests)


def target(test: str) -> list[str]:
    binary = test.split("::", 1)[0]
    return ["--lib"] if binary == "lib" else ["--test", binary]


def cargo(tests: list[str]) -> list[str]:
    targets = sorted({tuple(target(test)) for test in tests})
    return ["cargo", "test", "--locked", "--quiet", "-p", "sendgate-core"] + [part for one in targets for part in one]


def built(tree: Path, environment: dict[str, str], tests: list[str]) -> str | None:
    """What the compiler says when it refuses."""
    command = [*cargo(tests), "--no-run"]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr


def ran(tree: Path, environment: dict[str, str], test: str) -> tuple[str, str]:
    """The verdict on one test: ok, FAILED by an assertion of its own, or what else happened; and what was printed."""
    name = test.split("::", 1)[1]
    command = [*cargo([test]), "--", "--exact", name, "--test-threads=1"]
    # A session of its own, so that a test that runs for ever ends together with cargo.
    running = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = running.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return f"still running after {PATIENCE_S} s", ""
    if running.returncode == 0 and re.search(r"^test result: ok\. 1 passed;", output, re.MULTILINE):
        return "ok", output
    failed = re.search(r"^test result: FAILED\. 0 passed; 1 failed;", output, re.MULTILINE)
    # A panic in the test's own file is an assertion of it; one in the code under test is a crash.
    own = re.escape("src/" if test.startswith("lib::") else f"tests/{test.split('::', 1)[0]}.rs")
    asserted = re.search(rf"^thread '{re.escape(name)}' .*panicked at \S*{own}", output, re.MULTILINE)
    return ("FAILED" if failed and asserted else "neither passed nor failed by an assertion of its own"), output


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
