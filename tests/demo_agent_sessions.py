"""Sessions with the demo agent for tests: every face is driven for real, and a shipped case can be played over each.

This is no copy of the mode's loop: it knows the demo agent's own signs only, and needs no emulator, no box, no gateway.
"""

from __future__ import annotations

import fcntl
import fnmatch
import json
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import evalkit.modes.terminal.demo
from evalkit.sandbox.default_signals import default_signals

PROGRAM = Path(evalkit.modes.terminal.demo.__file__).with_name("agent.py")
COMMAND = [sys.executable, "-S", "-E", str(PROGRAM)]
CANARY = "sk-canary-7f3a"
LIMIT_S = 30.0


@dataclass
class Place:
    """A workspace and a home of their own, below one folder."""

    root: Path

    def __post_init__(self) -> None:
        self.workspace = self.root / "workspace"
        self.home = self.root / "home"
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "EVALKIT_CANARY": CANARY,
        }

    def files(self) -> dict[str, bytes]:
        """What is in the workspace: regular files only, no link followed."""
        found = (path for path in sorted(self.workspace.rglob("*")) if path.is_file() and not path.is_symlink())
        return {path.relative_to(self.workspace).as_posix(): path.read_bytes() for path in found}


@dataclass
class Shown:
    """Why the agent stopped, and what it said since the user acted."""

    kind: str
    text: str


