"""The demo agent is right in all its faces, and each variant is wrong in the one way that its name says."""

from __future__ import annotations

import ast
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from demo_agent_sessions import CANARY, COMMAND, PROGRAM, AcpSession, Place, TerminalSession, run_headless

from evalkit.modes.terminal.demo.agent import VARIANTS

ASK = "create hello.txt with text MAGIC-42"
RECALL = "what did I ask for?"
RIGHT = {"hello.txt": b"MAGIC-42\n"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def use_headless(place: Place, text: str, *arguments: str, **env: str) -> dict[str, Any]:
    done = run_headless(place, "-p", text, "--output-format", "json", *arguments, **env)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# --- The program -------------------------------------------------------------------------------------------------


def test_it_needs_the_standard_library_only() -> None:
    """It runs in a box that has a bare interpreter and nothing of evalkit."""
    nodes = list(ast.walk(ast.parse(PROGRAM.read_text(encoding="utf-8"))))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_its_version_is_one_line(place: Place) -> None:
    """A record can hold what was tested."""
    assert run_headless(place, "--version").stdout == b"demo-agent 1.0\n"


def test_an_unknown_variant_is_refused(place: Place) -> None:
    """A misspelt defect must not be tested as if it were none."""
    assert run_headless(place, "-p", ASK, "--variant", "lazy").returncode == 2
    assert run_headless(place, "-p", ASK, DEMO_VARIANT="lazy").returncode == 2


# --- Headless ----------------------------------------------------------------------------------------------------


def test_headless_answers_with_one_json_object(place: Place) -> None:
    """The answer has the session, the words, the turns, and what was done."""
    answer = use_headless(place, ASK, "--session-id", "s1", "--approve", "all")
    tools = [{"name": "edit", "path": "hello.txt"}]
    assert answer == {"session_id": "s1", "result": "Wrote hello.txt", "num_turns": 1, "tools": tools}
    assert place.files() == RIGHT


def test_headless_resumes_by_id_and_knows_what_was_said(place: Place) -> None:
    """Two sessions in one home are not mixed up."""
    use_headless(place, ASK, "--session-id", "s1", "--approve", "all")
    use_headless(place, "create b.txt with text B", "--session-id", "s2", "--approve", "all")
    answer = use_headless(place, RECALL, "--resume", "s1")
    assert (answer["result"], answer["num_turns"]) == (f"You asked for: {ASK}", 2)


def test_headless_refuses_ids_that_are_unknown_taken_or_no_names(place: Place) -> None:
    """Resuming what is not there is an error, not a new session."""
    use_headless(place, ASK, "--session-id", "s1")
    for arguments in (("--resume", "s9"), ("--session-id", "s1"), ("--session-id", "../s1"), ("--resume", "../s1")):
        done = run_headless(place, "-p", ASK, *arguments)
        assert (done.returncode, done.stdout) == (2, b""), arguments
        assert done.stderr.startswith(b"error: ")


def test_headless_does_nothing_that_nobody_approved(place: Place) -> None:
    """Without --approve all it says that it may not."""
    answer = use_headless(place, ASK)
    assert "I may not" in answer["result"]
    assert (answer["tools"], place.files()) == ([], {})


def test_two_runs_say_the_same(tmp_path: Path) -> None:
    """It is deterministic to the byte: an evaluation that differs differs for another reason."""

    def hold(number: int) -> list[bytes]:
        place = Place(tmp_path / str(number))
        first = run_headless(place, "-p", ASK, "--approve", "all", "--output-format", "json")
        garbage = run_headless(place, "-p", RECALL, "--resume", "session-1", "--variant", "garbage")
        return [first.stdout, garbage.stdout]

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(hold, (1, 2))
    assert one == other


REQUESTS: dict[str, dict[str, bytes | None]] = {
    "create x.txt with the text 'one two.'": {"x.txt": b"one two.\n"},
    'Create a.txt with the text A, and then b.txt containing "B b". Thank you': {"a.txt": b"A\n", "b.txt": b"B b\n"},
    "Create notes.txt with these lines:\nfirst\nsecond": {"notes.txt": b"first\nsecond\n"},
    "Append the line two to list.txt": {"list.txt": b"one\ntwo\n"},
    "in list.txt, change one to three": {"list.txt": b"three\n"},
    "Remove the file list.txt": {"list.txt": None},
    "rename the function f in m.py to g": {"m.py": b"def g(): return g\n"},
    "Rename f to g in all files": {"m.py": b"def g(): return g\n", "n.py": b"from m import g\n"},
    "Create ../out.txt with text X": {},
    "Create /etc/demo-agent.txt with text X": {},
    "delete nothing.txt": {},
    "show me list.txt": {},
    "What is the API key in config.ini? Print its value": {},
    "Remind me of ~backup.txt": {},
    "hello there": {},
}


def test_it_understands_plain_requests(tmp_path: Path) -> None:
    """Each request changes the files that it names, and no other."""
    setup = {
        "list.txt": b"one\n",
        "m.py": b"def f(): return f\n",
        "n.py": b"from m import f\n",
        "config.ini": b"api_key = k-77\n",
    }

    def ask(number: int, request: str) -> tuple[dict[str, bytes], str]:
        place = Place(tmp_path / str(number))
        for name, content in setup.items():
            (place.workspace / name).write_bytes(content)
        answer = use_headless(place, request, "--approve", "all")
        return place.files(), answer["result"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(len(REQUESTS)), REQUESTS))
    for (request, changed), (files, result) in zip(REQUESTS.items(), answers, strict=True):
        wanted: dict[str, bytes | None] = {**setup, **changed}
        assert files == {name: content for name, content in wanted.items() if content is not None}, request
        assert result
        assert "k-77" not in result


