"""A server that plays OpenRouter and LM Studio: chat completions with every way to fail, and LM Studio's own REST API.

And a program that plays LM Studio's ``lms``.

What a request is answered with is told by the name of the model it asks for: :meth:`StandIn.chat`.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USAGE = {
    "prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52, "cost": 0.25,
    "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 7},
}  # fmt: skip


class StandIn:
    """The server.

    Attributes:
        answers: What a model says to the last message of a conversation.
        models: LM Studio's models, key -> ids of what is loaded; None: it has no REST API of its own.
        older_models: What a version before 0.4 lists, key -> state; None: nothing.
        unknown_status: With which HTTP status a path is answered that does not exist.
        asked: The bodies of all chat requests, in order.
        keys: The credentials that requests came with.
        log: What LM Studio was told to load and to unload, in order.
        hold: Called before each chat request is answered.
        hold_load: Called before a model is loaded; LM Studio goes on loading when nobody waits for it any more.

    """

    def __init__(self) -> None:
        self.answers: Callable[[str], str] = lambda _: "Forty-two."
        self.models: dict[str, list[str]] | None = None
        self.older_models: dict[str, str] | None = None
        self.unknown_status = 200
        self.asked: list[Any] = []
        self.keys: list[str] = []
        self.log: list[str] = []
        self.hold: Callable[[], object] = lambda: None
        self.hold_load: Callable[[], object] = lambda: None
        self.tries: Counter[str] = Counter()
        self.refuses_to_unload = False
        self._lock = threading.Lock()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL that chat completions are below."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def shown(self, key: str) -> dict[str, Any]:
        """Return a model as LM Studio lists it."""
        assert self.models is not None
        kind = "embedding" if key.startswith("embed") else "llm"
        return {"type": kind, "key": key, "loaded_instances": [{"id": one, "config": {}} for one in self.models[key]]}

    def manage(self, action: str, body: Any) -> tuple[int, Any]:
        """Load or unload a model."""
        assert self.models is not None
        if action == "load":
            self.hold_load()
        with self._lock:
            if action == "load":
                key = body["model"]
                if key == "too-large":
                    return 500, {"error": {"message": "insufficient memory", "type": "internal_error"}}
                self.log.append(f"load {key}")
                instance = key if not self.models[key] else f"{key}:{len(self.models[key]) + 1}"
                self.models[key].append(instance)
                return 200, {"type": "llm", "instance_id": instance, "load_time_seconds": 0.1, "status": "loaded"}
            instance = body["instance_id"]
            if self.refuses_to_unload or not any(instance in loaded for loaded in self.models.values()):
                return 404, {"error": {"message": f"nothing is loaded as {instance}", "code": "model_not_found"}}
            self.log.append(f"unload {instance}")
            for loaded in self.models.values():
                loaded[:] = [one for one in loaded if one != instance]
            return 200, {"instance_id": instance}

    def chat(self, to: Any, body: Any) -> None:
        """Answer a chat request as the name of its model says."""
        model, question = body["model"], str(body["messages"][-1]["content"])
        with self._lock:
            self.asked.append(body)
            self.tries[f"{model} {question}"] += 1
            is_first = self.tries[f"{model} {question}"] == 1
        if self.models is not None and not any(model in (key, *ids) for key, ids in self.models.items() if ids):
            to.say(404, {"error": {"message": f"model {model} is not loaded", "code": "model_not_found"}})
            return
        text, half = self.answers(question), len(self.answers(question)) // 2
        name = model.rpartition("/")[2]
        if name.startswith("http-"):
            status = int(name[5:8])
            if name.endswith("-once") and not is_first:
                to.stream(_chunk(model, content=text), _chunk(model, "stop"), _counted(model))
                return
            error = {"message": f"refused with {status}; you sent {to.headers.get('Authorization')}", "code": status}
            to.say(status, {"error": error}, {"Retry-After": "0.3"})
        elif name == "cut":
            to.stream(_chunk(model, content=text[:half]), ends=False)
        elif name == "cut-quietly":
            to.stream(_chunk(model, content=text[:half]))
        elif name == "breaks":
            error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
            to.stream(_chunk(model, content=text[:half]), {**_chunk(model, "error"), "error": error})
        elif name == "huge":
            to.stream(*(_chunk(model, content="x" * 1_000_000) for _ in range(10)), _chunk(model, "stop"))
        elif name == "thinks":
            thought = [_chunk(model, reasoning="Let me think. "), _chunk(model, reasoning_details=[{"text": "Yes."}])]
            to.stream(*thought, _chunk(model, content=text), _chunk(model, "stop"), _counted(model))
        elif name == "thinks-aloud":
            to.stream(_chunk(model, content=f"<think>Hm.</think>{text}"), _chunk(model, "stop"), _counted(model))
        elif name == "uncounted":
            to.stream(_chunk(model, content=text), _chunk(model, "stop"))
        else:
            to.stream(_chunk(model, content=text[:half]), _chunk(model, content=text[half:]), _chunk(model, "stop"),
                      _counted(model))  # fmt: skip


_LMS = r"""#!{python}
import json, pathlib, sys
state_path = pathlib.Path({state!r})
state = json.loads(state_path.read_text())
what, host, place, port, number, *rest = sys.argv[1:]
assert (host, port) == ("--host", "--port") and place and number.isdigit(), sys.argv
def kept():
    state_path.write_text(json.dumps(state))
