#!/usr/bin/env python3
"""Takes the program out of a README: block.py README LANGUAGE PLACE.

It is the first block of that language. PLACE is a file; or a directory, into which the program goes under the name
that its first line, `// File.ext`, gives.
"""

import re
import sys
from pathlib import Path

readme, language, place = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
found = re.search(rf"^```{language}\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
if found is None:
    sys.exit(f"error: {readme} has no program in {language}")
program = found.group(1)
if place.suffix == "":
    named = re.match(r"// (\w+\.\w+)\n", program)
    if named is None:
        sys.exit(f"error: the first line of {readme}'s program in {language} names no file")
    place = place / named.group(1)
place.parent.mkdir(parents=True, exist_ok=True)
place.write_text(program, encoding="utf-8")