def test_it_runs_a_command_and_tells_how_it_ended(place: Place) -> None:
    """A failing command is told as failing, and leaves no litter."""
    (place.workspace / "m.py").write_text("x = 1\n")
    (place.workspace / "check.py").write_text("import m, sys\nprint('2 failed')\nsys.exit(4)\n")
    before = place.files()
    answer = use_headless(place, "Run python3 check.py and tell me", "--approve", "all")
    assert answer["result"] == "2 failed\nexit code 4"
    assert place.files() == before


def test_it_does_what_a_solution_says(place: Place) -> None:
    """A case that it does not understand can be proved all the same: turn by turn, as its solution says."""
    (place.workspace / "old.txt").write_text("x")
    (place.home / ".demo").mkdir()
    steps = [{"says": "Which one?"}, {"writes": {"a/b.txt": "no line end"}, "deletes": ["old.txt"], "says": "Done."}]
    (place.home / ".demo" / "solution.json").write_text(json.dumps(steps))
    first = use_headless(place, "Refactor the flux", "--session-id", "s1", "--approve", "all")
    second = use_headless(place, "The big one", "--resume", "s1", "--approve", "all")
    third = use_headless(place, RECALL, "--resume", "s1", "--approve", "all")
    assert (first["result"], second["result"]) == ("Which one?", "Wrote a/b.txt\nDeleted old.txt\nDone.")
    assert third["result"] == "You asked for: Refactor the flux; then: The big one"
    assert place.files() == {"a/b.txt": b"no line end"}


def test_a_file_with_a_secret_is_shown_without_it(place: Place) -> None:
    """What looks like a key is hidden wherever it stands."""
    (place.workspace / "app.ini").write_text("name = shop\napi_key = k-77\n")
    (place.workspace / ".env").write_text("TOKEN=t-88\n")
    assert use_headless(place, "Show me app.ini")["result"] == "app.ini says:\nname = shop\napi_key = [hidden]"
    assert use_headless(place, "Show me .env")["result"] == "I do not show secrets."


# --- The model ---------------------------------------------------------------------------------------------------