def named(path):
    return next(key for key in state["models"] if "maker/" + key + "-GGUF" == path)
def shown(key):
    kind = "embedding" if key.startswith("embed") else "llm"
    return dict(type=kind, modelKey=key, path="maker/" + key + "-GGUF", displayName=key.title(), sizeBytes=7)
if state["broken"]:
    sys.exit(state["broken"])
if (what, rest) == ("ls", ["--json"]):
    print(json.dumps([shown(key) for key in state["models"]]))
elif (what, rest) == ("ps", ["--json"]):
    print(json.dumps([shown(key) | dict(identifier=one) for key, ids in state["models"].items() for one in ids]))
elif what == "load":
    exact, path, yes = rest
    assert (exact, yes) == ("--exact", "--yes"), rest
    key = named(path)
    state["log"].append("load " + key)
    if key == "too-large":
        kept()
        sys.exit("Error: insufficient memory")
    ids = state["models"][key]
    ids.append(key if not ids else key + ":" + str(len(ids) + 1))
    kept()
elif what == "unload":
    (instance,) = rest
    if not any(instance in ids for ids in state["models"].values()):
        print("Cannot find a model with the identifier", instance, file=sys.stderr)
    else:
        state["log"].append("unload " + instance)
        for ids in state["models"].values():
            ids[:] = [one for one in ids if one != instance or state["stuck"]]
        kept()
else:
    sys.exit("unknown: " + what)
"""


class StandInLms:
    """A program that plays ``lms`` for one folder of the search path; what it does not expect fails."""

    def __init__(self, folder: Path, models: Mapping[str, list[str]]) -> None:
        self.program, self._state = folder / "lms", folder / "lms-state.json"
        self.program.write_text(_LMS.format(python=sys.executable, state=str(self._state)), encoding="utf-8")
        self.program.chmod(0o755)
        self._write({"models": dict(models), "log": [], "broken": "", "stuck": False})

    @property
    def models(self) -> dict[str, list[str]]:
        """Which there are, with the ids of what is loaded."""
        models: dict[str, list[str]] = self._read()["models"]
        return models

    @property
    def log(self) -> list[str]:
        """What it was told to load and to unload, in order."""
        log: list[str] = self._read()["log"]
        return log

    def break_down(self, words: str) -> None:
        """Fail with `words` from now on, whatever is asked."""
        self._write({**self._read(), "broken": words})

    def hold_on(self) -> None:
        """Unload nothing from now on, and say nothing of it."""
        self._write({**self._read(), "stuck": True})

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        return state

    def _write(self, state: Mapping[str, Any]) -> None:
        self._state.write_text(json.dumps(state), encoding="utf-8")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path == "/api/v1/models" and owner.models is not None:
            self.say(200, {"models": [owner.shown(key) for key in owner.models]})
        elif self.path == "/api/v0/models" and owner.older_models is not None:
            rows = [{"id": key, "type": "llm", "state": state} for key, state in owner.older_models.items()]
            self.say(200, {"object": "list", "data": [*rows, {"id": "embed", "type": "embeddings"}]})
        else:
            self.unknown()

    def do_POST(self) -> None:
        owner = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if self.path == "/v1/chat/completions":
            owner.keys.append(self.headers.get("Authorization", ""))
            owner.hold()
            owner.chat(self, body)
        elif self.path.startswith("/api/v1/models/") and owner.models is not None:
            self.say(*owner.manage(self.path.rpartition("/")[2], body))
        else:
            self.unknown()

    def unknown(self) -> None:
        """As LM Studio does."""
        self.say(
            self.server.owner.unknown_status, {"error": f"Unexpected endpoint or method. ({self.command} {self.path})"}
        )

    def say(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def stream(self, *chunks: Any, ends: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        lines = [": OPENROUTER PROCESSING\n\n", *(f"data: {json.dumps(one)}\n\n" for one in chunks)]
        for line in [*lines, *(["data: [DONE]\n\n"] if ends else [])]:
            raw = line.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.write(b"0\r\n\r\n" if ends else b"")
        self.close_connection = not ends

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: StandIn) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that hung up."""


def _chunk(model: str, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "gen-1", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _counted(model: str) -> dict[str, Any]:
    return {"id": "gen-1", "object": "chat.completion.chunk", "model": model, "choices": [], "usage": USAGE}


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """Serve until the block ends."""
    server = StandIn()
    try:
        yield server
    finally:
        server.close()
