"""The queue of jobs that a sweep has on a Ray cluster: what to hand over next, what Ray says of each, what is put back.

Ray itself runs whatever it is given as soon as a node has room, and forgets what has ended. So many jobs as may run at
once are handed over (`at_once`); the others wait here. A job whose node has died is put back and goes to another node,
where it does what is left of it; so often as `max_takeovers` says, since a job may be what kills nodes. One that was
killed otherwise, or whose process ended by itself, is not: somebody meant it, or it would end so again.
"""

from __future__ import annotations

import json
import logging
import math
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from evalkit.clock import Clock, MonotonicClock
from evalkit.compose.ray_cluster.settings import is_listening
from evalkit.compose.ray_cluster.words import ClusterChoice, KeptJob, ToldByRay
from evalkit.errors import LaunchError
from evalkit.runner.job_watch import QueueState
from evalkit.store.files import write_atomically
from evalkit.store.heartbeat import BEAT_S, Heartbeats
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

QUEUE = "ray"
"""What it is called where its jobs are noted."""

JOIN_S = 90.0
"""So long joining or starting a cluster may take."""

_ANSWER_S = 4.0
_AGAIN_AFTER_S = 10.0
_REMARK_AFTER_S = 15.0
_SURE_AFTER_S = 40.0  # by then Ray knows of a node that it has died
# How long nodes of Ray live without their head, which says so in this variable, and some more.
_HEADLESS_S = 1.5 * float(os.environ.get("RAY_gcs_rpc_server_reconnect_timeout_s", "60"))  # noqa: SIM112  Ray's
_SILENT_S = 3 * BEAT_S
_CLUSTER = Path(".ray", "cluster.json")
_log = logging.getLogger(__name__)


class SessionGoneError(Exception):
    """The process that talks with Ray is gone, or does not answer in time."""


class RefusedError(Exception):
    """Ray refused what was asked; its own words."""