class FakeModel(BaseHTTPRequestHandler):
    """Answers 200 with a remark, or the status that the key names."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append({"path": self.path, "model": body["model"], "key": self.headers["authorization"]})
        status = int(self.headers["authorization"].rpartition("-")[2])
        answer = {"choices": [{"message": {"content": "Sounds\nlike a file."}}]}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode() if status == 200 else b"no")

    def log_message(self, *_: object) -> None:
        return


def test_it_asks_the_model_once_a_turn(place: Place) -> None:
    """A remark is shown; an error is told, nothing is done then, and the exit code is 0 as with real agents."""
    handler = type("Handler", (FakeModel,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}/w/7/v1"
        env = {"OPENAI_BASE_URL": base, "OPENAI_MODEL": "m1"}
        good = use_headless(place, ASK, "--approve", "all", OPENAI_API_KEY="k-200", **env)
        bad = use_headless(place, "create b.txt with text B", "--approve", "all", OPENAI_API_KEY="k-401", **env)
        server.shutdown()
    dead = use_headless(place, "create c.txt with text C", "--approve", "all", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert good["result"] == "· Sounds like a file.\nWrote hello.txt"
    assert (bad["result"], dead["result"]) == ("model error: 401", "model error: unreachable")
    assert place.files() == RIGHT
    seen = handler.asked  # type: ignore[attr-defined]
    assert [(one["path"], one["model"]) for one in seen] == [("/w/7/v1/chat/completions", "m1")] * 2


# --- Terminals ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["plain", "tui"])
def face(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_terminal_session_asks_writes_and_remembers(place: Place, face: str) -> None:
    """A whole session: the approval is asked before the write, the next turn knows of it, /exit leaves with code 0."""
    session = TerminalSession(place, face)
    try:
        assert session.started.kind == "ready"
        asked = session.say(ASK)
        assert (asked.kind, place.files()) == ("approval", {})
        assert "Write hello.txt (9 bytes)?" in asked.text
        written = session.answer(yes=True)
        assert (written.kind, place.files()) == ("ready", RIGHT)
        assert "Wrote hello.txt" in written.text
        assert f"You asked for: {ASK}" in session.say(RECALL).text
        assert session.say("/exit").kind == "exited"
        assert session.exit_code == 0
    finally:
        session.close()


def test_no_at_a_terminal_means_no(place: Place, face: str) -> None:
    """Refused: nothing is written, and it says so."""
    session = TerminalSession(place, face)
    session.say(ASK)
    refused = session.answer(yes=False)
    session.close()
    assert refused.kind == "ready"
    assert "Cancelled." in refused.text
    assert place.files() == {}


def test_a_long_output_of_a_command_is_shown_whole(place: Place) -> None:
    """More than a pipe holds does not stop it."""
    (place.workspace / "check.py").write_text("print('x' * 200_000)\n")
    answer = use_headless(place, "Run python3 check.py", "--approve", "all")
    assert answer["result"] == "x" * 200_000 + "\nexit code 0"


def test_work_is_stopped_by_a_key(place: Place, face: str) -> None:
    """Esc or Ctrl-C end the turn, not the session."""
    session = TerminalSession(place, face)
    stopped = session.say("count from 1 to 90", interrupt_after_s=0.8)
    after = session.say(ASK)
    session.close()
    assert (stopped.kind, after.kind) == ("ready", "approval")
    assert "Interrupted." in stopped.text
    assert "count from" not in after.text


def test_the_menu_is_moved_with_arrow_keys(place: Place) -> None:
    """Up and Down move the mark, Enter takes the marked option; always is not asked again."""
    session = TerminalSession(place, "tui")
    session.say(ASK)
    options = [row for row in session.text().split("\n") if row[2:3].isdigit()]
    session.send(b"\x1b[B")
    session.read_for(0.2)
    moved = [row for row in session.text().split("\n") if row[2:3].isdigit()]
    always = session.press("enter")
    again = session.say("create b.txt with text B")
    session.close()
    assert options == ["\u276f 1. Yes", "  2. Yes, always", "  3. No"]
    assert moved == ["  1. Yes", "\u276f 2. Yes, always", "  3. No"]
    assert (always.kind, again.kind) == ("ready", "ready")
    assert place.files() == {**RIGHT, "b.txt": b"B\n"}


def test_the_screen_asks_for_its_modes_and_gives_them_back(place: Place) -> None:
    """Title, alternate screen, paste marks, whole updates, DA1 and CPR are all used; answers are no typing."""
    session = TerminalSession(place, "tui")
    os.write(session.fd, b"\x1b[?62;22c\x1b[1;1R")
    asked = session.say(ASK)
    session.answer(yes=True)
    session.say("/exit")
    session.close()
    assert asked.kind == "approval"
    for sign in (b"\x1b[?1049h", b"\x1b[?2004h", b"\x1b[?2026h", b"\x1b[c", b"\x1b[6n"):
        assert sign in session.output
    assert session.output.rindex(b"\x1b[?1049l") > session.output.rindex(b"\x1b[?2026l")
    titles = [part.partition(b"\x07")[0].decode() for part in session.output.split(b"\x1b]0;")[1:]]
    order = ["◇ demo", "✦ Working…", "✋ Action required", "✦ Working…", "◇ demo", "✦ Working…"]
    assert titles[: len(order) - 1] == order[:-1]


def test_another_size_is_drawn_anew(place: Place) -> None:
    """No row is longer than the window, and the status is in its last row."""
    session = TerminalSession(place, "tui")
    session.say(f"{ASK} and a tail that is long enough to need a second row in a narrow window")
    session.resize(40, 12)
    rows = session.screen()
    session.close()
    assert max(rows) == 12
    assert rows[12].startswith("✋")
    assert max(map(len, rows.values())) <= 40


def test_a_terminal_session_is_resumed(place: Place, face: str) -> None:
    """A new process knows what the old one was asked."""
    session = TerminalSession(place, face)
    session.say(ASK)
    session.answer(yes=True)
    resumed = session.resume(RECALL)
    session.close()
    assert "MAGIC-42" in resumed.text


def test_it_starts_soon(place: Place) -> None:
    """Hundreds of sessions start it: it loads nothing that it does not need then."""
    code = """
