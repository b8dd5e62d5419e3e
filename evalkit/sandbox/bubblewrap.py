"""The box made by bubblewrap: namespaces of its own, a read-only root, a filter of system calls, limits.

What each option is for, and what was measured, stands in docs/sandbox.md.
"""

from __future__ import annotations

import os
import secrets
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import evalkit
from evalkit.errors import SandboxError, printable
from evalkit.sandbox.archive import pack
from evalkit.sandbox.box import BoxJob, BoxLimits, BoxResult
from evalkit.sandbox.descriptors import Descriptors
from evalkit.sandbox.lock_step import LockStep
from evalkit.sandbox.pipes import BoxEnds, OurEnds, open_pipes
from evalkit.sandbox.readable import check_program, check_readable, find_masks
from evalkit.sandbox.seccomp import filter_program
from evalkit.sandbox.starting import ANNOUNCE, RUN, limit_lines
from evalkit.sandbox.watch import PIECE, START_S, BoxWatch, StartedBox, read_status

DROPPED_ID = 64001  # user and group that root becomes before bubblewrap starts: root's processes cannot be counted
PATH = "/usr/local/bin:/usr/bin:/bin"

_UNSHARED = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
             "--unshare-cgroup-try")  # fmt: skip
_KEPT_IN = ("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--disable-userns", "--uid", "1000",
            "--gid", "1000", "--hostname", "box", "--clearenv")  # fmt: skip

_UNPACK = "tar -xf - -C /ws --no-same-owner || exit 1\n"
# Runs the command, and then gives the bytes of one regular file that was reached through no link.
_RUN_AND_COLLECT = """file=$1 most=$2 pipe=$3
shift 3
(
LIMITS
exec "$@" </dev/null
)
code=$?
if [ $code = 0 ] && [ -f "$file" ] && [ "$(realpath -e -- "$file")" = "$file" ]; then
  head -c "$most" -- "$file" >"/proc/self/fd/$pipe"
fi
exit $code
"""


class Bubblewrap:
    """Runs jobs in boxes made by the program ``bwrap``, as root and as an ordinary user."""

    name = "bubblewrap"

    def __init__(self, program: str) -> None:
        self.program = program

    def run(self, job: BoxJob, limits: BoxLimits, requests: Sequence[bytes] | None = None) -> BoxResult:
        """Run `job`; see :class:`evalkit.sandbox.box.Sandbox`."""
        lock_step = None if requests is None else LockStep(requests, limits.output_bytes)
        with Descriptors() as descriptors:
            box = self._start(job, limits, descriptors, answering=lock_step is not None)
            try:
                return BoxWatch(box, descriptors, limits, lock_step, job.collect_bytes).watch()
            finally:
                box.bury()

    def _start(self, job: BoxJob, limits: BoxLimits, descriptors: Descriptors, *, answering: bool) -> StartedBox:
        """Start bubblewrap and return once it has made the first process of the box, which waits for its workspace."""
        drop = is_dropping_root()
        check_program(job)
        check_readable(job.read_only, as_other=drop)
        ours, theirs = open_pipes(descriptors, answering=answering, collecting=job.collect is not None)
        if drop and theirs.collected is not None:
            os.fchown(theirs.collected, DROPPED_ID, DROPPED_ID)  # so that the box may open it by its name in /proc
        environment = {**job.environment, **environment_of(theirs)}
        contents: list[int] = []
        options = [*_options(job, limits, environment, descriptors, contents), "--json-status-fd", str(theirs.status)]
        contents.append(descriptors.memory(b"".join(os.fsencode(option) + b"\0" for option in options)))
        marker = secrets.token_hex(16)
        command = [self.program, "--args", str(contents[-1]), "--", "sh", "-c"]
        command += [*_script(job, limits, marker, theirs.collected), *job.command]
        process = _open(command, theirs, (*theirs.passed, *contents), drop=drop)
        try:
            theirs.close(descriptors)
            root_pid = _wait_for_root(process, ours)
            root = descriptors.keep(os.pidfd_open(root_pid))
        except BaseException:
            process.kill()  # what it made dies with it
            process.wait()
            raise
        archive = pack(job.workspace, job.executable_paths)
        return StartedBox(process, root_pid, root, marker.encode(), archive, ours)


def environment_of(ends: BoxEnds) -> dict[str, str]:
    """Return what tells a program where its requests come from."""
    return {} if ends.requests is None else {"EVALKIT_PIPES": f"{ends.requests},{ends.answers}"}