class SessionLine:
    """The process that talks with Ray, and the socket to it. Not for several threads at once.

    Args:
        choice: Which cluster.
        log_path: What the process says, Ray's own words among it.

    """

    def __init__(self, choice: ClusterChoice, log_path: Path) -> None:
        ours, theirs = socket.socketpair()
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evalkit.compose.ray_cluster.session", str(theirs.fileno())],
                env={
                    "RAY_USAGE_STATS_ENABLED": "0",
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
            )
        self._line = Connection(ours.detach())
        self._asked = 0
        self._is_owed = True
        self._line.send((0, choice))

    def is_joined(self, within_s: float) -> bool:
        """Tell whether the cluster is joined. Raises RefusedError when it cannot be, SessionGoneError."""
        if self._is_owed:
            if not self._poll(within_s):
                return False
            self._receive()
        return True

    def ask(self, verb: str, *arguments: Any, within_s: float = _ANSWER_S) -> Any:
        """Return the answer. Raises RefusedError, and SessionGoneError where none comes in time."""
        if self._is_owed:  # by a question whose time has passed
            if not self._poll(within_s):
                raise SessionGoneError
            self._receive(is_late=True)
        self._asked += 1
        try:
            self._line.send((self._asked, verb, arguments))
        except OSError as error:
            raise SessionGoneError from error
        self._is_owed = True
        if not self._poll(within_s):
            raise SessionGoneError
        return self._receive()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Let the process end, and a cluster with it that it has started."""
        self._line.close()
        try:
            self._process.wait(_AGAIN_AFTER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _poll(self, within_s: float) -> bool:
        try:
            return self._line.poll(within_s)
        except OSError as error:
            raise SessionGoneError from error

    def _receive(self, *, is_late: bool = False) -> Any:
        try:
            _, went_well, answer = self._line.recv()
        except (EOFError, OSError) as error:
            raise SessionGoneError from error
        self._is_owed = False
        if not went_well and not is_late:
            raise RefusedError(answer)
        return answer


@dataclass
class _Entry:
    """A job in the queue. `name`: of its actor; empty as long as it waits here."""

    name: str
    job: KeptJob | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    takeovers: int = 0
    is_gone: bool = False
    unsure_since_s: float | None = None


class RayQueue:
    """The jobs of one sweep on a cluster.

    Args:
        choice: Which cluster.
        jobs: Of the sweep. Where the cluster was joined, what its jobs are called there is noted with them.
        clock: Of this process.
        at_once: So many jobs are handed over at a time.
        max_takeovers: So often a job goes to another node after its own has died.
        open_line: Starts the process that talks with Ray.
        is_listening: Tells whether anybody listens at the address of a cluster; always where that is not HOST:PORT.

    """

    def __init__(
        self,
        choice: ClusterChoice,
        jobs: RunningJobs,
        clock: Clock,
        *,
        at_once: int = 0,
        max_takeovers: int = 0,
        open_line: Callable[[ClusterChoice, Path], SessionLine] = SessionLine,
        is_listening: Callable[[str | None], bool] = is_listening,
    ) -> None:
        self._choice, self._jobs, self._clock = choice, jobs, clock
        self._at_once, self._max_takeovers, self._open_line = at_once, max_takeovers, open_line
        self._log_path = jobs.root / ".ray" / "session.log"
        self._is_listening = is_listening
        self._address = choice.address
        self._heartbeats = Heartbeats(clock)
        self._entries: dict[int, _Entry] = {}
        self._line: SessionLine | None = None
        self._lock = threading.Lock()
        self._opened_s = -math.inf
        self._headless_since_s = math.inf
        self._remarked_s = clock.now()
        self._remark = ""

    def open(self) -> None:
        """Join the cluster, or start one. Raises LaunchError with Ray's words where that fails."""
        reason = "nobody listens there"
        if self._is_listening(self._address):
            reason = self._join()
        if not reason:
            return
        self.close()
        said = f" (what Ray said: {self._log_path})" if self._log_path.exists() else ""
        raise LaunchError(f"{self._describe_cluster()}: {reason}{said}; check hydra.launcher.ray.init")

    def _join(self) -> str:
        """Join the cluster and note where it is; return why that failed, empty where it did not."""
        self._line = self._open_line(self._choice, self._log_path)
        self._opened_s = self._clock.now()
        try:
            if not self._line.is_joined(JOIN_S):
                return f"no answer within {JOIN_S:g} s"
            if self._choice.address is not None:
                self._address = str(self._line.ask("find_address"))
                write_atomically(self._jobs.root / _CLUSTER, json.dumps({"address": self._address}) + "\n")
        except RefusedError as error:
            return str(error)
        except SessionGoneError:
            return "the process that was to join it ended"
        return ""

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None

    def put(self, number: int, job: KeptJob, environ: Mapping[str, str]) -> None:
        """Take a job into the queue. Variables `environ` reach its process and no file."""
        self._entries[number] = _Entry("", job, environ)

    def rejoin(self, names: Mapping[int, str]) -> None:
        """Take jobs into the queue that another process has handed over, by their actors' names."""
        self._entries |= {number: _Entry(name) for number, name in names.items()}

    def interrupt(self, numbers: Iterable[int]) -> None:
        """Interrupt those of these jobs that have begun, take back the others, and hand over no more."""
        self._at_once = 0
        self._tell("interrupt", set(numbers).__contains__, has_begun=True)
        self.take_back()

    def take_back(self) -> None:
        """Take back every job that has not begun: it would wait for a node, and for nobody to hand it over there."""
        self._at_once = 0
        self._tell("stop", lambda _: True, has_begun=False)

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Return what Ray says of these jobs, and hand over what may run now. None when Ray does not answer.

        Of jobs that it was never given it says nothing.

        A cluster at whose address nobody has listened for longer than Ray lets nodes live without their head is gone,
        and so are its jobs.
        """
        asked = list(numbers)
        with self._lock:
            try:
                return self._ask(asked)
            except (SessionGoneError, RefusedError):
                is_gone = self._clock.now() - self._headless_since_s >= _HEADLESS_S
                return dict.fromkeys(asked, QueueState.GONE) if is_gone else None

    def _tell(self, verb: str, concerns: Callable[[int], bool], *, has_begun: bool) -> None:
        with self._lock, suppress(SessionGoneError, RefusedError):
            names = [
                entry.name
                for number, entry in self._entries.items()
                if entry.name and concerns(number) and self._jobs.has_begun(number) is has_begun
            ]
            if names:
                self._require_line().ask(verb, names)

    def _ask(self, numbers: list[int]) -> Mapping[int, QueueState]:
        line = self._require_line()
        known = {number: self._entries[number] for number in numbers if number in self._entries}
        handed = {number: entry.name for number, entry in known.items() if entry.name}
        told: dict[str, ToldByRay] = line.ask("ask", list(handed.values())) if handed else {}
        states = {number: self._judge(number, told[name]) for number, name in handed.items()}
        held = sum(bool(known[number].name) and state is not QueueState.GONE for number, state in states.items())
        waiting = [number for number, entry in known.items() if not entry.name and not entry.is_gone]
        for number in waiting[: max(0, self._at_once - held)]:
            self._hand_over(line, number)
        self._say_why(line, [state for number, state in states.items() if known[number].name])
        return {number: states.get(number, self._judge_here(entry)) for number, entry in known.items()}

    def _judge_here(self, entry: _Entry) -> QueueState:
        """Return what is to be said of a job that waits here: it is handed over by this process or by none."""
        return QueueState.WAITING if self._at_once and not entry.is_gone else QueueState.GONE

    def _judge(self, number: int, told: ToldByRay) -> QueueState:
        entry = self._entries[number]
        if entry.job is None and not told.has_job:  # whoever had it to give has gone
            return QueueState.GONE
        if told.state is not QueueState.GONE:
            return told.state
        if not told.is_sure and entry.job is not None:
            entry.unsure_since_s = self._clock.now() if entry.unsure_since_s is None else entry.unsure_since_s
            if self._clock.now() - entry.unsure_since_s < _SURE_AFTER_S:
                return QueueState.RUNNING
        if told.is_node_lost and self._at_once and entry.job is not None and entry.takeovers < self._max_takeovers:
            if not self._is_silent(number):
                return QueueState.RUNNING
            entry.takeovers += 1
            entry.name, entry.unsure_since_s = "", None
            _log.warning("evalkit: job %d: its node is gone; another one takes it", number)
            return QueueState.WAITING
        if not entry.is_gone and told.note and (entry.job is not None or self._jobs.has_begun(number)):
            _log.warning("evalkit: job %d: its process did not end as it should (%s)", number, told.note)
        entry.is_gone = True
        return QueueState.GONE

    def _hand_over(self, line: SessionLine, number: int) -> None:
        """Have Ray run a job. One of which Ray does not say that it took it counts as taken: it is given only once."""
        entry = self._entries[number]
        entry.name = f"evalkit-{uuid.uuid4().hex[:12]}-job-{number}"
        if self._choice.address is not None:
            self._jobs.note_queued(QueuedJobs(QUEUE, {number: entry.name}))
        try:
            line.ask("give", entry.name, entry.job, entry.environ)
        except RefusedError as error:
            _log.warning("evalkit: job %d: Ray refuses it (%s); check hydra.launcher.ray.remote", number, error)
            entry.name, entry.is_gone = "", True

    def _is_silent(self, number: int) -> bool:
        """Tell whether a job gives no sign of life: its node may only be out of Ray's reach."""
        begun = self._jobs.find_begun(number)
        if begun is not None and begun.is_here:
            return not self._jobs.is_locked(number)
        return begun is None or self._heartbeats.silent_s(self._jobs.beat_path(number)) >= _SILENT_S

    def _require_line(self) -> SessionLine:
        """Return the line to the cluster, a new one where it was lost. Raises SessionGoneError where there is none."""
        now_s = self._clock.now()
        if self._line is not None and self._line.has_ended:
            self._line.close()
            self._line = None
        if self._line is None:
            if now_s - self._opened_s < _AGAIN_AFTER_S:
                raise SessionGoneError
            self._opened_s = now_s
            if not self._is_listening(self._address):
                if self._headless_since_s == math.inf:
                    self._headless_since_s = now_s
                    _log.warning(
                        "evalkit: nobody listens at %s: in %.0f s its jobs are taken for gone",
                        self._address,
                        _HEADLESS_S,
                    )
                raise SessionGoneError
            self._headless_since_s = math.inf
            self._line = self._open_line(self._choice, self._log_path)
        return self._line

    def _say_why(self, line: SessionLine, states: Sequence[QueueState]) -> None:
        """Say why nothing begins, and again when that has changed."""
        if QueueState.WAITING not in states or QueueState.RUNNING in states:
            self._remarked_s = self._clock.now()
        if self._clock.now() - self._remarked_s < _REMARK_AFTER_S:
            return
        self._remarked_s = self._clock.now()
        remark = line.ask("find_obstacle")
        if remark != self._remark:
            _log.warning("evalkit: jobs wait: %s", remark)
        self._remark = remark

    def _describe_cluster(self) -> str:
        address = self._choice.address
        return f"the cluster at {address} could not be joined" if address else "no cluster could be started"


def reopen(root: Path, queued: QueuedJobs) -> RayQueue:
    """Return the queue of a sweep that another process has launched; it hands nothing over."""
    address = json.loads((root / _CLUSTER).read_text(encoding="utf-8"))["address"]
    init = {"address": address, "log_to_driver": False, "logging_level": "error"}
    queue = RayQueue(ClusterChoice(init, {}), RunningJobs(root), MonotonicClock())
    queue.rejoin(queued.ids)
    return queue
