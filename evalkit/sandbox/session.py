"""A box for a program that is talked to: it lasts as long as a session, and its folders are looked at while it runs.

Inside, a program sees ``/workspace`` (writable, where it starts), ``/home/agent`` (writable, its HOME), ``/tmp``
(writable), ``/box`` (files given by the job, read-only) and the system's ``/usr``; nothing else of the machine. There
is no network; where the job names a socket, a port of the box's own loopback leads to it, and to nothing else.

Unlike the boxes of :mod:`evalkit.sandbox.box`, both folders lie on this machine, so that somebody outside can see what
was written and when, and one session can go through several boxes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import evalkit
from evalkit.errors import SandboxError, printable
from evalkit.sandbox.box import MIB
from evalkit.sandbox.bubblewrap import DROPPED_ID, PATH, is_dropping_root
from evalkit.sandbox.default_signals import default_signals
from evalkit.sandbox.descriptors import Descriptors
from evalkit.sandbox.processes import find_descendants, is_fuller, measure_memory
from evalkit.sandbox.readable import check_readable, find_masks
from evalkit.sandbox.seccomp import filter_program
from evalkit.sandbox.watch import read_status

WORKSPACE = "/workspace"
HOME = "/home/agent"
SOCKET = "/box/gateway.sock"
GATEWAY_PORT = 8099

_UNSHARED = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
             "--unshare-cgroup-try")  # fmt: skip
_KEPT_IN = ("--die-with-parent", "--cap-drop", "ALL", "--disable-userns", "--uid", "1000", "--gid", "1000",
            "--hostname", "box", "--clearenv")  # fmt: skip
_ETC: Mapping[str, bytes] = {
    "/etc/passwd": b"root:x:0:0::/root:/bin/sh\nagent:x:1000:1000::/home/agent:/bin/sh\n",
    "/etc/group": b"root:x:0:\nagent:x:1000:\n",
    "/etc/hosts": b"127.0.0.1 localhost box\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}
_ETC_OF_HOST = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl", "/etc/localtime")
_FORWARD = """python=$1 port=$2 socket=$3
shift 3
"$python" -S -E /box/forwarder.py "$port" "$socket" --ready-fd 1 </dev/null >/tmp/.forwarder 2>/dev/null &
while [ ! -s /tmp/.forwarder ]; do sleep 0.01; kill -0 $! 2>/dev/null || exit 126; done
"""
_START_S = 30.0
_DIE_S = 10.0
_LOOK_S = 1.0
_MARKER = "EVALKIT_SESSION"


@dataclass(frozen=True)
class SessionLimits:
    """What the processes of a session may use together. Sizes are in bytes."""

    memory_bytes: int = 2048 * MIB
    """Resident memory, looked at from outside once a second."""
    processes: int = 512
    """Processes and threads at one time."""
    file_bytes: int = 256 * MIB
    """The largest file that a process may write."""
    open_files: int = 1024
    """Open files of one process."""
    folder_bytes: int = 1024 * MIB
    """Workspace and HOME together."""
    folder_files: int = 100_000
    """Files and folders in both together."""
    temp_bytes: int = 256 * MIB
    """All of /tmp."""


@dataclass(frozen=True)
class SessionJob:
    """A command and all that it finds in its box.

    Attributes:
        command: Program and arguments, as the box sees them.
        workspace: Folder of this machine that stands at /workspace.
        home: Folder of this machine that stands at /home/agent.
        environment: All variables beside PATH, HOME, LANG and TMPDIR, which may be replaced.
        files: Absolute path below /box to content; read-only.
        read_only: Folder of this machine to where it stands in the box.
        hidden: Folders of this machine that the box must not see, should they lie in a folder that it sees.
        gateway: Unix socket of this machine that port 8099 of the box's loopback leads to; None: there is no such port.
        forwarder: The program that makes it so: one file of Python.
        python: The interpreter, in the box, that runs the forwarder.

    """

    command: tuple[str, ...]
    workspace: Path
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    read_only: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    gateway: Path | None = None
    forwarder: bytes = b""
    python: str = "python3"


@dataclass(frozen=True)
class Streams:
    """The standard streams of a session: descriptors of this process that the program inherits.

    `is_terminal`: all three are a terminal, which becomes the controlling one.
    """

    stdin: int
    stdout: int
    stderr: int
    is_terminal: bool = False


class Overuse(StrEnum):
    """Why a session was ended from outside."""

    MEMORY = "memory"
    FOLDERS = "folders"


class BoxSession(Protocol):
    """A program that runs in a box, until it ends or is ended."""

    root_pid: int
    """The process from which all others of the session come."""

    @property
    def exit_code(self) -> int | None:
        """128 + n when signal n ended the program; None while it runs, and where it was ended from outside."""

    @property
    def overuse(self) -> Overuse | None:
        """Why it was ended from outside; None: it was not."""

    async def wait(self) -> int | None:
        """Return the exit code once the program has ended."""

    async def end(self) -> None:
        """End every process of the session, and return when none is left."""


class SessionSandbox(Protocol):
    """Something that starts sessions."""

    @property
    def name(self) -> str:
        """``bubblewrap`` or ``none``."""

    def start(self, job: SessionJob, limits: SessionLimits, streams: Streams) -> BoxSession:
        """Start `job`, in the thread that outlives the session. Raises SandboxError where no box can be made."""


def own_folder(folder: Path) -> None:
    """Give a folder with all in it to the user that a box runs as; follows no link."""
    if not is_dropping_root():
        return
    for place in (folder, *folder.rglob("*")):
        os.chown(place, DROPPED_ID, DROPPED_ID, follow_symlinks=False)


def own_terminal(descriptor: int) -> None:
    """Give a terminal to the user that a box runs as, so that it can be opened again there."""
    if is_dropping_root():
        os.fchown(descriptor, DROPPED_ID, DROPPED_ID)


class BubblewrapSessions:
    """Starts sessions in boxes made by the program ``bwrap``."""

    name = "bubblewrap"

    def __init__(self, program: str) -> None:
        self._program = program

    def start(self, job: SessionJob, limits: SessionLimits, streams: Streams) -> BoxSession:
        """Start `job`; see :class:`SessionSandbox`."""
        check_readable(job.read_only, as_other=is_dropping_root())
        descriptors = Descriptors()
        try:
            status_from, status = descriptors.pipe()
            contents: list[int] = []
            options = [*_options(job, limits, descriptors, contents), "--json-status-fd", str(status)]
            contents.append(descriptors.memory(b"".join(os.fsencode(option) + b"\0" for option in options)))
            command = [self._program, "--args", str(contents[-1]), "--", "sh", "-c", *_script(job, limits, streams)]
            process = _open([*_prefix(), *command], streams, (status, *contents))
            for descriptor in (status, *contents):
                descriptors.close(descriptor)
            return _BoxedSession(process, job, limits, status_from, descriptors)
        except BaseException:
            descriptors.__exit__(None, None, None)
            raise


class HostSessions:
    """Starts sessions with nothing that keeps them in: a HOME of their own, a clean environment, and no more."""

    name = "none"

    def start(self, job: SessionJob, limits: SessionLimits, streams: Streams) -> BoxSession:
        """Start `job`; see :class:`SessionSandbox`. Paths below /box stand in a folder beside HOME."""
        box = job.home.parent / "box"
        for name, content in job.files.items():
            place = box / name.removeprefix("/box/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        own = {"PATH": os.environ.get("PATH", PATH), "HOME": str(job.home), "TMPDIR": str(job.home), "LANG": "C.UTF-8"}
        marker = secrets.token_hex(16)
        environment = {**own, **job.environment, _MARKER: marker}
        command = [str(box / part.removeprefix("/box/")) if part.startswith("/box/") else part for part in job.command]
        prefix = [shutil.which("setsid") or "setsid", "-c"] if streams.is_terminal else []
        process = _open(
            [*prefix, *command], streams, (), environment=environment, folder=job.workspace,
            leads=not streams.is_terminal,
        )  # fmt: skip
        return _HostSession(process, job, limits, marker)


@contextlib.contextmanager
def session_folder() -> Iterator[Path]:
    """Give a folder for sessions that is gone afterwards, even when this process is killed.

    A process of its own waits for the end of this one.
    """
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="evalkit-session-"))
    folder.chmod(0o711)
    remove = 'read -r _; chmod -R u+rwX -- "$1" 2>/dev/null; rm -rf -- "$1"'
    janitor = subprocess.Popen(
        ["sh", "-c", remove, "janitor", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
        env={"PATH": PATH},
    )  # fmt: skip
    try:
        yield folder
    finally:
        janitor.communicate()


class _Started:
    """What both kinds of session share: the end, the exit code, and the watch over what is used."""

    def __init__(self, process: subprocess.Popen[bytes], root_pid: int, job: SessionJob, limits: SessionLimits) -> None:
        self.root_pid = root_pid
        self.overuse: Overuse | None = None
        self._process, self._job, self._limits = process, job, limits
        self._root = os.pidfd_open(root_pid)
        self._ended = asyncio.Event()
        self._is_over = False
        loop = asyncio.get_running_loop()
        loop.add_reader(self._root, self._note_end)
        self._loop = loop
        self._watch = loop.create_task(self._look())

    @property
    def exit_code(self) -> int | None:
        raise NotImplementedError

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self.exit_code

    def _note_end(self) -> None:
        self._loop.remove_reader(self._root)
        self._ended.set()

    async def _look(self) -> None:
        while not self._ended.is_set():
            await asyncio.sleep(_LOOK_S)
            self.overuse = await asyncio.to_thread(self._find_overuse)
            if self.overuse is not None:
                self._kill()
                return

    def _find_overuse(self) -> Overuse | None:
        if measure_memory(self.root_pid, self._limits.memory_bytes) > self._limits.memory_bytes:
            return Overuse.MEMORY
        most = {"most_bytes": self._limits.folder_bytes, "most_files": self._limits.folder_files}
        return Overuse.FOLDERS if is_fuller(self._job.workspace, self._job.home, **most) else None

    def _kill(self) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        if self._is_over:
            return
        self._watch.cancel()
        self._kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DIE_S):
                await self._ended.wait()
        if not self._ended.is_set():
            self._loop.remove_reader(self._root)
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self._is_over = True
        os.close(self._root)


class _BoxedSession(_Started):
    def __init__(
        self,
        process: subprocess.Popen[bytes],
        job: SessionJob,
        limits: SessionLimits,
        status_from: int,
        descriptors: Descriptors,
    ) -> None:
        self._status_from, self._descriptors = status_from, descriptors
        self._told = b""
        try:
            root_pid = self._wait_for_root()
            super().__init__(process, root_pid, job, limits)
        except BaseException:
            process.kill()  # what it made dies with it
            process.wait()
            raise
        os.set_blocking(status_from, False)

    @property
    def exit_code(self) -> int | None:
        """128 + n when signal n ended the program; None while it runs, and where it was ended from outside."""
        if self._status_from >= 0:
            with contextlib.suppress(BlockingIOError, OSError):
                self._told += os.read(self._status_from, 4096)
        return read_status(self._told).get("exit-code")

    async def wait(self) -> int | None:
        await super().wait()
        until = time.monotonic() + 1.0  # bubblewrap tells the code a moment after the last process is gone
        while self.exit_code is None and self._process.poll() is None and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return self.exit_code

    async def end(self) -> None:
        await super().end()
        _ = self.exit_code
        self._descriptors.close(self._status_from)
        self._status_from = -1  # its number may be another's by now

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._root, signal.SIGKILL)

    def _wait_for_root(self) -> int:
        """Return the first process of the box. Raises SandboxError when bubblewrap made none."""
        import select

        until = time.monotonic() + _START_S
        ready = select.poll()
        ready.register(self._status_from, select.POLLIN)
        while ready.poll(max(0.0, until - time.monotonic()) * 1000):
            piece = os.read(self._status_from, 4096)
            self._told += piece
            pid = read_status(self._told).get("child-pid")
            if pid is not None:
                return pid
            if not piece:
                break
        raise SandboxError("bubblewrap made no box for the session; evalkit check mode=coding says what it lacks here")


class _HostSession(_Started):
    def __init__(self, process: subprocess.Popen[bytes], job: SessionJob, limits: SessionLimits, marker: str) -> None:
        super().__init__(process, process.pid, job, limits)
        self._sign = f"{_MARKER}={marker}".encode()

    @property
    def exit_code(self) -> int | None:
        """128 + n when signal n ended the program; None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def _kill(self) -> None:
        """Kill the session's processes: by group, by descent, and by the mark in their environment."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in {*find_descendants(self._process.pid), *self._find_marked()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _find_marked(self) -> Iterator[int]:
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with contextlib.suppress(OSError):
                    if self._sign in (place / "environ").read_bytes():
                        yield int(place.name)


def _prefix() -> list[str]:
    """Return what comes before bubblewrap: the end of root's rights."""
    if not is_dropping_root():
        return []
    return [_program("setpriv"), f"--reuid={DROPPED_ID}", f"--regid={DROPPED_ID}", "--clear-groups", "--"]