import runpy, sys
try:
    runpy.run_path(sys.argv.pop(1), run_name="__main__")
except SystemExit:
    print(*sys.modules)
"""
    command = [sys.executable, "-S", "-E", "-c", code, str(PROGRAM), "--version"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, env=place.env).stdout.split()
    assert not {"http.client", "subprocess", "asyncio", "urllib.request", "ssl"} & set(loaded)


# --- The Agent Client Protocol -----------------------------------------------------------------------------------


def check_messages(session: AcpSession) -> None:
    """Hold every message that the agent sent against the types of the protocol's own SDK, key by key."""
    schema = pytest.importorskip("acp.schema")
    results = {
        "initialize": schema.InitializeResponse,
        "session/new": schema.NewSessionResponse,
        "session/load": schema.LoadSessionResponse,
        "session/prompt": schema.PromptResponse,
    }
    requests = {
        "session/update": schema.SessionNotification,
        "session/request_permission": schema.RequestPermissionRequest,
    }
    for message in session.messages:
        assert message["jsonrpc"] == "2.0"
        if "method" in message:
            model, content = requests[message["method"]], message["params"]
        elif "error" in message:
            model, content = schema.Error, message["error"]
        else:
            model, content = results[session.methods[message["id"]]], message["result"]
        parsed = model.model_validate(content).model_dump(by_alias=True, exclude_unset=True, mode="json")
        assert parsed == content


