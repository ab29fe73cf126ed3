"""The installed command, as a shell runs it: a real file, a provider on this machine, expectations by hand."""

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
COMMAND = str(Path(sys.executable).parent / "sendgate")
START = "2026-12-01T10:00:00Z"
DONE, FAILED, USAGE, LATER = 0, 1, 2, 75
POSTMARK = ("--provider", "postmark")
LETTER = ("--from", "shop@shop.example", "--to", "ann@example.com", "--subject", "Hi", "--text", "Hello")


class Shell:
    """A directory with a Mailroom's file, and the command in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {
            "PATH": os.environ["PATH"],
            "SENDGATE_MAILROOM": str(path / "mail.db"),
            "SENDGATE_CREDENTIAL": "token",
        }

    def run(self, *words: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [COMMAND, *words], input=data, capture_output=True, cwd=self.path, env=self.env, timeout=60
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def json(self, *words: str, status: int = DONE, stdin: str | bytes = "") -> Json:
        """The object that ``--json`` prints, checked for its one form."""
        done = self.run(*words, "--json", stdin=stdin)
        assert done.returncode == status, (done.stdout, done.stderr)
        told = json.loads(done.stdout)
        assert told["ok"] == (status == DONE) and isinstance(told["command"], str)
        assert set(told) in ({"ok", "command", "result"}, {"ok", "command", "error"})
        inner: Json = told.get("result") or told["error"]
        if "error" in told:
            assert {"code", "field", "detail"} <= set(inner)
        return inner

    def write(self, name: str, text: str | bytes) -> str:
        (self.path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


class Esp:
    """A provider on this machine that answers as Postmark does (postmarkapp.com/developer/api/email-api)."""

    def __init__(self) -> None:
        self.taken: list[Json] = []
        esp = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                several = isinstance(body, list)
                esp.taken += body if several else [body]
                one = {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a"}
                answer = json.dumps([one] * len(body) if several else one).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def here(self) -> tuple[str, ...]:
        return (*POSTMARK, "--base-url", f"http://127.0.0.1:{self.server.server_address[1]}")


@pytest.fixture
def esp() -> Iterator[Esp]:
    esp = Esp()
    yield esp
    esp.server.shutdown()
    esp.server.server_close()


def test_every_command_has_help_with_an_example(shell: Shell) -> None:
    listed = shell.run("--help").stdout
    names = ["completion", "doctor", "limits", "lint", "plan", "run", "send", "simulate", "trace"]
    of_groups = [("suppressions", name) for name in ("list", "add", "remove", "check", "import", "export")]
    for words in [(name,) for name in names] + of_groups + [("webhook", "verify")]:
        assert words[0] in listed
        done = shell.run(*words, "--help")
        assert done.returncode == DONE and "Example" in done.stdout and " ".join(words) in done.stdout
        assert "--json" in done.stdout
    assert "75" in listed and "SENDGATE_CREDENTIAL" in listed


def test_the_module_is_the_command(shell: Shell) -> None:
    words = [sys.executable, "-m", "sendgate", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, env=shell.env, cwd=shell.path)
    assert done.stdout == shell.run("--version").stdout and done.stdout.startswith("sendgate, version ")


def test_the_package_does_not_import_the_commands() -> None:
    code = "import sendgate, sys; print(any(name.startswith(('click', 'sendgate.cli.')) for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_what_is_sent_is_delivered_and_can_be_traced(shell: Shell, esp: Esp) -> None:
    shell.write("bill.pdf", b"%PDF-1.7")
    extra = ("--attach", "bill.pdf", "--header", "X-Order: 42", "--tag", "order", "--reply-to", "help@shop.example")
    told = shell.json("send", *esp.here, *LETTER, *extra, "--wait", "--timeout", "30")
    (one,) = told["messages"]
    assert (one["status"], told["drained"]) == ("sent", True)
    (mail,) = esp.taken
    assert (mail["Subject"], mail["Tag"], mail["TextBody"]) == ("Hi", "order", "Hello")
    assert (mail["Attachments"][0]["Name"], mail["Attachments"][0]["ContentType"]) == ("bill.pdf", "application/pdf")
    assert {"Name": "X-Order", "Value": "42"} in mail["Headers"]
    view = shell.json("trace", *esp.here, one["message_id"])
    assert (view["message"]["status"], view["waits_for"]) == ("sent", [])
    assert one["message_id"] in shell.run("trace", *esp.here, one["message_id"]).stdout
    assert shell.json("trace", *esp.here, "msg_nobody", status=FAILED)["code"] == "not_found"


EML = b"""From: Shop <shop@shop.example>\r
To: Ann <ann@example.com>, bob@example.com\r
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r
X-Order: 7\r
Received: from nowhere\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Sch\xc3\xb6n\r
"""


def test_messages_come_from_a_mail_from_json_and_from_csv(shell: Shell, esp: Esp) -> None:
    told = shell.json("send", *esp.here, "--from-file", "-", "--format", "eml", "--wait", stdin=EML)
    assert [one["status"] for one in told["messages"]] == ["sent"]
    (mail,) = esp.taken
    assert (mail["Subject"], mail["TextBody"].strip()) == ("Grüße", "Schön")
    assert "bob@example.com" in mail["To"] and mail["Headers"] == [{"Name": "X-Order", "Value": "7"}]
    rows = 'to,subject,text_body\nann@example.com,"One, two",a\nbob@example.com,Three,b\n'
    shell.write("list.csv", rows)
    told = shell.json("send", *esp.here, "--from", "a@shop.example", "--from-file", "list.csv", "--wait")
    assert [one["status"] for one in told["messages"]] == ["sent", "sent"]
    assert sorted(mail["Subject"] for mail in esp.taken[1:]) == ["One, two", "Three"]
    lines = '{"to":"ann@example.com","subject":"S","text_body":"x"}\n' * 3
    told = shell.json("send", *esp.here, "--from", "a@shop.example", "--from-file", "-", stdin=lines)
    assert [one["status"] for one in told["messages"]] == ["queued"] * 3


def test_run_delivers_until_nothing_is_left_and_ends_cleanly_at_sigterm(shell: Shell, esp: Esp) -> None:
    shell.json("send", *esp.here, *LETTER)
    told = shell.json("run", *esp.here, "--until-empty", "--timeout", "30")
    assert told == {"ended_by": "empty", "empty": True} and len(esp.taken) == 1
    words = [COMMAND, "run", *esp.here]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=shell.path, env=shell.env)
    assert running.stderr is not None and "SIGTERM" in running.stderr.readline()
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == DONE and "ended by SIGTERM" in running.stderr.read()
    running.stderr.close()


def test_what_is_wrong_is_one_sentence_that_names_the_field(shell: Shell) -> None:
    wrong = shell.json("send", *POSTMARK, "--from", "shop@", "--to", "ann@", status=FAILED)
    assert [one["field"] for one in wrong["errors"]] == ["from", "to[0]"] and wrong["field"] == "from"
    text = shell.run("send", *POSTMARK, "--from", "shop@", "--to", "ann@example.com", "--subject", "s", "--text", "t")
    assert text.returncode == FAILED and text.stderr.startswith("sendgate: from: ") and text.stderr.count("\n") == 1
    assert shell.json("send", *LETTER, status=USAGE)["code"] == "missing_account"
    assert shell.json("send", "--provider", "postmrk", *LETTER, status=USAGE)["field"] == "--provider"
    assert shell.json("plan", *POSTMARK, status=USAGE)["field"] == "--messages"
    assert shell.json("plan", "--messages", "many", status=USAGE)["code"] == "usage"
    shell.write("bad.csv", "to,subject\nann@example.com\n")
    assert shell.json("send", *POSTMARK, "--from-file", "bad.csv", status=FAILED)["field"] == "line 2"
    shell.write("bad.json", "{")
    assert shell.json("lint", "--account", "bad.json", status=USAGE)["field"] == "--account"
    assert shell.json("lint", *POSTMARK, "missing.eml", status=FAILED)["code"] == "file"
    del shell.env["SENDGATE_CREDENTIAL"]
    assert shell.json("send", *POSTMARK, *LETTER, status=USAGE)["code"] == "missing_credential"
    shell.write("key", "token\n")
    assert shell.json("send", *POSTMARK, "--credential-file", "key", *LETTER)["drained"] is None
    del shell.env["SENDGATE_MAILROOM"]
    assert shell.json("send", *POSTMARK, "--credential-file", "key", *LETTER, status=USAGE)["field"] == "--file"


def account(shell: Shell, **fields: object) -> tuple[str, str]:
    provider = {"kind": "sandbox", "base_url": "http://127.0.0.1:9", "credential": "SENDGATE_CREDENTIAL"}
    shell.write("shop.json", json.dumps({"providers": [provider], **fields}))
    return "--account", "shop.json"


def test_limits_say_how_near_and_whether_so_many_can_leave(shell: Shell) -> None:
    shop = account(shell, sending={"per_second": 20, "per_minute": 100}, quotas=[{"period": "day", "limit": 50}])
    named = {limit["name"]: limit for limit in shell.json("limits", *shop)["limits"]}
    assert (named["sending-second"]["limit"], named["sending-second"]["remaining"]) == (20, 20)
    assert shell.json("limits", *shop, "--can", "20")["can_leave_now"]
    assert not shell.json("limits", *shop, "--can", "21", status=LATER)["can_leave_now"]
    assert shell.json("limits", *shop, "--can", "51", status=FAILED)["decision"] == "reject"
    known = shell.json("limits", "--known")
    (ses,) = [one for one in known["profiles"] if one["name"] == "ses.production"]
    assert [window["limit"] for window in ses["windows"]] == [14, 50_000] and ses["as_of"] and ses["source"]
    assert "ses.production" in shell.run("limits", "--known").stdout


def test_a_quota_that_is_used_up_is_later(shell: Shell) -> None:
    shop = account(shell, quotas=[{"period": "day", "limit": 1}])
    shell.json("send", *shop, *LETTER)
    refused = shell.json("send", *shop, *LETTER, status=LATER)
    assert refused["code"] == "quota_daily" and refused["retry_at"].endswith("T00:00:00Z")


def test_a_plan_is_what_the_limits_say(shell: Shell) -> None:
    """SES in production sends 14 a second: 50,000 take 49,999 / 14 seconds, rounded down."""
    ses = ("--provider", "ses", "--region", "eu-west-1", "--profile", "ses.production", "--start", START)
    told = shell.json("plan", *ses, "--messages", "50000")
    assert (told["takes_ms"], told["sent"], told["finished_at"]) == (3_571_000, 50_000, "2026-12-01T10:59:31Z")
    assert [(one["window"], one["limit"]) for one in told["bounds"]] == [("send-second", 14)]
    assert "10:59:31Z" in shell.run("plan", *ses, "--messages", "50000").stdout
    # R152: a new source sends 100 on its first day.
    ramp = shell.json("plan", *account(shell), "--messages", "416", "--ramp", "standard", "--start", START)
    assert (ramp["finished_at"], ramp["bounds"][0]["limit"]) == ("2026-12-02T00:00:00Z", 100)
    small = account(shell, quotas=[{"period": "day", "limit": 2}])
    never = shell.json("plan", *small, "--messages", "4", "--recipients", "3", status=FAILED)
    assert never["never"][0]["messages"] == 4


def test_a_simulation_is_the_same_for_the_same_seed(shell: Shell) -> None:
    shop = account(shell, sending={"per_second": 14})
    words = ("simulate", *shop, "--messages", "300", "--arrival", "poisson", "--over", "30", "--start", START)
    faulty = (*words, "--latency", "10", "90", "--failed", "50")
    first = shell.json(*faulty, "--seed", "7")
    assert first == shell.json(*faulty, "--seed", "7") and first != shell.json(*faulty, "--seed", "8")
    assert first["attempts"] > 300 and first["sent"] + first["held"] == 300
    shell.write("traffic.json", '[{"count": 28}, {"count": 14, "after_ms": 60000}]')
    told = shell.json("simulate", *shop, "--traffic", "traffic.json", "--start", START)
    # Fourteen a second: half of the first 28 wait for a second, and the others find theirs free.
    assert (told["takes_ms"], told["waiting"]["p50_ms"], told["waiting"]["max_ms"]) == (60_000, 0, 1_000)
    assert shell.json("simulate", *shop, "--messages", "1", "--failed", "900", "--refused", "200", status=USAGE)["code"]


def test_lint_finds_what_its_sources_say(shell: Shell) -> None:
    bulk = {"from": "a@shop.example", "to": "b@example.com", "subject": "S", "html_body": "<p>", "class": "bulk"}
    told = shell.json("lint", *POSTMARK, "-", stdin=json.dumps(bulk), status=FAILED)
    codes = {one["code"]: one for one in told["findings"]}
    assert codes["missing_unsubscribe"]["severity"] == "error" and "html_without_text" in codes
    assert all(one["source"] and one["detail"] for one in told["findings"])
    assert "b@example.com" not in json.dumps(told)
    plain = {**bulk, "class": "transactional", "html_body": None, "text_body": "x"}
    assert shell.json("lint", *POSTMARK, "-", stdin=json.dumps(plain))["findings"] == []
    shop = account(shell, sending={"per_second": 10, "per_minute": 600})
    (found,) = shell.json("lint", *shop)["findings"]
    assert (found["code"], found["field"]) == ("limit_never_binds", "sending")
    assert shell.json("lint", *shop, "--strict", status=FAILED)["counts"]["warning"] == 1
    wrong = shell.json("lint", *account(shell, sending={"per_second": 0}), status=FAILED)
    assert wrong["findings"][0]["code"] == "invalid_config"


def test_suppressions_are_managed(shell: Shell) -> None:
    run = ("suppressions",)
    added = shell.json(*run, "add", *POSTMARK, "Ann@Example.com", "--reason", "complaint")
    assert added["suppressions"][0]["email"] == "ann@example.com"
    rows = "email,reason\n" + "".join(f"u{n}@example.com,hard_bounce\n" for n in range(12_000)) + "nobody@,manual\n"
    shell.write("list.csv", rows)
    told = shell.json(*run, "import", *POSTMARK, "list.csv", status=FAILED)
    assert (told["added"], told["rejected"], told["errors"][0]["line"]) == (12_000, 1, 12_002)
    listed = shell.json(*run, "list", *POSTMARK, "--reason", "complaint")["suppressions"]
    assert [one["email"] for one in listed] == ["ann@example.com"]
    assert len(shell.json(*run, "list", *POSTMARK, "--limit", "2500")["suppressions"]) == 2_500
    exported = shell.json(*run, "export", *POSTMARK, "--output", "out.csv")
    lines = (shell.path / "out.csv").read_text().splitlines()
    assert exported["exported"] == 12_001 and len(lines) == 12_002 and lines[0].startswith("email,reason")
    checked = shell.json(*run, "check", *POSTMARK, "-", stdin="u7@example.com\nclear@example.com\n", status=FAILED)
    assert [bool(one["entries"]) for one in checked["checked"]] == [True, False] and checked["listed"] == 1
    gone = shell.json(*run, "remove", *POSTMARK, "ann@example.com", "clear@example.com", status=FAILED)
    assert gone == {"removed": ["ann@example.com"], "missing": ["clear@example.com"]}
    other = Shell(shell.path / "other")
    other.path.mkdir()
    shutil.copy(shell.path / "out.csv", other.path)
    other.env["SENDGATE_MAILROOM"] = str(other.path / "mail.db")
    assert other.json(*run, "import", *POSTMARK, "out.csv")["added"] == 12_001, "what is exported can be imported"
    (sent,) = shell.json(
        "send",
        *POSTMARK,
        "--from",
        "a@shop.example",
        "--to",
        "u7@example.com",
        "--subject",
        "s",
        "--text",
        "t",
        status=FAILED,
    )["messages"]
    assert sent["status"] == "suppressed"


def test_doctor_says_what_to_do(shell: Shell, esp: Esp) -> None:
    checks = shell.json("doctor", *esp.here)["checks"]
    assert {one["check"] for one in checks} >= {"clock", "configuration", "secrets", "file"}
    assert all(one["state"] != "failed" for one in checks)
    shell.json("send", *esp.here, *LETTER)
    online = shell.json("doctor", *esp.here, "--online")["checks"]
    states = {one["check"]: one["state"] for one in online}
    assert (states["mailroom"], states["file"], states["provider"]) == ("ok", "ok", "ok")
    nobody = (*POSTMARK, "--base-url", "http://127.0.0.1:9")
    broken = shell.json("doctor", *nobody, "--online", status=FAILED)["checks"]
    assert [one["advice"] != "" for one in broken if one["check"] == "provider"] == [True]
    shell.write("mail.db", "no database")
    damaged = {one["check"]: one for one in shell.json("doctor", *POSTMARK, status=FAILED)["checks"]}
    assert damaged["file"]["state"] == "failed" and damaged["file"]["advice"]
    del shell.env["SENDGATE_CREDENTIAL"]
    without = {one["check"]: one for one in shell.json("doctor", *POSTMARK, status=FAILED)["checks"]}
    assert without["secrets"]["state"] == "failed" and "SENDGATE_CREDENTIAL" in without["secrets"]["found"]


def test_a_report_is_believed_by_its_secret(shell: Shell) -> None:
    """Postmark's reports carry Basic credentials (postmarkapp.com/developer/webhooks/webhooks-overview)."""
    body = {"RecordType": "Bounce", "Type": "HardBounce", "MessageID": "883953f4", "Email": "ann@example.com", "ID": 42}
    body |= {"BouncedAt": "2026-12-01T10:00:00Z", "TypeCode": 1}
    shell.write("body.json", json.dumps(body))
    shell.write("headers.txt", "Authorization: Basic aG9vazpzZWNyZXQ=\nContent-Type: application/json\n")
    shell.env["SENDGATE_SECRET"] = "hook:secret"
    words = ("webhook", "verify", *POSTMARK, "--headers", "headers.txt", "--body", "body.json")
    (event,) = shell.json(*words)["events"]
    assert (event["kind"], event["recipient"], event["bounce_class"]) == ("bounced", "ann@example.com", "hard")
    shell.env["SENDGATE_SECRET"] = "hook:other"
    assert shell.json(*words, status=FAILED)["code"]
    assert "ann@example.com" not in shell.run(*words).stderr


