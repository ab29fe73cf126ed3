"""What is optional says which extra brings it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["django", "fastapi", "starlette", "opentelemetry"])
def test_the_name_of_the_extra_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("raise ImportError('it is not there')")
    search = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    program = [sys.executable, "-c", f"import sendgate.{name}"]
    environment = {**os.environ, "PYTHONPATH": search}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"pip install 'sendgate[{name}]'" in done.stderr


def test_nothing_optional_is_imported_by_the_package() -> None:
    names = ["limits", "observed", "logging", "smtplib"]
    code = f"import sys; from sendgate import {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"django", "fastapi", "starlette", "opentelemetry"}.isdisjoint(done.stdout.split())
