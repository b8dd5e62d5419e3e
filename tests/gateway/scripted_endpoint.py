"""A scripted model endpoint in four protocols: it drives real agents, and fails in every way that providers fail.

A script is a list of rules. The first whose pattern is found in the last thing that the user said gives the steps of
the answer: words, and at most one tool call a round; what stands behind a tool call is said once its result has come.
Nothing is remembered but how often a failure has happened, so that agents may repeat, resume and ask for titles.

The tools that write a file or run a command are the agent's own, found by name and filled by their JSON schemas.
"""

from __future__ import annotations

import json
import re
import select
import shlex
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeAlias

from scripted_wire import (
    INPUT_TOKENS,
    RENDERERS,
    Asked,
    Event,
    Piece,
    Tool,
    ToolUse,
    error_event,
    error_object,
    key_of,
    read_chat,
    read_gemini,
    read_messages,
    read_responses,
)  # fmt: skip

MODELS = ("scripted-model", "gpt-5.2-codex", "claude-sonnet-4-5", "gemini-2.5-pro")
TITLE = "A scripted session"


@dataclass(frozen=True)
class Say:
    """Words."""

    text: str


@dataclass(frozen=True)
class Recall:
    """The first group of `pattern` as it was last said in the session, or that nothing is known: so memory is seen."""

    pattern: str


@dataclass(frozen=True)
class WriteFile:
    """A call of the agent's tool that writes files; `path` counts from the workspace."""

    path: str
    text: str


@dataclass(frozen=True)
class RunShell:
    """A call of the agent's tool that runs commands."""

    command: str


@dataclass(frozen=True)
class CallTool:
    """A call of a tool by its name."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class FailWith:
    """An HTTP error, in the protocol's form; `times`: how often, then the steps behind it follow."""

    status: int
    message: str = "scripted failure"
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None


@dataclass(frozen=True)
class Hang:
    """Silence after as many events (0: before the status line), until the client leaves or `seconds` are over."""

    after_events: int = 0
    seconds: float = 600.0


@dataclass(frozen=True)
class Cut:
    """The connection ends after as many events; `unnoticed`: as if this were the answer's end."""

    after_events: int = 2
    unnoticed: bool = False


@dataclass(frozen=True)
class Garbage:
    """What no client expects: not HTTP, a page, or broken JSON."""

    kind: Literal["line", "page", "json"] = "line"


@dataclass(frozen=True)
class FailInside:
    """An error within a 200 answer, as an event of the stream where there is one."""

    code: str = ""
    message: str = "scripted failure inside"
    after_events: int = 1


Step: TypeAlias = Say | Recall | WriteFile | RunShell | CallTool | FailWith | Hang | Cut | Garbage | FailInside
Fault: TypeAlias = Hang | Cut | Garbage | FailInside


@dataclass(frozen=True)
class Rule:
    """What is answered where `pattern` is found in the user's last words."""

    pattern: str
    steps: Sequence[Step]


@dataclass
class ScriptedRequest:
    """One request as it came.

    Attributes:
        method: The HTTP method.
        target: Path and query.
        headers: Names in lower case.
        body: The body as JSON; empty where there is none.
        user_text: What the user said last.
        tools: The names of the tools that are offered.
        was_abandoned: Whether the client left while it was kept waiting.

    """

    method: str
    target: str
    headers: dict[str, str]
    body: dict[str, Any]
    user_text: str = ""
    tools: tuple[str, ...] = ()
    was_abandoned: bool = False


