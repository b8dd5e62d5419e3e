"""The queue of launches: N run at a time, the others wait; all of it survives the lab.

What was asked for stands in ``launches/queue.jsonl`` in the lab's home, a line for everything that happened to a launch
(``submitted``, ``started``, ``found``: its directory, ``stopped``, ``ended``, ``cancelled``). A folder beside it for
each launch has its output and who its process is. A lab that was killed reads both and goes on; the processes never
noticed.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from evalkit.errors import ConfigError
from evalkit.lab.launch.directories import find_directory, read_exit_code
from evalkit.lab.launch.processes import OUTPUT, is_running, read_identity, reap, signal_process, start_process
from evalkit.lab.settings import LabSettings
from evalkit.store.journal import append_line, cut_torn_line, read_lines
from evalkit.store.provenance import RUN_ID_VARIABLE
from evalkit.store.run_directory import now_utc

_LOOK_EVERY_S = 0.2
_MOST_OUTPUT = 16_000
# The first asks, as Ctrl-C does: cases under way may finish. Then what a second Ctrl-C does, and then the hard way.
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LaunchRequest:
    """What is to be launched.

    Attributes:
        words: What stands behind ``evalkit`` on the line.
        kind: ``run``, ``sweep``, ``rerun`` or ``resume``.
        output_dir: Where its directory will be made.
        root: The directory that it goes on with, or that it repeats; None: neither.
        run_id: The id of the run or sweep that it goes on with; empty: it makes a new one.

    """

    words: tuple[str, ...]
    kind: str
    output_dir: Path
    root: Path | None = None
    run_id: str = ""


@dataclass(frozen=True)
class LaunchEntry:
    """A launch, and how it stands.

    Attributes:
        launch_id: Its id, 32 hexadecimal digits.
        run_id: The id of its run or sweep, as ``provenance.json`` and ``plan.json`` have it.
        words: What stands behind ``evalkit`` on the line.
        kind: ``run``, ``sweep``, ``rerun`` or ``resume``.
        output_dir: Where its directory will be made.
        state: ``queued``, ``running``, ``ended`` or ``cancelled``.
        root: Its directory, once there is one.
        source: The directory that it repeats, for a rerun.
        exit_code: As of the command line; None while it runs, and where nobody knows.
        stops: How often it was asked to stop.
        trouble: Why it could not be started; empty: it could.

    """

    launch_id: str
    run_id: str
    words: tuple[str, ...]
    kind: str
    output_dir: Path
    state: str
    submitted_at: str
    root: Path | None = None
    source: Path | None = None
    started_at: str | None = None
    ended_at: str | None = None
    exit_code: int | None = None
    stops: int = 0
    trouble: str = ""

    @property
    def line(self) -> str:
        """The line as one types it."""
        return shlex.join(["evalkit", *self.words])

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("queued", "running")


@dataclass
class Launches:
    """The launches of one lab.

    Attributes:
        settings: What the lab was started with.

    """

    settings: LabSettings
    _entries: dict[str, LaunchEntry] = field(default_factory=dict)
    _unsent: dict[str, signal.Signals] = field(default_factory=dict)
    _mutex: threading.RLock = field(default_factory=threading.RLock)
    _wake: threading.Event = field(default_factory=threading.Event)
    _is_ending: bool = False
    _thread: threading.Thread | None = None
    _held: int | None = None

    # --- the lab's life ---

    def start(self) -> None:
        """Read the queue, find again what runs, and go on with it until :meth:`stop`. Does nothing when read-only.

        Raises ConfigError when another lab has this queue.
        """
        if self.settings.read_only or self._thread is not None:
            return
        self.open()
        self._thread = threading.Thread(target=self._follow, name="launches", daemon=True)
        self._thread.start()

    def open(self) -> None:
        """Take the queue for this process and read it. Raises ConfigError when another lab has it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._held = _hold(self._folder / "lock")
        cut_torn_line(self._queue_path)
        with self._mutex:
            for line in read_lines(self._queue_path):
                self._take(line)
            for entry in self._in_state("running"):
                self._take_up(entry)

    def stop(self) -> None:
        """Let the queue be. What runs goes on, and the next lab finds it."""
        if self._thread is not None:
            self._is_ending = True
            self._wake.set()
            self._thread.join()
            self._thread, self._is_ending = None, False
        if self._held is not None:
            os.close(self._held)
            self._held = None

    # --- what people do ---

    def submit(self, request: LaunchRequest) -> LaunchEntry:
        """Put a launch at the queue's end. Raises ConfigError when something else goes on with the same directory."""
        with self._mutex:
            in_place = request.root if request.kind == "resume" else None
            busy = [entry for entry in self._entries.values() if entry.is_open and in_place == entry.root]
            if in_place is not None and busy:
                raise ConfigError(
                    f"{in_place.name}: {busy[0].line} is {busy[0].state} already; wait for it, or stop it"
                )
            launch_id = uuid4().hex
            self._note(
                "submitted",
                launch_id,
                run_id=request.run_id or launch_id,
                words=list(request.words),
                kind=request.kind,
                output_dir=str(request.output_dir),
                root=str(in_place) if in_place else None,
                source=str(request.root) if request.kind == "rerun" and request.root else None,
            )
            entry = self._entries[launch_id]
        self._wake.set()
        return entry

    def list_launches(self) -> list[LaunchEntry]:
        """Return all, newest first."""
        with self._mutex:
            return list(reversed(self._entries.values()))

    def get(self, launch_id: str) -> LaunchEntry | None:
        """Return the launch of this id."""
        with self._mutex:
            return self._entries.get(launch_id)

    def find_by_run(self, run_id: str) -> LaunchEntry | None:
        """Return the newest launch of the run or sweep with this id, or with this beginning of one (16 digits)."""
        is_one = len(run_id) >= 16
        return next((entry for entry in self.list_launches() if is_one and entry.run_id.startswith(run_id)), None)

    def find_by_root(self, root: Path) -> LaunchEntry | None:
        """Return the newest launch that writes into `root`, open ones first."""
        found = [entry for entry in self.list_launches() if entry.root == root]
        return next((entry for entry in found if entry.is_open), found[0] if found else None)

    def stop_launch(self, launch_id: str) -> LaunchEntry | None:
        """Stop a launch; one that waits is cancelled. None: there is no such launch.

        Asked once, its cases under way may finish, as with Ctrl-C (SIGINT; ``limits.grace_s`` bounds it); asked again
        it ends at once (SIGTERM), and asked a third time it is killed.
        """
        with self._mutex:
            entry = self._entries.get(launch_id)
            if entry is None or not entry.is_open:
                return entry
            if entry.state == "queued":
                self._note("cancelled", launch_id)
            else:
                self._note("stopped", launch_id)
                self._unsent[launch_id] = _STOPS[min(entry.stops, len(_STOPS) - 1)]
                self._send(launch_id)
            self._wake.set()
            return self._entries[launch_id]

    def read_output(self, launch_id: str) -> str:
        """Return the end of what a launch has printed."""
        try:
            content = (self.folder(launch_id) / OUTPUT).read_bytes()[-_MOST_OUTPUT:]
        except FileNotFoundError:
            return ""
        return content.decode("utf-8", "replace")

    def folder(self, launch_id: str) -> Path:
        """Return the folder of a launch."""
        return self._folder / launch_id

    def advance(self) -> None:
        """Look once at what runs, and start what waits where there is room."""
        with self._mutex:
            for entry in self._in_state("running"):
                self._look_at(entry)
            room = self.settings.at_once - len(self._in_state("running"))
            for entry in self._in_state("queued")[: max(0, room)]:
                self._start(entry)

    # --- inside ---

    @property
    def _folder(self) -> Path:
        return self.settings.home / "launches"

    @property
    def _queue_path(self) -> Path:
        return self._folder / "queue.jsonl"

    def _follow(self) -> None:
        while not self._is_ending:
            try:
                self.advance()
            except OSError:
                _log.exception("the queue of launches cannot be followed; trying again")
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()

    def _in_state(self, state: str) -> list[LaunchEntry]:
        return [entry for entry in self._entries.values() if entry.state == state]

    def _start(self, entry: LaunchEntry) -> None:
        environ = {name: value for name, value in os.environ.items() if name != RUN_ID_VARIABLE}
        if entry.kind != "resume":
            environ[RUN_ID_VARIABLE] = entry.run_id
        self._note("started", entry.launch_id)
        try:
            start_process(self.folder(entry.launch_id), entry.words, self.settings.working_dir, environ)
        except (OSError, ConfigError) as error:
            self._note("ended", entry.launch_id, exit_code=None, trouble=str(error))

    def _take_up(self, entry: LaunchEntry) -> None:
        """Go on with a launch that another lab had started."""
        folder = self.folder(entry.launch_id)
        if not is_running(folder) and read_identity(folder) is None:  # that lab was killed before anything began
            self._entries[entry.launch_id] = replace(entry, state="queued", started_at=None)

    def _send(self, launch_id: str) -> None:
        """Send the signal that a launch is still to get; one whose process has not said who it is yet gets it later."""
        number = self._unsent.get(launch_id)
        if number is not None and signal_process(self.folder(launch_id), number):
            del self._unsent[launch_id]

    def _look_at(self, entry: LaunchEntry) -> None:
        folder = self.folder(entry.launch_id)
        runs = is_running(folder)
        if entry.root is None:
            began = datetime.fromisoformat(entry.started_at or entry.submitted_at)
            root = find_directory(entry.output_dir, entry.run_id, began)
            if root is not None:
                self._note("found", entry.launch_id, root=str(root))
                entry = self._entries[entry.launch_id]
        if runs:
            self._send(entry.launch_id)
            return
        self._unsent.pop(entry.launch_id, None)
        identity = read_identity(folder)
        code = reap(identity.pid) if identity else None
        self._note("ended", entry.launch_id, exit_code=read_exit_code(entry.root) if code is None else code)

    def _note(self, event: str, launch_id: str, **facts: Any) -> None:
        line = {"event": event, "id": launch_id, **facts, "at": now_utc()}
        append_line(self._queue_path, line)
        self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        """Take in what happened to a launch."""
        launch_id, at = line["id"], line["at"]
        if line["event"] == "submitted":
            self._entries[launch_id] = _entry_from(line)
            return
        entry = self._entries.get(launch_id)
        if entry is None:
            return
        match line["event"]:
            case "started":
                entry = replace(entry, state="running", started_at=at)
            case "found":
                entry = replace(entry, root=Path(line["root"]))
            case "stopped":
                entry = replace(entry, stops=entry.stops + 1)
            case "cancelled":
                entry = replace(entry, state="cancelled", ended_at=at)
            case "ended":
                code, trouble = line["exit_code"], line.get("trouble", "")
                entry = replace(entry, state="ended", ended_at=at, exit_code=code, trouble=trouble)
        self._entries[launch_id] = entry


