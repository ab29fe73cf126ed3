"""Keeps docs/openapi.json in one form: rewrites it, or says with `--check` whether that would change anything.

An object or a list stands on one line where it fits into 120 columns; nothing is sorted.
"""

import json
import sys
from pathlib import Path

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"
COLUMNS = 120


def pretty(value: object) -> str:
    """The text of a value, ended by a line break."""
    return _text(value, 0, 0) + "\n"


def _text(value: object, depth: int, before: int) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (depth > 2 and 2 * depth + before + len(flat) < COLUMNS):
        return flat
    inner, pad = "  " * (depth + 1), "  " * depth
    if isinstance(value, list):
        lines = [inner + _text(item, depth + 1, 1) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{pad}]"
    names = [(json.dumps(name, ensure_ascii=False), item) for name, item in value.items()]
    lines = [f"{inner}{name}: {_text(item, depth + 1, len(name) + 3)}" for name, item in names]
    return "{\n" + ",\n".join(lines) + f"\n{pad}}}"


def main() -> None:
    """Rewrites the file, or compares it."""
    text = FILE.read_text(encoding="utf-8")
    wanted = pretty(json.loads(text))
    if sys.argv[1:] == ["--check"]:
        sys.exit(None if text == wanted else f"{FILE.name} is not in its form: run scripts/openapi.py")
    FILE.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