class ScriptedEndpoint:
    """The server, on a free port of 127.0.0.1, in threads of its own. Use it as a context manager.

    Args:
        rules: The script.
        workspace: What paths count from, or a function that says so for each request.
        key: The key that requests must come with, in the protocol's own header; None: any will do.
        pause_s: How long it waits between the events of a stream.
        extra_headers: Sent with every answer.

    Attributes:
        requests: Every request, in the order in which they came.

    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        workspace: str | Callable[[ScriptedRequest], str] = "/workspace",
        key: str | None = None,
        pause_s: float = 0.0,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        self.requests: list[ScriptedRequest] = []
        self.rules = list(rules)
        self.key = key
        self.pause_s = pause_s
        self.extra_headers = dict(extra_headers or {})
        self.closing = threading.Event()
        self._workspace = workspace
        self._happened: Counter[tuple[int, int]] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> ScriptedEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base URL, without a version: ``/v1`` and ``/v1beta`` are below it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def asked(self, operation: str = "") -> list[ScriptedRequest]:
        """Return the POST requests whose target holds `operation`."""
        return [request for request in self.requests if request.method == "POST" and operation in request.target]

    def note(self, request: ScriptedRequest) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(request)

    def plan(self, asked: Asked, request: ScriptedRequest) -> tuple[list[Piece], FailWith | Fault | None]:
        """Return what to say, and how to fail."""
        if asked.answer_schema is not None and not asked.tools:
            return [json.dumps(fill(asked.answer_schema))], None
        for place, rule in enumerate(self.rules):
            if re.search(rule.pattern, asked.user_text, re.IGNORECASE):
                return self._follow(place, rule, asked, request)
        return [f"You said: {asked.user_text[:200]}"], None

    def _follow(
        self, place: int, rule: Rule, asked: Asked, request: ScriptedRequest
    ) -> tuple[list[Piece], FailWith | Fault | None]:
        pieces: list[Piece] = []
        fault: FailWith | Fault | None = None
        for number, step in enumerate(_round(rule.steps, asked.rounds_done)):
            match step:
                case Say(text):
                    pieces.append(text)
                case Recall(pattern):
                    found = re.findall(pattern, json.dumps(request.body, ensure_ascii=False))
                    pieces.append(f"It was {found[-1]}." if found else "I do not know.")
                case FailWith(times=times):
                    with self._lock:
                        self._happened[place, number] += 1
                        if times is None or self._happened[place, number] <= times:
                            return [], step
                case Hang() | Cut() | Garbage() | FailInside():
                    fault = step
                case _:
                    workspace = self._workspace if isinstance(self._workspace, str) else self._workspace(request)
                    pieces.append(use_tool(step, asked.tools, workspace) or TITLE)
        return pieces or ["Done."], fault


def _round(steps: Sequence[Step], rounds_done: int) -> Iterator[Step]:
    """Yield the steps up to the next tool call, after as many as were made."""
    for step in steps:
        is_call = isinstance(step, WriteFile | RunShell | CallTool)
        if rounds_done > 0:
            rounds_done -= is_call
            continue
        yield step
        if is_call:
            return


WRITERS = r"write(_file|_to_file)?|create_file|create|editor|write_text_file"
SHELLS = (
    r"exec_command|shell_command|shell|bash|run_shell_command|execute_command|run_command|run_commands|local_shell"
    r"|terminal|run_in_terminal"
)


def use_tool(step: WriteFile | RunShell | CallTool, tools: Sequence[Tool], workspace: str) -> ToolUse | None:
    """Return the call of the offered tool that does `step`; None where there is none."""
    if isinstance(step, CallTool):
        return ToolUse(step.name, step.arguments) if any(tool.name == step.name for tool in tools) else None
    if isinstance(step, RunShell):
        return _run(step.command, _find(tools, SHELLS))
    path = step.path if step.path.startswith("/") else f"{workspace}/{step.path}"
    writer = _find(tools, WRITERS)
    if writer is not None:
        return ToolUse(writer.name, _write_arguments(writer, path, step.text))
    patcher = _find(tools, "apply_patch")
    if patcher is not None and patcher.is_custom:
        lines = "".join(f"+{line}\n" for line in step.text.splitlines())
        return ToolUse(patcher.name, f"*** Begin Patch\n*** Add File: {step.path}\n{lines}*** End Patch\n")
    return _run(f"printf %s {shlex.quote(step.text)} > {shlex.quote(step.path)}", _find(tools, SHELLS))


def fill(schema: Mapping[str, Any]) -> Any:
    """Return a value that keeps to a JSON schema, of the plainest kind."""
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return fill(schema[choice][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {name: fill(inner) for name, inner in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [fill(schema.get("items") or {})] * int(schema.get("minItems", 0))
    plain: dict[str, Any] = {"number": 1, "integer": 1, "boolean": False, "null": None}
    return plain.get(kind, "scripted")


def _find(tools: Sequence[Tool], names: str) -> Tool | None:
    return next((tool for tool in tools if re.fullmatch(names, tool.name, re.IGNORECASE)), None)


def _run(command: str, shell: Tool | None) -> ToolUse | None:
    if shell is None:
        return None
    properties = shell.schema.get("properties") or {}
    arguments = _required(shell)
    for name, inner in properties.items():
        if re.fullmatch(r"cmd|commands?", name):
            is_argv = inner.get("type") == "array" and shell.name == "shell"
            arguments[name] = (
                ["bash", "-lc", command] if is_argv else [command] if inner.get("type") == "array" else command
            )
    return ToolUse(shell.name, arguments or {"command": command})


def _write_arguments(writer: Tool, path: str, text: str) -> dict[str, Any]:
    arguments = _required(writer)
    for name in writer.schema.get("properties") or {"path": {}, "content": {}}:
        if re.search(r"path|file_?name|^file$", name, re.IGNORECASE):
            arguments[name] = path
        elif re.search(r"content|text", name, re.IGNORECASE):
            arguments[name] = text
        elif name == "command" and writer.name == "editor":
            arguments[name] = "create"
    return arguments


def _required(tool: Tool) -> dict[str, Any]:
    properties = tool.schema.get("properties") or {}
    return {name: fill(properties.get(name) or {}) for name in tool.schema.get("required") or ()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, endpoint: ScriptedEndpoint) -> None:
        self.endpoint = endpoint
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients leave as they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_HEAD(self) -> None:
        self._whole(200, b"")

    def do_GET(self) -> None:
        self.server.endpoint.note(ScriptedRequest("GET", self.path, self._headers(), {}))
        rows = [
            {"id": name, "object": "model", "type": "model", "created": 1, "owned_by": "scripted", "display_name": name}
            for name in MODELS
        ]
        gemini = [{"name": f"models/{name}", "displayName": name} for name in MODELS]
        if "/models" in self.path:
            self._json(200, {"object": "list", "data": rows, "models": gemini, "has_more": False})
        else:
            self._json(200, {})

    def do_POST(self) -> None:
        raw = self._read()
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        request = ScriptedRequest("POST", self.path, self._headers(), body if isinstance(body, dict) else {})
        with suppress(BrokenPipeError, ConnectionResetError):
            self._route(request)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _read(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _route(self, request: ScriptedRequest) -> None:
        endpoint, path = self.server.endpoint, self.path.partition("?")[0]
        if path.endswith("/chat/completions"):
            asked = read_chat(request.body)
        elif path.endswith("/responses"):
            asked = read_responses(request.body)
        elif path.endswith("/messages"):
            asked = read_messages(request.body)
        elif "enerateContent" in path:
            asked = read_gemini(request.body, self.path)
        else:
            endpoint.note(request)
            return self._json(200, _side_answer(path))
        request.user_text, request.tools = asked.user_text, tuple(tool.name for tool in asked.tools)
        endpoint.note(request)
        if endpoint.key is not None and key_of(asked.protocol, request.headers) != endpoint.key:
            return self._json(401, error_object(asked.protocol, 401, "wrong key", ""))
        pieces, fault = endpoint.plan(asked, request)
        if isinstance(fault, FailWith):
            said = error_object(asked.protocol, fault.status, fault.message, fault.code)
            return self._json(fault.status, said, fault.headers)
        return self._answer(request, asked, pieces, fault)

    def _answer(self, request: ScriptedRequest, asked: Asked, pieces: Sequence[Piece], fault: Fault | None) -> None:
        if isinstance(fault, Garbage):
            return self._garbage(fault)
        if isinstance(fault, Hang) and fault.after_events == 0:
            return self._hang(request, fault)
        whole, events = RENDERERS[asked.protocol](asked, pieces)
        if asked.streams:
            return self._stream(request, asked, events, fault)
        if isinstance(fault, FailInside):
            return self._json(200, error_event(asked.protocol, fault.message, fault.code)[1])
        if isinstance(fault, Cut | Hang):
            content = json.dumps(whole).encode()
            self._begin("application/json", {"content-length": str(len(content))})
            self.wfile.write(content[: len(content) // 2])
            if isinstance(fault, Hang):
                self._hang(request, fault)
            self.close_connection = True
            return None
        return self._json(200, whole)

    def _stream(self, request: ScriptedRequest, asked: Asked, events: list[Event], fault: Fault | None) -> None:
        self._begin("text/event-stream", {"transfer-encoding": "chunked"})
        for place, (name, data) in enumerate(events):
            if fault is not None and not isinstance(fault, Garbage) and place == fault.after_events:
                break
            self._event(name, data)
            if self.server.endpoint.pause_s:
                time.sleep(self.server.endpoint.pause_s)
        if isinstance(fault, FailInside):
            self._event(*error_event(asked.protocol, fault.message, fault.code))
        if isinstance(fault, Hang):
            self._hang(request, fault)
        if isinstance(fault, Hang) or (isinstance(fault, Cut) and not fault.unnoticed):
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, name: str, data: Any) -> None:
        said = data if isinstance(data, str) else json.dumps(data)
        event = (f"event: {name}\n" if name else "") + f"data: {said}\n\n"
        content = event.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def _garbage(self, fault: Garbage) -> None:
        if fault.kind == "line":
            self.wfile.write(b"\x00\x01 what is this\r\n\r\n")
            self.close_connection = True
        elif fault.kind == "page":
            self._whole(200, b"<html><body>Welcome to the portal</body></html>", {"content-type": "text/html"})
        else:
            self._whole(200, b'{"choices": [{"mess', {"content-type": "application/json"})

    def _hang(self, request: ScriptedRequest, fault: Hang) -> None:
        end = time.monotonic() + fault.seconds
        while time.monotonic() < end and not self.server.endpoint.closing.is_set():
            if select.select([self.connection], [], [], 0.02)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                request.was_abandoned = True
                break
        self.close_connection = True

    def _begin(self, content_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(200)
        for name, value in {"content-type": content_type, **headers, **self.server.endpoint.extra_headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self._whole(status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})

    def _whole(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        told = {**(headers or {}), "content-length": str(len(content)), **self.server.endpoint.extra_headers}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _side_answer(path: str) -> dict[str, Any]:
    if path.endswith("count_tokens"):
        return {"input_tokens": INPUT_TOKENS}
    return {"totalTokens": INPUT_TOKENS} if path.endswith(":countTokens") else {}