def _entry_from(line: Mapping[str, Any]) -> LaunchEntry:
    root, source = line["root"], line["source"]
    return LaunchEntry(
        launch_id=line["id"],
        run_id=line["run_id"],
        words=tuple(line["words"]),
        kind=line["kind"],
        output_dir=Path(line["output_dir"]),
        state="queued",
        submitted_at=line["at"],
        root=Path(root) if root else None,
        source=Path(source) if source else None,
    )


def _hold(path: Path) -> int:
    """Return an open file that this process alone has locked. Raises ConfigError when another has it."""
    import fcntl  # there is none on Windows

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(
            f"{path.parent.parent}: another lab has this home and its queue of launches; "
            "end that one, or start this one with --read-only"
        ) from None
    return handle


def resume_words(root: Path, words: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the line's words that go on with the run or sweep in `root`; what was lost is tried again."""
    return ("resume", str(root), *words)


def rerun_words(root: Path, overrides: Sequence[str] = (), *, multirun: bool = False) -> tuple[str, ...]:
    """Return the line's words that repeat the run in `root`, with changes."""
    return ("rerun", str(root), *(("-m",) if multirun else ()), *overrides)


def run_words(overrides: Sequence[str], *, multirun: bool = False) -> tuple[str, ...]:
    """Return the line's words of a new run or sweep."""
    return (*(("-m",) if multirun else ()), *overrides)