def test_bash_completes_with_the_script(shell: Shell) -> None:
    code = (
        'eval "$(sendgate completion bash)"; declare -F _sendgate_completion >/dev/null || exit 3; '
        'COMP_WORDS=(sendgate pl); COMP_CWORD=1; _sendgate_completion sendgate; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    shell.env["PATH"] = f"{Path(COMMAND).parent}:{shell.env['PATH']}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, env=shell.env, cwd=shell.path)
    assert (done.returncode, done.stdout.split()) == (0, ["plan"]), done.stderr


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_the_other_shells_read_their_script(shell: Shell, name: str) -> None:
    script = shell.json("completion", name)["script"]
    assert "_SENDGATE_COMPLETE" in script and "sendgate" in script
    if shutil.which(name) is not None:
        checked = subprocess.run([name, "-n"], input=script, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr


def test_colours_are_for_terminals_and_for_who_asks(shell: Shell) -> None:
    shop = account(shell, sending={"per_second": 10, "per_minute": 600})
    assert "\x1b[" not in shell.run("lint", *shop).stdout
    assert "\x1b[" in shell.run("lint", *shop, "--color", "always").stdout
    shell.env["NO_COLOR"] = "1"
    assert "\x1b[" not in shell.run("lint", *shop).stdout


def test_a_bar_is_for_terminals_and_on_standard_error(shell: Shell, esp: Esp) -> None:
    def sent(*words: str) -> tuple[str, str]:
        ours, theirs = pty.openpty()
        told = [COMMAND, "send", *esp.here, *LETTER, "--wait", *words]
        done = subprocess.run(told, stdout=subprocess.PIPE, stderr=theirs, env=shell.env, cwd=shell.path, timeout=60)
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
        assert done.returncode == DONE
        return done.stdout.decode(), shown.decode()

    out, bar = sent()
    assert "storing" in bar and "sending" in bar and "storing" not in out and "msg_" in out
    assert sent("--json")[1] == "", "a program gets no bar"
    assert shell.run("send", *esp.here, *LETTER, "--wait").stderr == "", "nor does a file"


def test_no_secret_is_shown_or_taken_from_the_command_line(shell: Shell) -> None:
    shell.env["SENDGATE_CREDENTIAL"] = "very-secret-token"
    for words in (("send", *POSTMARK, *LETTER), ("doctor", *POSTMARK), ("limits", *POSTMARK), ("lint", *POSTMARK)):
        done = shell.run(*words, "--json")
        assert "very-secret-token" not in done.stdout + done.stderr
    assert shell.run("send", "--credential", "x", *LETTER).returncode == USAGE