def _program(name: str) -> str:
    return shutil.which(name, path=PATH) or name


def _open(
    command: list[str],
    streams: Streams,
    passed: tuple[int, ...],
    environment: Mapping[str, str] | None = None,
    folder: Path = Path("/"),
    *,
    leads: bool = True,
) -> subprocess.Popen[bytes]:
    try:
        with default_signals():
            return subprocess.Popen(
                command,
                stdin=streams.stdin,
                stdout=streams.stdout,
                stderr=streams.stderr,
                pass_fds=passed,
                env=dict(environment or {}),
                cwd=folder,
                start_new_session=leads,
            )
    except OSError as error:
        raise SandboxError(f"{command[0]} cannot be started: {printable(error.strerror or str(error))}") from None


def _options(job: SessionJob, limits: SessionLimits, descriptors: Descriptors, contents: list[int]) -> Iterator[str]:
    """Yield bubblewrap's options, adding to `contents` the descriptors that they name."""
    yield from (*_UNSHARED, *_KEPT_IN)
    own = {"PATH": PATH, "HOME": HOME, "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108 - inside the box
    for name, value in {**own, **job.environment}.items():
        yield from ("--setenv", name, value)
    yield from ("--ro-bind", "/usr", "/usr")
    for top in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", top)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for path_of_host in _ETC_OF_HOST:
        yield from ("--ro-bind-try", path_of_host, path_of_host)
    yield from ("--proc", "/proc", "--dev", "/dev", "--size", str(limits.temp_bytes), "--tmpfs", "/tmp")  # noqa: S108
    yield from ("--bind", str(job.workspace), WORKSPACE, "--bind", str(job.home), HOME)
    for folder, inside in job.read_only.items():
        yield from ("--ro-bind", os.path.realpath(folder), inside)
    for mask in find_masks((*job.hidden, str(Path(evalkit.__file__).parent)), job.read_only):
        yield from ("--size", "4096", "--perms", "0555", "--tmpfs", mask, "--remount-ro", mask)
    files = {**_ETC, **job.files, **({"/box/forwarder.py": job.forwarder} if job.gateway else {})}
    for inside, content in files.items():
        contents.append(descriptors.memory(content))
        yield from ("--perms", "0555", "--ro-bind-data", str(contents[-1]), inside)
    if job.gateway is not None:
        yield from ("--bind", str(job.gateway), SOCKET)
    program = filter_program()
    if program is None:
        raise SandboxError(f"the system calls of this kind of machine ({os.uname().machine}) are not known")
    contents.append(descriptors.memory(program))
    yield from ("--remount-ro", "/", "--chdir", WORKSPACE, "--seccomp", str(contents[-1]))


def _script(job: SessionJob, limits: SessionLimits, streams: Streams) -> list[str]:
    """Return the script that starts the command, and its arguments.

    The command leads its terminal's session, and bubblewrap is not in it: else Ctrl-C would end the box itself.
    """
    command = (*(("setsid", "-c") if streams.is_terminal else ()), *job.command)
    limited = (
        f"ulimit -c 0\nulimit -f {limits.file_bytes // 512}\nulimit -n {limits.open_files}\n"
        f"ulimit -p {limits.processes} 2>/dev/null || ulimit -u {limits.processes}\n"
    )
    if job.gateway is None:
        return [f'{limited}exec "$@"\n', "box", *command]
    return [f'{limited}{_FORWARD}exec "$@"\n', "box", job.python, str(GATEWAY_PORT), SOCKET, *command]
