"""What a decision costs from Kotlin and Java, beside their limiters.

Reads one line of JSON from jvm/bench, `{name: nanoseconds}`, and prints a table.

    python bench/jvm.py [--json PATH]

`--json` adds the figures to the flat object in that file. A ratio above 1 is ours ahead.
"""

import argparse
import json
import sys
from pathlib import Path

OURS = ("admit", "decide", "batched")
RIVALS = {"bucket4j": "bucket4j, five bandwidths", "resilience4j": "five resilience4j limiters"}

parser = argparse.ArgumentParser()
parser.add_argument("--json", type=Path)
arguments = parser.parse_args()

taken = {name.removeprefix("abi.kotlin."): value for name, value in json.loads(sys.stdin.read()).items()}
rows = {}
for name in OURS:
    for word, rival in RIVALS.items():
        key = f"abi.kotlin.{name}" if word == "bucket4j" else f"abi.kotlin.{name}.{word}"
        ratio = taken[word] / taken[name]
        rows[key] = {"value": taken[name], "unit": "ns", "rival": rival, "rival_value": taken[word], "ratio": ratio}
        print(f"{key:32} {taken[name]:8.1f} ns   {rival:28} {taken[word]:8.1f} ns   x{ratio:.2f}")
if arguments.json:
    known = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else {}
    arguments.json.write_text(json.dumps(known | rows, indent=2) + "\n", encoding="utf-8")