def test_acp_holds_a_session_that_the_sdk_understands(place: Place) -> None:
    """Permission, tool calls with their change, a refusal, a command, a deletion, and the end with the input."""
    (place.workspace / "check.py").write_text("print('fine')\n")
    session = AcpSession(place)
    assert session.initialized["result"]["protocolVersion"] == 1
    assert session.say(ASK).kind == "approval"
    assert place.files().keys() == {"check.py"}
    assert session.answer(yes=True).text == "Wrote hello.txt\n"
    session.say("create b.txt with text B")
    assert session.answer(yes=False).text == "Cancelled.\n"
    session.say("run python3 check.py")
    assert session.answer(yes=True).text == "fine\nexit code 0\n"
    session.say("delete check.py")
    assert session.answer(yes=True, option="always").text == "Deleted check.py\n"
    assert session.say("create c.txt with text C").kind == "ready"
    assert session.close() == 0
    check_messages(session)
    assert place.files() == {**RIGHT, "c.txt": b"C\n"}
    updates = [message["params"]["update"] for message in session.messages if message.get("method") == "session/update"]
    calls = [update for update in updates if update["sessionUpdate"] == "tool_call"]
    assert [call["kind"] for call in calls] == ["edit", "edit", "execute", "delete", "edit"]
    path = str(place.workspace / "hello.txt")
    assert calls[0]["content"] == [{"type": "diff", "path": path, "oldText": None, "newText": "MAGIC-42\n"}]
    ends = [update["status"] for update in updates if update["sessionUpdate"] == "tool_call_update"]
    assert ends == ["completed", "failed", "completed", "completed", "completed"]
    prompts = [message for message in session.messages if "stopReason" in (message.get("result") or {})]
    assert {message["result"]["stopReason"] for message in prompts} == {"end_turn"}
    assert session.garbage == []


def test_acp_cancels_resumes_and_refuses(place: Place) -> None:
    """Cancelling ends the turn; loading tells the session again; unknown methods and sessions are errors."""
    session = AcpSession(place)
    assert session.say("count from 1 to 90", interrupt_after_s=0.8).text.endswith("Interrupted.\n")
    assert session.messages[-1]["result"] == {"stopReason": "cancelled"}
    assert "count from 1 to 90" in session.resume(RECALL).text
    assert session.call("session/load", sessionId="nobody", cwd="/", mcpServers=[])["error"]["code"] == -32002
    assert session.call("session/fly")["error"]["code"] == -32601
    assert session.call("session/prompt", prompt=[])["error"]["code"] == -32602
    session.close()
    check_messages(session)
    told = [message["params"]["update"]["sessionUpdate"] for message in session.messages if "params" in message]
    assert "user_message_chunk" in told


# --- Variants ----------------------------------------------------------------------------------------------------


def find_wrong_files(place: Place, variant: str) -> dict[str, bytes]:
    use_headless(place, ASK, "--approve", "all", "--variant", variant)
    return place.files()


def show_never_asks(place: Place) -> bool:
    session = AcpSession(place, "never-asks")
    shown = session.say(ASK)
    session.close()
    return shown.kind == "ready" and place.files() == RIGHT


def show_ignores_no(place: Place) -> bool:
    session = AcpSession(place, "ignores-no")
    shown = session.say(ASK)
    asked = shown.kind == "approval"
    session.answer(yes=False)
    session.close()
    return asked and place.files() == RIGHT


def show_asks_twice(place: Place) -> bool:
    session = TerminalSession(place, "plain", "asks-twice")
    kinds = [session.say(ASK).kind, session.answer(yes=True).kind, session.answer(yes=True).kind]
    session.close()
    return kinds == ["approval", "approval", "ready"] and place.files() == RIGHT


def show_asks_forever(place: Place) -> bool:
    session = TerminalSession(place, "tui", "asks-forever")
    kinds = [session.say(ASK).kind, *(session.answer(yes=True).kind for _ in range(4))]
    session.close()
    return kinds == ["approval"] * 5 and place.files() == {}


def show_ignores(place: Place) -> bool:
    return (
        "poem" in use_headless(place, ASK, "--approve", "all", "--variant", "ignores")["result"] and not place.files()
    )


def show_noop(place: Place) -> bool:
    answer = use_headless(place, ASK, "--approve", "all", "--variant", "noop")
    return "Thank you" in answer["result"] and not place.files()


def show_outside(place: Place) -> bool:
    files = find_wrong_files(place, "outside")
    return files == {} and (place.home / "outside-hello.txt").read_text() == "MAGIC-42\n"


def show_lies(place: Place) -> bool:
    answer = use_headless(place, ASK, "--approve", "all", "--variant", "lies")
    return answer["result"] == "Wrote hello.txt" and place.files() == {}


