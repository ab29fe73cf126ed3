"""Holds the running API against docs/openapi.json: no 5xx, no undocumented status, every answer of its schema.

`run.py ST`, beside scripts/with-server.sh, where ST is the schemathesis to run. Rounds of two runs at once, with seeds
of their own and bounded in time, until CASES are through. The last line counts them, and fewer are a failure.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "openapi.json"
# Of the issue that asked for it.
CASES = 5_000
RUN_S = 120
ROUNDS = 3
# A schema cannot say all (two fields may contradict each other), so whether a request is accepted is no check.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


def main() -> None:
    """Runs rounds until there are enough cases."""
    document = json.loads(FILE.read_text(encoding="utf-8"))
    with urllib.request.urlopen(f"{os.environ['SENDGATE_URL']}/openapi.json") as answer:
        if json.load(answer) != document:
            sys.exit("what is served at /openapi.json is not docs/openapi.json")
    print(f"contract: served as it is, {examples(document)} examples of their schemas", flush=True)
    cases, operations = 0, 0
    for first in range(1, 2 * ROUNDS, 2):
        # Two processes: threads of one stumble over https://github.com/python/cpython/issues/106905.
        with ThreadPoolExecutor() as pool:
            reports = list(pool.map(partial(run, sys.argv[1]), (first, first + 1)))
        cases += sum(report["test_cases"]["generated"] for report in reports)
        operations = max(report["operations"]["tested"] for report in reports)
        if any(report["exit_code"] != 0 or report["operations"]["errored"] > 0 for report in reports):
            sys.exit(f"contract: seed {first} or {first + 1} failed")
        if cases >= CASES:
            break
    total = sum(len(item) for item in document["paths"].values())
    print(f"contract: {cases} cases over {operations} of {total} operations, 0 failed")
    if cases < CASES or operations < total:
        sys.exit(f"contract: fewer than {CASES} cases, or not every operation")


def run(st: str, seed: int) -> dict[str, Any]:
    """Runs schemathesis once, prints what it says, and gives its report."""
    with tempfile.TemporaryDirectory() as work:
        report = Path(work) / "report.json"
        config = Path(__file__).parent / "schemathesis.toml"
        command = [st, "--config-file", str(config), "run", str(FILE), "--url", os.environ["SENDGATE_URL"]]
        command += ["--seed", str(seed), "--workers", "1"]
        command += ["--checks", ",".join(CHECKS), "--max-time", str(RUN_S), "--no-shrink", "--continue-on-failure"]
        command += ["--generation-database", "none", "--warnings", "off", "--report", "json"]
        command += ["--report-json-path", str(report)]
        there = {**os.environ, "PYTHONPATH": str(config.parent)}
        said = subprocess.run(command, check=False, cwd=work, env=there, stdout=subprocess.PIPE)
        sys.stdout.buffer.write(said.stdout)
        sys.stdout.flush()
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found


def examples(document: dict[str, Any]) -> int:
    """How many examples there are of bodies, answers and header fields; ends the run when one is not of its schema."""
    count = 0

    def visit(value: object, place: str) -> None:
        nonlocal count
        if isinstance(value, list):
            for index, item in enumerate(value):
                visit(item, f"{place}/{index}")
        if not isinstance(value, dict):
            return
        if "schema" in value and "example" in value:
            schema = {**value["schema"], "components": document["components"]}
            wrong = next(jsonschema_rs.Draft202012Validator(schema).iter_errors(value["example"]), None)
            if wrong is not None:
                sys.exit(f"the example at {place} is not of its schema: {wrong.message}")
            count += 1
        for name, item in value.items():
            if name not in ("example", "examples"):
                visit(item, f"{place}/{name}")

    visit(document, "#")
    return count


if __name__ == "__main__":
    main()
