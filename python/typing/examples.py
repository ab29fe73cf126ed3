"""Writes the examples of the package and of its stub as programs, a file each, for the type checkers to read.

python examples.py DIRECTORY
"""

import ast
import doctest
import sys
from pathlib import Path

import sendgate


def main(directory: Path) -> None:
    """Fails when there is nothing to write."""
    directory.mkdir(parents=True, exist_ok=True)
    package = Path(sendgate.__file__)
    written = 0
    for file in (package, package.with_suffix(".pyi")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                continue
            examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
            if examples:
                name = getattr(node, "name", "package").lower()
                text = "".join(example.source for example in examples)
                (directory / f"example_{name}.py").write_text(text, encoding="utf-8")
                written += 1
    if written == 0:
        sys.exit("there are no examples")


main(Path(sys.argv[1]))