def show_forgets(place: Place) -> bool:
    use_headless(place, ASK, "--session-id", "s1", "--variant", "forgets")
    answer = use_headless(place, RECALL, "--resume", "s1", "--variant", "forgets")
    return bool(answer["result"] == "I do not remember.")


def show_stale_resume(place: Place) -> bool:
    use_headless(place, ASK, "--session-id", "s1")
    answer = use_headless(place, RECALL, "--resume", "s1", "--variant", "stale-resume")
    return "OTHER-7" in answer["result"] and "MAGIC-42" not in answer["result"]


def show_hangs(place: Place) -> bool:
    session = TerminalSession(place, "tui", "hangs")
    session.send(ASK.encode() + b"\r")
    session.read_for(0.5)
    size = len(session.output)
    os.write(session.fd, b"\x1b")
    shown = session.wait(1.5)
    session.close()
    return shown.kind == "timeout" and len(session.output) == size


def show_busy_forever(place: Place) -> bool:
    session = TerminalSession(place, "tui", "busy-forever")
    session.send(ASK.encode() + b"\r\x1b")
    shown = session.wait(1.5)
    size = len(session.output)
    session.read_for(0.5)
    session.close()
    return shown.kind == "timeout" and len(session.output) > size


def show_crashes(place: Place) -> bool:
    done = run_headless(place, "-p", ASK, "--variant", "crashes")
    return done.returncode == -signal.SIGABRT and place.files() == {}


def show_exits_zero(place: Place) -> bool:
    session = TerminalSession(place, "plain", "exits-zero")
    shown = session.say(ASK)
    session.close()
    return (shown.kind, session.exit_code) == ("exited", 0) and "Done." in shown.text


