"""Runs the commands of a README against a running server, and compares what they print.

A fenced ``sh`` block is run when the line before it is ``<!-- run: TEXT -->``, and what it prints must hold TEXT. The
blocks run in order, in one directory. ``http://127.0.0.1:8787`` stands for SENDGATE_URL, and KEY is SENDGATE_KEY.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^<!-- run: (?P<want>.+?) -->\n+```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)


def main(readme: Path) -> int:
    blocks = list(BLOCK.finditer(readme.read_text(encoding="utf-8")))
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for block in blocks:
            failed += not holds(block["commands"], block["want"], directory)
    print(f"{readme.name}: {len(blocks) - failed} blocks passed, {failed} failed")
    if not blocks:
        print("error: no block is marked with '<!-- run: TEXT -->'")
    return 1 if failed or not blocks else 0


def holds(commands: str, want: str, directory: str) -> bool:
    """Whether the commands end well and print what is wanted."""
    url, key = os.environ["SENDGATE_URL"], os.environ["SENDGATE_KEY"]
    script = re.sub(r"http://(127\.0\.0\.1|localhost):8787", url, commands)
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        shell, cwd=directory, env={**os.environ, "KEY": key}, capture_output=True, text=True, timeout=120, check=False
    )
    good = done.returncode == 0 and want in done.stdout
    if not good:
        print(f"--- exit {done.returncode}, and no {want!r} in its output:\n{commands}{done.stdout}{done.stderr}")
    return good


sys.exit(main(Path(sys.argv[1])))