def _open(command: list[str], ends: BoxEnds, passed: tuple[int, ...], *, drop: bool) -> subprocess.Popen[bytes]:
    """Start bubblewrap with an empty environment: its own can be read in the box.

    Where root gives up its rights, `setpriv` does that: with a user of its own, Popen would have to copy this whole
    process first, which takes 70 ms for each 200 MB of it and holds up every thread.
    """
    if drop:
        setpriv = shutil.which("setpriv", path=PATH) or "setpriv"
        command = [setpriv, f"--reuid={DROPPED_ID}", f"--regid={DROPPED_ID}", "--clear-groups", "--", *command]
    try:
        return subprocess.Popen(
            command, stdin=ends.stdin, stdout=ends.stdout, stderr=ends.stderr, pass_fds=passed, env={}, cwd="/"
        )
    except OSError as error:
        raise SandboxError(f"{command[0]} cannot be started: {error.strerror or error}") from None


def is_dropping_root() -> bool:
    """Return whether boxes are started as another user than this process: only root can, and must."""
    return os.geteuid() == 0 and _has_dropped_id()


@cache
def _has_dropped_id() -> bool:
    """Return whether the user namespace of this process, which stays the same, knows the user that root becomes."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()]
    return any(int(first) <= DROPPED_ID < int(first) + int(count) for first, _, count in ranges)


def _options(
    job: BoxJob, limits: BoxLimits, environment: dict[str, str], descriptors: Descriptors, contents: list[int]
) -> Iterator[str]:
    """Yield bubblewrap's options, adding to `contents` the descriptors that they name."""
    yield from (*_UNSHARED, *_KEPT_IN)
    for name, value in {"PATH": PATH, "HOME": "/tmp", "LANG": "C.UTF-8", **environment}.items():  # noqa: S108
        yield from ("--setenv", name, value)
    yield from ("--ro-bind", "/usr", "/usr")
    for top in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", top)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--proc", "/proc", "--dev", "/dev")
    for size, folder in ((1024 * 1024, "/dev/shm"), (limits.temp_bytes, "/tmp"), (limits.workspace_bytes, "/ws")):  # noqa: S108
        yield from ("--size", str(size), "--tmpfs", folder)
    for folder, inside in job.read_only.items():
        yield from ("--ro-bind", os.path.realpath(folder), inside)
    for mask in find_masks((*job.hidden, str(Path(evalkit.__file__).parent)), job.read_only):
        yield from ("--size", "4096", "--perms", "0555", "--tmpfs", mask, "--remount-ro", mask)
    for inside, content in job.files.items():
        contents.append(descriptors.memory(content))
        yield from ("--perms", "0555", "--ro-bind-data", str(contents[-1]), inside)
    program = filter_program()
    if program is None:
        raise SandboxError(f"the system calls of this kind of machine ({os.uname().machine}) are not known")
    contents.append(descriptors.memory(program))
    yield from ("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/ws", "--seccomp", str(contents[-1]))


def _script(job: BoxJob, limits: BoxLimits, marker: str, collected: int | None) -> list[str]:
    """Return the script that starts the command, and its first arguments."""
    limited = limit_lines(limits, count_processes=True)
    if collected is None:
        return [_UNPACK + limited + ANNOUNCE + RUN, "box", marker]
    script = _UNPACK + ANNOUNCE + _RUN_AND_COLLECT.replace("LIMITS\n", limited)
    return [script, "box", marker, f"/ws/{job.collect}", str(job.collect_bytes + 1), str(collected)]


def _wait_for_root(process: subprocess.Popen[bytes], ours: OurEnds) -> int:
    """Return the process id of the first process in the box, as seen from here.

    Raises SandboxError with what bubblewrap said when it made none.
    """
    told = b""
    until = time.monotonic() + START_S
    ready = select.poll()
    ready.register(ours.status_from, select.POLLIN)
    while ready.poll(max(0.0, until - time.monotonic()) * 1000):
        piece = os.read(ours.status_from, 4096)
        told += piece
        pid = read_status(told).get("child-pid")
        if pid is not None:
            return pid
        if not piece:
            break
    process.kill()
    process.wait()
    os.set_blocking(ours.stderr_from, False)
    try:
        said = os.read(ours.stderr_from, PIECE)
    except BlockingIOError:
        said = b""
    raise SandboxError(printable(said.decode(errors="replace").strip()[-500:]) or "bubblewrap ended without a word")
