"""Starts the processes of one session: the same folders, environment and way out for each of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.modes.terminal.agent import DUMMY_KEY, InstalledAgent, fill_in
from evalkit.sandbox.session import (
    GATEWAY_PORT,
    HOME,
    WORKSPACE,
    BoxSession,
    SessionJob,
    SessionLimits,
    SessionSandbox,
    Streams,
    own_folder,
)


@dataclass(frozen=True)
class WayOut:
    """The gateway as one session reaches it.

    Attributes:
        socket: Its socket, for a box.
        url: Its address on this machine, for a session without a box.
        path: What the session's requests begin with.
        forwarder: The program that leads a box's port to the socket.

    """

    socket: Path
    url: str
    path: str
    forwarder: bytes


@dataclass
class Launcher:
    """Starts processes of one session.

    Attributes:
        agent: Who is started.
        sandbox: What keeps it in.
        limits: Of its processes.
        root: Folder of the session; ``workspace`` and ``home`` stand in it.
        model: What the agent is told to use; empty: nothing.
        way_out: To the model; None: there is none.
        canary: A value in its environment that must be seen nowhere.
        session_id: What names the session; an agent that names its own sessions replaces it.

    """

    agent: InstalledAgent
    sandbox: SessionSandbox
    limits: SessionLimits
    root: Path
    model: str = ""
    way_out: WayOut | None = None
    canary: str = ""
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def workspace(self) -> Path:
        """Where the agent works."""
        return self.root / "workspace"

    @property
    def home(self) -> Path:
        """Where it keeps what it remembers."""
        return self.root / "home"

    def prepare(self, files: Mapping[str, bytes], seeds: Mapping[str, bytes]) -> None:
        """Make both folders: `files` in the workspace, `seeds` and those of the agent's profile in its HOME."""
        for folder, contents in ((self.workspace, files), (self.home, {**self._seeded(), **seeds})):
            folder.mkdir(parents=True)
            for path, content in contents.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
            own_folder(folder)

    def launch(self, args: Iterable[str], streams: Streams, *, prompt: str = "") -> BoxSession:
        """Start the agent with `args`. Raises SandboxError."""
        values = self._values() | {"prompt": prompt}
        given = {
            name: fill_in(value, values)
            for name, value in self.agent.settings.environment.items()
            if self.way_out is not None or "{gateway}" not in value
        }
        xdg = {f"XDG_{name}_HOME": f"{values['home']}/{folder}" for name, folder in _XDG.items()}
        canary = {"EVALKIT_CANARY": self.canary} if self.canary else {}
        job = SessionJob(
            command=self.agent.command(args, values),
            workspace=self.workspace,
            home=self.home,
            environment={"PATH": self.agent.path, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            | {**xdg, **canary, **given},
            files=self.agent.files,
            read_only=self.agent.read_only,
            gateway=self.way_out.socket if self.way_out else None,
            forwarder=self.way_out.forwarder if self.way_out else b"",
            python=self.agent.python.program,
        )
        return self.sandbox.start(job, self.limits, streams)

    def _seeded(self) -> dict[str, bytes]:
        values = self._values()
        return {path: fill_in(text, values).encode() for path, text in self.agent.settings.files.items()}

    def _values(self) -> dict[str, str]:
        boxed = self.sandbox.name != "none"
        way = self.way_out
        address = "" if way is None else f"http://127.0.0.1:{GATEWAY_PORT}" if boxed else way.url
        return {
            "workspace": WORKSPACE if boxed else str(self.workspace),
            "home": HOME if boxed else str(self.home),
            "gateway": f"{address}{way.path}" if way else "",
            "model": self.model,
            "key": DUMMY_KEY,
            "session_id": self.session_id,
        }


_XDG = {"CONFIG": ".config", "DATA": ".local/share", "STATE": ".local/state", "CACHE": ".cache"}