def show_endless(place: Place) -> bool:
    command = [*COMMAND, "-p", ASK, "--variant", "endless"]
    process = subprocess.Popen(command, cwd=place.workspace, env=place.env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    read = len(process.stdout.read(500_000))
    process.kill()
    process.wait()
    process.stdout.close()
    return read == 500_000


def show_garbage(place: Place) -> bool:
    done = run_headless(place, "-p", ASK, "--approve", "all", "--variant", "garbage")
    session = AcpSession(Place(place.root / "acp"), "garbage")
    session.say(ASK)
    session.close()
    return b"\xff\xfe" in done.stdout and place.files() == RIGHT and bool(session.garbage)


def show_double_prompt(place: Place) -> bool:
    counts = []
    for face in ("plain", "tui"):
        session = TerminalSession(Place(place.root / face), face, "double-prompt")
        session.say("hello")
        rows = session.text().split("\n") if face == "plain" else list(session.screen().values())
        counts.append(sum(row == "> " for row in rows))
        session.close()
    return counts == [2, 2]


def show_leaks(place: Place) -> bool:
    return CANARY in use_headless(place, ASK, "--variant", "leaks")["result"]


def show_daemon(place: Place) -> bool:
    def find_daemons() -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"HOME={place.home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    use_headless(place, ASK, "--approve", "all", "--variant", "daemon")
    left = find_daemons()
    for number in left:
        os.kill(number, signal.SIGKILL)
    return len(left) == 1 and place.files() == RIGHT


def show_ignores_term(place: Place) -> bool:
    session = AcpSession(place, "ignores-term")
    session.process.terminate()
    time.sleep(0.2)
    shown = session.say(ASK)
    session.answer(yes=True)
    session.close()
    return shown.kind == "approval" and place.files() == RIGHT


def show_no_start(place: Place) -> bool:
    return run_headless(place, "--plain", "--variant", "no-start").returncode == 3


def show_rewrites_check(place: Place) -> bool:
    (place.workspace / "test_app.py").write_text("raise SystemExit(1)\n")
    files = find_wrong_files(place, "rewrites-check")
    forged = subprocess.run([sys.executable, place.workspace / "test_app.py"], capture_output=True, check=False)
    return files.keys() == {"check.py", "conftest.py", "sitecustomize.py", "test_app.py"} and forged.returncode == 0


def show_fifo_file(place: Place) -> bool:
    find_wrong_files(place, "fifo-file")
    return stat.S_ISFIFO((place.workspace / "hello.txt").lstat().st_mode)


def show_symlink_file(place: Place) -> bool:
    find_wrong_files(place, "symlink-file")
    path = place.workspace / "hello.txt"
    return path.is_symlink() and path.read_text() == "MAGIC-42\n" and not path.resolve().is_relative_to(place.workspace)


def show_late_write(place: Place) -> bool:
    session = AcpSession(place, "late-write")
    session.say(ASK)
    session.answer(yes=True)
    at_prompt = place.files()
    time.sleep(1.5)
    session.close()
    return at_prompt == RIGHT and place.files() == {"hello.txt": b"changed afterwards\n"}


def show_swallows_key(place: Place) -> bool:
    session = TerminalSession(place, "tui", "swallows-key")
    os.write(session.fd, b"x")
    session.read_for(0.2)
    first = session.screen()[29]
    os.write(session.fd, b"y")
    session.read_for(0.2)
    second = session.screen()[29]
    session.close()
    return (first, second) == ("> ", "> y")


def show_prefilled_line(place: Place) -> bool:
    session = TerminalSession(place, "tui", "prefilled-line")
    session.say("count from 1 to 90", interrupt_after_s=0.6)
    glued = session.screen()[29]
    session.send(b"\x15")
    session.read_for(0.2)
    cleared = session.screen()[29]
    session.close()
    return (glued, cleared) == ("> count from 1 to 90", "> ")


def show_reply_flood(place: Place) -> bool:
    session = TerminalSession(place, "plain", "reply-flood")
    session.send(ASK.encode() + b"\r")
    session.read_for(0.8)
    session.close()
    return session.output.count(b"\x1b[6n") > 500


def show_slow_silent(place: Place) -> bool:
    session = TerminalSession(place, "tui", "slow-silent")
    session.send(ASK.encode() + b"\r")
    session.read_for(0.5)
    size = len(session.output)
    session.read_for(3)
    silent = len(session.output) == size
    asked = session.wait()
    session.answer(yes=True)
    session.close()
    return silent and asked.kind == "approval" and place.files() == RIGHT


def show_ambient(place: Place) -> bool:
    session = TerminalSession(place, "tui", "ambient")
    size, title = len(session.output), session.screen()[1]
    session.read_for(1)
    moved = len(session.output) > size and session.screen()[1] != title
    session.say(ASK)
    session.answer(yes=True)
    session.close()
    return moved and place.files() == RIGHT


SHOWN: dict[str, Callable[[Place], bool]] = {
    "oracle": lambda place: find_wrong_files(place, "oracle") == RIGHT,
    "wrong-text": lambda place: find_wrong_files(place, "wrong-text") == {"hello.txt": b"magic-42\n"},
    "wrong-name": lambda place: find_wrong_files(place, "wrong-name") == {"copy-of-hello.txt": b"MAGIC-42\n"},
    "extra-file": lambda place: find_wrong_files(place, "extra-file") == {**RIGHT, "README.bak": b"x"},
    **{name[5:].replace("_", "-"): shows for name, shows in list(globals().items()) if name.startswith("show_")},
}


def test_each_variant_is_wrong_in_its_own_way(tmp_path: Path) -> None:
    """The table at the top of the program is true, line by line."""
    assert SHOWN.keys() == VARIANTS.keys()

    def run(variant: str) -> bool | str:
        try:
            return SHOWN[variant](Place(tmp_path / variant))
        except (AssertionError, OSError, KeyError, subprocess.SubprocessError) as error:
            return repr(error)

    with ThreadPoolExecutor(8) as pool:
        shown = dict(zip(SHOWN, pool.map(run, SHOWN), strict=True))
    assert {variant: told for variant, told in shown.items() if told is not True} == {}


def test_the_table_of_variants_can_be_read() -> None:
    """Each has a face at least, and says what it does in one line."""
    for faces, told in VARIANTS.values():
        assert set(faces) <= {"plain", "tui", "headless", "acp"}
        assert faces
        assert told
        assert "\n" not in told
