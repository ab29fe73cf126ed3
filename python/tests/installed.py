"""The wheel in an environment that has nothing else: what it says of itself, its examples, and a message delivered.

python -I installed.py README
"""

import doctest
import sys
import tempfile
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import sendgate


def carry(request: sendgate.HttpRequest) -> tuple[int, dict[str, str], bytes]:
    """What Postmark answers to a message it took (postmarkapp.com/developer/api/email-api)."""
    assert request.method == "POST"
    return 200, {}, b'{"ErrorCode":0,"Message":"OK","MessageID":"b7bc2f4a"}'


def main(readme: Path) -> None:
    """Ends with a sentence, or with what is wrong."""
    told = metadata.metadata("sendgate")
    assert told["Version"] == sendgate.__version__
    assert told["License-Expression"] == "MIT OR Apache-2.0"
    assert told.get_all("License-File") == ["LICENSE-APACHE", "LICENSE-MIT"]
    assert told["Requires-Python"] == ">=3.10"
    assert "Typing :: Typed" in (told.get_all("Classifier") or [])
    assert told["Description-Content-Type"].startswith("text/markdown")
    needed = [needed for needed in told.get_all("Requires-Dist") or [] if "extra ==" not in needed]
    # The `sendgate` command's.
    assert [name for name in needed if not name.startswith("click")] == []
    held = {str(file) for file in metadata.files("sendgate") or []}
    assert {"sendgate/py.typed", "sendgate/__init__.pyi"} <= held
    assert {Path(name).name for name in held if "/licenses/" in name} == {"LICENSE-APACHE", "LICENSE-MIT"}
    assert files("sendgate").joinpath("py.typed").is_file()
    of_package, of_readme = doctest.testmod(sendgate), doctest.testfile(str(readme), module_relative=False)
    assert of_package.failed == of_readme.failed == 0
    assert of_package.attempted > 0 and of_readme.attempted > 0
    with tempfile.TemporaryDirectory() as place:
        postmark = sendgate.Provider("postmark", "token")
        with sendgate.Mailroom(place + "/mail.db", postmark, transport=carry) as mailroom:
            message = sendgate.Message(from_="a@shop.example", to="ann@example.com", subject="Hi", text_body="Hello")
            (receipt,) = mailroom.submit(message)
            assert mailroom.drain(60)
            view = mailroom.trace(receipt.message_id or "")
            assert view is not None and view["status"] == "sent"
    examples = of_package.attempted + of_readme.attempted
    print(f"installed: sendgate {sendgate.__version__}, {examples} examples, delivered")


main(Path(sys.argv[1]))