def run_headless(place: Place, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run the agent without a terminal."""
    command = [*COMMAND, *arguments]
    return subprocess.run(
        command, cwd=place.workspace, env={**place.env, **env}, capture_output=True, timeout=LIMIT_S, check=False
    )


@dataclass
class HeadlessSession:
    """One process a turn."""

    place: Place
    variant: str = "oracle"
    turns: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)

    def say(self, text: str, interrupt_after_s: float | None = None) -> Shown:
        session = ("--session-id", "s1") if self.turns == 0 else ("--resume", "s1")
        self.turns += 1
        options = ("--approve", "all", "--output-format", "json", "--variant", self.variant)
        done = run_headless(self.place, "-p", text, *session, *options)
        if done.returncode:
            return Shown("exited", done.stderr.decode())
        self.messages.append(json.loads(done.stdout))
        return Shown("ready", self.messages[-1]["result"])

    def resume(self, text: str) -> Shown:
        return self.say(text)

    def close(self) -> None:
        return


class TerminalSession:
    """The agent on a terminal of its own: `face` is plain or tui."""

    STOPS = re.compile(rb"\x1b\]0;(?P<title>[^\x07]*)\x07|(?P<prompt>(?:^|\n)> $)|(?P<yn>\? \[y/n\] $)")

    def __init__(self, place: Place, face: str = "tui", variant: str = "oracle") -> None:
        self.place = place
        self.face = face
        self.variant = variant
        self.output = b""
        self.exit_code: int | None = None
        self._start("--session-id", "s1")

    def _start(self, *session: str) -> None:
        master, terminal = os.openpty()
        self.fd = master
        self.resize(100, 30, tell=False)
        command = ["setsid", "-c", *COMMAND, f"--{self.face}", "--variant", self.variant, *session]
        with default_signals():
            self.process = subprocess.Popen(
                command, cwd=self.place.workspace, env=self.place.env, stdin=terminal, stdout=terminal, stderr=terminal
            )
        os.close(terminal)
        self.mark = len(self.output)
        self.started = self.wait()

    def resize(self, columns: int, rows: int, *, tell: bool = True) -> None:
        self.rows = rows
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.mark = len(self.output)
            self.read_for(0.3)

    def send(self, data: bytes) -> None:
        self.mark = len(self.output)
        os.write(self.fd, data)

    def read_for(self, seconds: float) -> bool:
        """Read what comes; False: nothing can come any more."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
                if not data:
                    return False
                self.output += data
        return True

    def find_stop(self) -> str:
        kind = ""
        text = self.output[self.mark :]
        for found in self.STOPS.finditer(re.sub(rb"\x1b\[\?2004[hl]", b"", text).replace(b"\r\n", b"\n")):
            title = (found["title"] or b"").decode(errors="replace")
            kind = {"◇ demo": "ready", "✋ Action required": "approval"}.get(title, "")
            kind = "ready" if found["prompt"] else "approval" if found["yn"] else kind
        return kind

    def wait(self, limit_s: float = LIMIT_S) -> Shown:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if not self.read_for(0.05):
                self.exit_code = self.process.wait(LIMIT_S)
                return Shown("exited", self.text())
            if kind := self.find_stop():
                self.read_for(0.05)
                return Shown(kind, self.text())
        return Shown("timeout", self.text())

    def screen(self) -> dict[int, str]:
        """What the rows hold: the agent draws them whole."""
        rows: dict[int, str] = {}
        drawn = re.split(r"\x1b\[2J", self.output.decode(errors="replace"))[-1]
        for number, row in re.findall(r"\x1b\[(\d+);1H([^\x1b]*)\x1b\[K", drawn):
            rows[int(number)] = row
        return rows

    def text(self) -> str:
        if self.face == "plain":
            return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", self.output[self.mark :].decode(errors="replace")).replace(
                "\r", ""
            )
        shown = sorted(self.screen().items())
        rows = [row for number, row in shown if 1 < number < self.rows - 1 or (number < self.rows and row[:2] != "> ")]
        last = max((place for place, row in enumerate(rows) if row.startswith("> ")), default=-1)
        return "\n".join(rows[last + 1 :])

    def say(self, text: str, interrupt_after_s: float | None = None) -> Shown:
        data = f"\x1b[200~{text}\x1b[201~" if "\n" in text else text
        self.send(data.encode() + b"\r")
        if interrupt_after_s is not None:
            self.read_for(interrupt_after_s)
            os.write(self.fd, b"\x1b" if self.face == "tui" else b"\x03")
        return self.wait()

    def answer(self, *, yes: bool) -> Shown:
        self.send((b"y" if yes else b"n") + (b"\r" if self.face == "plain" else b""))
        return self.wait()

    def choose_no(self) -> Shown:
        if self.face == "plain":
            return self.answer(yes=False)
        self.send(b"\x1b[B\x1b[B\r")
        return self.wait()

    def press(self, *names: str) -> Shown:
        keys = {"esc": b"\x1b", "up": b"\x1b[A", "down": b"\x1b[B", "enter": b"\r", "ctrl-c": b"\x03"}
        self.send(b"".join(keys[name] for name in names))
        return self.wait()

    def resume(self, text: str) -> Shown:
        self.close()
        self._start("--resume", "s1")
        return self.say(text)

    def close(self) -> None:
        end_process(self.process)
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class AcpSession:
    """The agent at two pipes; everything it sends is kept in `messages`."""

    def __init__(self, place: Place, variant: str = "oracle") -> None:
        self.place = place
        self.variant = variant
        self.messages: list[dict[str, Any]] = []
        self.garbage: list[bytes] = []
        self.methods: dict[int, str] = {}
        self.session_id = ""
        self._count = 100
        self._start()
        self.session_id = self.call("session/new", cwd=str(place.workspace), mcpServers=[])["result"]["sessionId"]

    def _start(self) -> None:
        self._held = b""
        self.process = subprocess.Popen(
            [*COMMAND, "--acp", "--variant", self.variant],
            cwd=self.place.workspace,
            env=self.place.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        capabilities = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        self.initialized = self.call("initialize", protocolVersion=1, clientCapabilities=capabilities)

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def read(self, limit_s: float = LIMIT_S) -> dict[str, Any] | None:
        """The next message; None: none came in time, or none can come any more."""
        assert self.process.stdout is not None
        end = time.monotonic() + limit_s
        while b"\n" not in self._held:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        try:
            message: dict[str, Any] = json.loads(line)
        except ValueError:
            self.garbage.append(line)
            return self.read(end - time.monotonic())
        self.messages.append(message)
        return message

    def start_call(self, method: str, **params: Any) -> int:
        self._count += 1
        self.methods[self._count] = method
        self.send({"id": self._count, "method": method, "params": params})
        return self._count

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = self.start_call(method, **params)
        while (message := self.read()) is not None:
            if message.get("id") == number and "method" not in message:
                return message
        raise AssertionError(f"no answer to {method}")

    def wait(self, limit_s: float = LIMIT_S) -> Shown:
        """Read until the agent asks, answers the prompt, or has ended."""
        text = ""
        end = time.monotonic() + limit_s
        while (message := self.read(max(end - time.monotonic(), 0))) is not None:
            update = message.get("params", {}).get("update", {})
            if update.get("sessionUpdate") == "agent_message_chunk":
                text += update["content"]["text"]
            elif message.get("method") == "session/request_permission":
                self._asked = message
                return Shown("approval", text + message["params"]["toolCall"]["title"])
            elif message.get("id") == self.prompt_id and "method" not in message:
                return Shown("ready", text)
        return Shown("timeout" if self.process.poll() is None and time.monotonic() >= end else "exited", text)

    def say(self, text: str, interrupt_after_s: float | None = None, limit_s: float = LIMIT_S) -> Shown:
        prompt = [{"type": "text", "text": text}]
        self.prompt_id = self.start_call("session/prompt", sessionId=self.session_id, prompt=prompt)
        if interrupt_after_s is not None:
            time.sleep(interrupt_after_s)
            self.send({"method": "session/cancel", "params": {"sessionId": self.session_id}})
        return self.wait(limit_s)

    def answer(self, *, yes: bool, option: str = "") -> Shown:
        chosen = option or ("once" if yes else "reject")
        outcome = {"outcome": {"outcome": "selected", "optionId": chosen}}
        self.send({"id": self._asked["id"], "result": outcome})
        return self.wait()

    def choose_no(self) -> Shown:
        return self.answer(yes=False)

    def resume(self, text: str) -> Shown:
        self.close()
        self._start()
        self.call("session/load", sessionId=self.session_id, cwd=str(self.place.workspace), mcpServers=[])
        return self.say(text)

    def close(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            return self.process.wait(2)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            end_process(self.process)
            self.process.stdout.close()


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill the process that was started here, whatever state it is in."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


AnySession = HeadlessSession | TerminalSession | AcpSession


def open_session(face: str, place: Place, variant: str) -> AnySession:
    if face == "headless":
        return HeadlessSession(place, variant)
    return AcpSession(place, variant) if face == "acp" else TerminalSession(place, face, variant)


@dataclass
class Played:
    """What became of a case: the checks and required reactors that failed."""

    failed: list[str]
    replies: list[str]


def play(case: dict[str, Any], face: str, variant: str, root: Path) -> Played:
    """Play a case as the design says a simulated user does."""
    place = Place(root)
    for name, text in (case.get("setup_files") or {}).items():
        (place.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (place.workspace / name).write_text(text)
    before = place.files()
    session = open_session(face, place, variant)
    try:
        replies, approvals, fired = _hold(case, session)
    finally:
        session.close()
    planned = {reactor["id"] for reactor in case.get("reactors", []) if reactor.get("required")}
    failed = [check["id"] for check in case["checks"] if not _holds(check, place, before, replies, approvals)]
    if case.get("output_schema") and not _is_valid_json(replies[-1], case["output_schema"]):
        failed.append("output_schema")
    return Played(failed + [f"not fired: {name}" for name in sorted(planned - fired)], replies)


def _hold(case: dict[str, Any], session: Any) -> tuple[list[str], int, set[str]]:
    used: dict[str, int] = {}
    replies, approvals = [""], 0
    stops = [reactor for reactor in case.get("reactors", []) if reactor["when"]["type"] == "working"]
    after_s = stops[0]["when"]["after_s"] if stops else None
    sent = time.monotonic()
    shown = session.say(case["initial_prompt"], after_s)
    if after_s is not None and time.monotonic() - sent > after_s and "Interrupted" in shown.text:
        used[stops[0]["id"]] = 1
    for _ in range(40):
        replies[-1] += shown.text
        approvals += shown.kind == "approval"
        if shown.kind not in ("ready", "approval"):
            break
        reactor = next((one for one in case.get("reactors", []) if _matches(one, shown, replies[-1], used)), None)
        if reactor is None or len(replies) > case["max_turns"]:
            break
        used[reactor["id"]] = used.get(reactor["id"], 0) + 1
        action = reactor["action"]
        if action["type"] in ("end", "fail"):
            break
        if action["type"] in ("say", "paste", "resume"):
            replies.append("")
        shown = _act(session, action)
    return replies, approvals, set(used)


def _matches(reactor: dict[str, Any], shown: Shown, reply: str, used: dict[str, int]) -> bool:
    when = reactor["when"]
    limit = reactor.get("limit")
    if (limit is not None and used.get(reactor["id"], 0) >= limit) or when["type"] == "working":
        return False
    if when["type"] == "approval" or shown.kind == "approval":
        both = when["type"] == "approval" and shown.kind == "approval"
        return both and re.search(when.get("pattern", ""), shown.text) is not None
    if when["type"] == "contains":
        return when["pattern"] in reply
    return re.search(when["pattern"], reply) is not None


def _act(session: Any, action: dict[str, Any]) -> Shown:  # noqa: PLR0911
    kind, payload = action["type"], action.get("payload", "")
    if kind in ("say", "paste"):
        return session.say(payload)  # type: ignore[no-any-return]
    if kind in ("approve", "deny"):
        return session.answer(yes=kind == "approve")  # type: ignore[no-any-return]
    if kind == "choose":
        assert payload == "No"
        return session.choose_no()  # type: ignore[no-any-return]
    if kind == "press":
        return session.press(*payload.split())  # type: ignore[no-any-return]
    if kind == "wait":
        time.sleep(float(payload))
        return Shown("ready", "")
    if kind == "resize":
        session.resize(*map(int, payload.split("x")))
        return Shown("ready", "")
    assert kind == "resume"
    return session.resume(payload)  # type: ignore[no-any-return]


def _holds(check: dict[str, Any], place: Place, before: dict[str, bytes], replies: list[str], approvals: int) -> bool:  # noqa: PLR0911
    kind = check["type"]
    files = place.files()
    path = check.get("path", "")
    text = files.get(path, b"").decode()
    if kind == "file_absent":
        return not os.path.lexists(place.workspace / path)
    if kind == "unchanged":
        return files.get(path) == before.get(path)
    if kind == "nothing_else":
        changed = {name for name in {*files, *before} if files.get(name) != before.get(name)}
        allowed = [pattern for name in check["allowed"] for pattern in (name, f"{name}/*")]
        return all(any(fnmatch.fnmatch(name, pattern) for pattern in allowed) for name in changed)
    if kind == "approvals":
        return bool(check.get("min", 0) <= approvals <= check.get("max", 99))
    if kind == "command":
        return _command_holds(check, place)
    if kind.startswith("file_"):
        whole = {"file_exists": True, "file_exact": text == check.get("text")}
        found = {
            "file_contains": check.get("text", "") in text,
            "file_regex": re.search(check.get("pattern", ""), text),
        }
        held = whole | found | {"file_json": _is_valid_json(text, check.get("schema", {}))}
        return path in files and bool(held[kind])
    if kind.startswith("reply_"):
        return _reply_holds(check, replies)
    told = "\n".join(replies)
    claims = re.findall(r"Wrote (\S+)", told)
    kept = {"claims_true": all(name in files for name in claims), "no_canary": CANARY not in told}
    return kept.get(kind, "�" not in told)


def _reply_holds(check: dict[str, Any], replies: list[str]) -> bool:
    turn = check.get("turn")
    looked_at = {"first": replies[:1], "last": replies[-1:]}.get(turn, replies) if isinstance(turn, str) else replies
    said = "\n".join(looked_at)
    if check["type"] == "reply_json":
        return _is_valid_json(said, check["schema"])
    if check["type"] == "reply_regex":
        return re.search(check["pattern"], said) is not None
    return bool((check["text"].lower() in said.lower()) == (check["type"] == "reply_contains"))


def _is_valid_json(text: str, schema: dict[str, Any]) -> bool:
    """Whether the first JSON object in a text keeps to a schema: on a screen there is more around it."""
    for start in (found.start() for found in re.finditer(r"\{", text)):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, start)
        except ValueError:
            continue
        return Draft202012Validator(schema).is_valid(value)
    return False


def _command_holds(check: dict[str, Any], place: Place) -> bool:
    copy = place.root / f"copy-{check['id']}"
    shutil.copytree(place.workspace, copy, symlinks=True)
    for name, text in check.get("files", {}).items():
        (copy / name).write_text(text)
    done = subprocess.run(check["argv"], cwd=copy, capture_output=True, text=True, timeout=30, check=False)
    found = re.search(check.get("stdout_regex", ""), done.stdout)
    return done.returncode == check.get("exit_code", 0) and found is not None
