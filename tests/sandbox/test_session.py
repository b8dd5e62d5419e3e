# ruff: noqa: E501, ASYNC240 - programs, and what they say, are clearest unbroken
"""Boxes that last as long as a session: what gets in, what gets out, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest
from boxes.needs import make_open_folder, needs_bubblewrap, needs_linux

import evalkit
from evalkit.errors import SandboxError
from evalkit.sandbox.box import MIB
from evalkit.sandbox.bubblewrap import Bubblewrap
from evalkit.sandbox.finding import find_sandbox
from evalkit.sandbox.processes import find_descendants
from evalkit.sandbox.session import (
    BoxSession,
    BubblewrapSessions,
    HostSessions,
    Overuse,
    SessionJob,
    SessionLimits,
    SessionSandbox,
    Streams,
    own_folder,
    own_terminal,
    session_folder,
)

__all__ = ["make_open_folder"]
pytestmark = needs_linux
PYTHON = "/usr/bin/python3"
LIMITS = SessionLimits()


@dataclass
class Room:
    """The folders of a session."""

    root: Path

    def job(self, *command: str, **fields: object) -> SessionJob:
        """Return a job whose folders are this room's."""
        return SessionJob(command, self.root / "workspace", self.root / "home", **fields)  # type: ignore[arg-type]

    def python(self, program: str, **fields: object) -> SessionJob:
        """Return a job that runs a program of Python."""
        return self.job(PYTHON, "-S", "-E", "-c", program, **fields)


@pytest.fixture(name="room")
def make_room(open_folder: Path) -> Room:
    """Give the folders of a session."""
    for name in ("workspace", "home"):
        (open_folder / name).mkdir()
        own_folder(open_folder / name)
    return Room(open_folder)


@pytest.fixture(name="boxes")
def make_boxes() -> SessionSandbox:
    """Give what makes boxes."""
    found = find_sandbox("bubblewrap")
    assert isinstance(found, Bubblewrap)
    return BubblewrapSessions(found.program)


@asynccontextmanager
async def running(
    sandbox: SessionSandbox, job: SessionJob, limits: SessionLimits = LIMITS
) -> AsyncIterator[tuple[BoxSession, Path]]:
    """Give a session that runs, and the file that it writes to; end it afterwards."""
    place = job.workspace.parent / f"written-{time.monotonic_ns()}"
    with place.open("wb") as out, Path(os.devnull).open("rb") as nothing:  # noqa: ASYNC230
        session = sandbox.start(job, limits, Streams(nothing.fileno(), out.fileno(), out.fileno()))
    try:
        yield session, place
    finally:
        await session.end()


async def run(sandbox: SessionSandbox, job: SessionJob, limits: SessionLimits = LIMITS) -> tuple[int | None, str]:
    """Run a job to its end; return its exit code and what it wrote."""
    async with running(sandbox, job, limits) as (session, place):
        async with asyncio.timeout(20):
            code = await session.wait()
    assert session.exit_code == code
    return code, place.read_text()


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@needs_bubblewrap
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -9 $$"), 137),
        (("sh", "-c", "kill -SEGV $$"), 139),
        (("no-such-program",), 127),
        (("/etc",), 126),
    ],
)
async def test_the_exit_code_is_the_program_s(
    command: tuple[str, ...], code: int, room: Room, boxes: SessionSandbox
) -> None:
    """Signals are 128 + n; what cannot be started is 126 or 127, as shells say it."""
    found, said = await run(boxes, room.job(*command))
    assert found == code, said


@needs_bubblewrap
async def test_a_program_that_was_ended_from_outside_has_no_exit_code_of_its_own(
    room: Room, boxes: SessionSandbox
) -> None:
    """It is told apart from one that ended; ending twice does nothing."""
    async with running(boxes, room.job("sleep", "100")) as (session, _):
        assert session.exit_code is None
        await session.end()
        assert session.exit_code in (None, 137)
        assert not is_alive(session.root_pid)
        await session.end()


WHAT_IT_SEES = r"""
import json, os
def reads(path):
    try:
        return sorted(os.listdir(path)) if os.path.isdir(path) else open(path).read()
    except OSError as error:
        return type(error).__name__
def writes(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
asked = json.loads(os.environ["ASKED"])
print(json.dumps({
    "cwd": os.getcwd(), "env": dict(os.environ), "uid": os.getuid(), "host": os.uname().nodename,
    "pids": [p for p in os.listdir("/proc") if p.isdigit()], "root": sorted(os.listdir("/")),
    "etc": sorted(os.listdir("/etc")), "tmp": os.listdir("/tmp"), "box": os.listdir("/box") if os.path.isdir("/box") else [],
    "fds": sorted(map(int, os.listdir("/proc/self/fd"))),
    "read": {path: reads(path) for path in asked["read"]}, "write": {path: writes(path) for path in asked["write"]},
}))
"""


async def look_around(
    boxes: SessionSandbox, room: Room, read: tuple[str, ...] = (), write: tuple[str, ...] = (), **fields: object
) -> Mapping[str, object]:
    """Return what a program in a box sees."""
    asked = json.dumps({"read": read, "write": write})
    environment = {"ASKED": asked, **fields.pop("environment", {})}  # type: ignore[dict-item]
    code, said = await run(boxes, room.python(WHAT_IT_SEES, environment=environment, **fields))
    assert code == 0, said
    found: Mapping[str, object] = json.loads(said)
    return found


@needs_bubblewrap
async def test_it_sees_its_own_folders_and_nothing_of_the_machine(
    room: Room, boxes: SessionSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable, process, name or file of this machine but /usr; the folder beside its own is another session's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    (room.root / "other-session").write_text("theirs")
    (tmp_path / "secret").write_text("mine")
    package = str(Path(evalkit.__file__).parent)
    hidden = (str(tmp_path / "secret"), str(room.root / "other-session"), package, "/root", "/home/agent", "/var/lib")
    written = (
        "/workspace/a",
        "/home/agent/a",
        "/tmp/of-a-box",
        "/usr/a",
        "/etc/a",
        "/box/a",
        "/a",
        "/box/given",
        "/bin/a",
    )
    seen = await look_around(boxes, room, hidden, written, environment={"GIVEN": "yes"}, files={"/box/given": b"x"})
    assert seen["cwd"] == "/workspace"
    assert {name: value for name, value in seen["env"].items() if name not in ("ASKED", "PWD", "LC_CTYPE")} == {  # type: ignore[attr-defined]
        "GIVEN": "yes", "HOME": "/home/agent", "LANG": "C.UTF-8", "TMPDIR": "/tmp", "PATH": "/usr/local/bin:/usr/bin:/bin",
    } or seen["env"]  # fmt: skip
    assert "OPENAI_API_KEY" not in seen["env"]  # type: ignore[operator]
    assert set(seen["env"]) <= {  # type: ignore[call-overload]
        "GIVEN", "ASKED", "HOME", "LANG", "TMPDIR", "PATH", "PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE",
    }  # fmt: skip
    assert (seen["uid"], seen["host"]) == (1000, "box")
    assert len(seen["pids"]) <= 3  # type: ignore[arg-type]
    assert seen["tmp"] == []
    assert seen["fds"] == [0, 1, 2, 3]  # 3: the folder that is being listed
    assert {path for path, found in seen["read"].items() if not isinstance(found, str)} == {"/home/agent"}  # type: ignore[attr-defined]
    assert {path for path, could in seen["write"].items() if could} == {
        "/workspace/a",
        "/home/agent/a",
        "/tmp/of-a-box",
    }  # type: ignore[attr-defined]
    assert (room.root / "workspace" / "a").exists()
    assert (room.root / "home" / "a").exists()
    assert not Path("/tmp/of-a-box").exists()


@needs_bubblewrap
async def test_a_folder_that_it_is_shown_is_read_only_and_never_holds_evalkit(
    room: Room, boxes: SessionSandbox, open_folder: Path
) -> None:
    """An agent that could read the checks could meet them without working; hidden folders are empty too."""
    shown = open_folder / "shown"
    for name in ("kept", "tests"):
        (shown / name).mkdir(parents=True)
        (shown / name / "file").write_text("here")
    seen = await look_around(
        boxes,
        room,
        ("/opt/shown/kept/file", "/opt/shown/tests"),
        ("/opt/shown/kept/file", "/opt/shown/new"),
        read_only={str(shown): "/opt/shown"},
        hidden=(str(shown / "tests"),),
    )
    assert seen["read"] == {"/opt/shown/kept/file": "here", "/opt/shown/tests": []}
    assert set(seen["write"].values()) == {False}  # type: ignore[attr-defined]


@needs_bubblewrap
@pytest.mark.skipif(os.stat(Path(evalkit.__file__).parents[1]).st_mode & 0o005 != 0o005, reason="nobody may read it")  # noqa: PTH116
async def test_evalkit_s_own_package_is_hidden(room: Room, boxes: SessionSandbox) -> None:
    """Even where the folder that it is installed in is shown."""
    above = str(Path(evalkit.__file__).parents[1])
    try:
        seen = await look_around(boxes, room, ("/opt/all/evalkit",), read_only={above: "/opt/all"})
    except SandboxError as error:
        pytest.skip(str(error))
    assert seen["read"] == {"/opt/all/evalkit": []}


NETWORK = r"""
import json, os, socket, urllib.request
def connect(family, address):
    try:
        with socket.socket(family) as line:
            line.settimeout(2)
            line.connect(address)
            return "connected"
    except OSError as error:
        return type(error).__name__
port = int(os.environ["HOST_PORT"])
print(json.dumps({
    "internet": connect(socket.AF_INET, ("1.1.1.1", 53)),
    "host": connect(socket.AF_INET, ("127.0.0.1", port)),
    "gateway": connect(socket.AF_INET, ("127.0.0.1", 8099)),
    "abstract": connect(socket.AF_UNIX, "\0evalkit-test-" + str(port)),
    "interfaces": sorted(name for _, name in socket.if_nameindex()),
}))
"""


@needs_bubblewrap
@pytest.mark.parametrize("has_gateway", [False, True])
async def test_the_gateway_is_the_only_way_out(*, has_gateway: bool, room: Room, boxes: SessionSandbox) -> None:
    """Neither the internet, nor a port or an abstract socket of this machine; port 8099 where the job names a socket."""
    place = room.root / "gateway.sock"
    server = await asyncio.start_unix_server(lambda _, writer: writer.close(), place)
    place.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as host, socket.socket(socket.AF_UNIX) as abstract:
        port = host.getsockname()[1]
        abstract.bind(f"\0evalkit-test-{port}")
        abstract.listen()
        forwarder = resources.files("evalkit.gateway").joinpath("forwarder.py").read_bytes()
        fields: dict[str, object] = {"gateway": place, "forwarder": forwarder} if has_gateway else {}
        job = room.python(NETWORK, environment={"HOST_PORT": str(port)}, **fields)
        code, said = await run(boxes, job)
    server.close()
    assert code == 0, said
    seen = json.loads(said)
    assert seen.pop("gateway") == ("connected" if has_gateway else "ConnectionRefusedError")
    assert seen.pop("interfaces") == ["lo"]
    assert "connected" not in seen.values(), seen


@needs_bubblewrap
async def test_a_forwarder_that_fails_is_told_apart_from_an_agent_that_does(room: Room, boxes: SessionSandbox) -> None:
    """126 is what blame takes for the machine's fault."""
    place = room.root / "gateway.sock"
    place.touch()
    code, _ = await run(boxes, room.job("true", gateway=place, forwarder=b"raise SystemExit(1)"))
    assert code == 126


@needs_bubblewrap
@pytest.mark.parametrize("boxed", [True, False])
async def test_a_program_takes_the_signals_that_a_script_had_us_ignore(
    room: Room, boxes: SessionSandbox, boxed: bool
) -> None:
    """`evalkit … &` and nohup: an agent is interrupted, and ends with its terminal, all the same."""
    program = "import signal; print(*(signal.getsignal(one) == signal.SIG_IGN for one in (1, 2, 3)))"
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (1, 2, 3)}
    try:
        assert await run(boxes if boxed else HostSessions(), room.python(program)) == (0, "False False False\n")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@needs_bubblewrap
async def test_ctrl_c_reaches_the_program_at_its_terminal(room: Room, boxes: SessionSandbox) -> None:
    """The terminal is its controlling one, can be opened again as /dev/tty, and is in its foreground."""
    master, child = pty.openpty()
    own_terminal(child)
    program = "trap 'echo caught; exit 3' INT; echo here >/dev/tty; while :; do sleep 0.05; done"
    session = boxes.start(room.job("sh", "-c", program), LIMITS, Streams(child, child, child, is_terminal=True))
    os.close(child)
    os.set_blocking(master, False)
    seen = b""

    def shows(words: bytes) -> bool:
        nonlocal seen
        with suppress(OSError):
            seen += os.read(master, 4096)
        return words in seen

    try:
        await until(lambda: shows(b"here"))
        os.write(master, b"\x03")
        async with asyncio.timeout(10):
            assert await session.wait() == 3
        assert shows(b"caught")
    finally:
        await session.end()
        os.close(master)


DAEMON = """
import os, signal, sys, time
for number in range(64):
    if number not in (signal.SIGKILL, signal.SIGSTOP) and number:
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    open("daemon", "w").write("up")
    time.sleep(100)
print("up", flush=True)
time.sleep(100)
"""


async def started_daemon(room: Room) -> None:
    await until((room.root / "workspace" / "daemon").exists)


@needs_bubblewrap
async def test_nothing_is_left_of_daemons_that_ignore_every_signal(room: Room, boxes: SessionSandbox) -> None:
    """They live in the box's own world of processes, which ends with the box."""
    async with running(boxes, room.python(DAEMON)) as (session, _):
        await started_daemon(room)
        family = find_descendants(session.root_pid)
        assert len(family) >= 3
    assert [pid for pid in family if is_alive(pid)] == []


@needs_bubblewrap
async def test_a_daemon_does_not_outlive_the_program(room: Room, boxes: SessionSandbox) -> None:
    """The session ends with its program, whatever that left behind."""
    program = "(setsid sleep 100 &) ; exit 5"
    async with running(boxes, room.job("sh", "-c", program)) as (session, _):
        async with asyncio.timeout(10):
            assert await session.wait() == 5
        assert not is_alive(session.root_pid)


FORKS = """
import os, time
made = 0
try:
    for _ in range(400):
        if os.fork() == 0:
            time.sleep(100)
        made += 1
except OSError:
    pass
print(made, flush=True)
"""


@needs_bubblewrap
async def test_processes_are_bounded(room: Room, boxes: SessionSandbox) -> None:
    """A program that forks without end gets an error, and this machine goes on."""
    code, said = await run(boxes, room.python(FORKS), SessionLimits(processes=40))
    assert code == 0
    assert 10 < int(said) < 45


@needs_bubblewrap
async def test_too_much_memory_ends_a_session(room: Room, boxes: SessionSandbox) -> None:
    """What all its processes have together counts."""
    program = "import time\nheld = [bytearray(1 << 20) for _ in range(80)]\ntime.sleep(100)"
    async with running(boxes, room.python(program), SessionLimits(memory_bytes=50 * MIB)) as (session, _):
        async with asyncio.timeout(10):
            await session.wait()
        assert session.overuse is Overuse.MEMORY


@needs_bubblewrap
@pytest.mark.parametrize(
    ("program", "limits"),
    [
        ("head -c 3000000 /dev/zero >a; sleep 100", SessionLimits(folder_bytes=2 * MIB)),
        ("head -c 1500000 /dev/zero >a; cp a ~/b; sleep 100", SessionLimits(folder_bytes=2 * MIB)),
        ("for n in 0 1 2 3 4 5 6 7 8 9; do mkdir $n; done; sleep 100", SessionLimits(folder_files=8)),
    ],
    ids=["one", "both", "many"],
)
async def test_too_much_in_the_folders_ends_a_session(
    program: str, limits: SessionLimits, room: Room, boxes: SessionSandbox
) -> None:
    """Workspace and HOME count together."""
    async with running(boxes, room.job("sh", "-c", program), limits) as (session, _):
        async with asyncio.timeout(10):
            await session.wait()
        assert session.overuse is Overuse.FOLDERS


@needs_bubblewrap
async def test_what_one_file_and_tmp_may_hold_is_bounded(room: Room, boxes: SessionSandbox) -> None:
    """By the system, at once."""
    program = (
        "exec 2>/dev/null; (head -c 3000000 /dev/zero >big); stat -c %s big; "
        "(for n in 1 2 3 4; do head -c 900000 /dev/zero >/tmp/$n; done); du -s /tmp | cut -f1; ulimit -n"
    )
    _, said = await run(
        boxes, room.job("sh", "-c", program), SessionLimits(file_bytes=1 * MIB, temp_bytes=2 * MIB, open_files=50)
    )
    size, temp_kb, files = map(int, said.split())
    assert (size, files) == (MIB, 50)
    assert temp_kb <= 2048


@needs_bubblewrap
async def test_sessions_leave_no_descriptor_open(room: Room, boxes: SessionSandbox) -> None:
    """Nor does one that could not start."""
    await run(boxes, room.job("true"))
    before = descriptors()
    for _ in range(10):
        await asyncio.gather(*(run(boxes, room.job("true")) for _ in range(5)))
    for sandbox, job in (
        (BubblewrapSessions("/nowhere/bwrap"), room.job("true")),
        (BubblewrapSessions("/bin/false"), room.job("true")),
        (boxes, room.job("true", read_only={"/nowhere/at/all": "/opt"})),
    ):
        with pytest.raises(SandboxError):
            await run(sandbox, job)
    assert descriptors() == before


@needs_bubblewrap
async def test_a_session_that_has_ended_reads_no_descriptor(room: Room, boxes: SessionSandbox) -> None:
    """The number of the one that it had may be another session's, whose words would be lost."""
    async with running(boxes, room.job("sh", "-c", "exit 3")) as (session, _):
        await session.wait()
    pipes = [os.pipe() for _ in range(20)]
    for _, write in pipes:
        os.write(write, b"x")
        os.close(write)
    assert session.exit_code == 3
    assert [os.read(read, 1) for read, _ in pipes] == [b"x"] * 20
    for read, _ in pipes:
        os.close(read)


@needs_bubblewrap
async def test_an_end_that_is_broken_off_is_ended_the_next_time(room: Room, boxes: SessionSandbox) -> None:
    """A case's time limit may fall into it."""
    before = descriptors()
    async with running(boxes, room.job("sleep", "100")) as (session, _):
        ending = asyncio.ensure_future(session.end())
        await asyncio.sleep(0)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        await session.end()
        assert not is_alive(session.root_pid)
    assert descriptors() == before


async def test_the_host_s_sessions_get_a_clean_environment_and_files(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No box, but nothing of the user's own variables either; paths below /box stand beside HOME."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    job = room.job("sh", "/box/program.sh", files={"/box/program.sh": b"env; pwd; exit 4"}, environment={"GIVEN": "1"})
    code, said = await run(HostSessions(), job)
    assert code == 4
    lines = said.splitlines()
    assert "sk-secret" not in said
    assert {"GIVEN=1", f"HOME={room.root}/home", str(room.root / "workspace")} <= set(lines)


async def test_the_host_s_exit_codes_are_those_of_a_box(room: Room) -> None:
    """A program that is not there raises, as there is no shell to say so."""
    assert (await run(HostSessions(), room.job("sh", "-c", "kill -9 $$")))[0] == 137
    with pytest.raises(SandboxError, match="no-such-program cannot be started"):
        await run(HostSessions(), room.job("no-such-program"))


async def test_a_daemon_of_the_host_is_found_by_its_mark(room: Room) -> None:
    """It has left its group, and its parent is gone; the mark in its environment stays."""
    program = DAEMON.replace('time.sleep(100)\n"', "").replace(
        'open("daemon", "w").write("up")', 'open("daemon", "w").write(str(os.getpid()))'
    )
    async with running(HostSessions(), room.python(program)) as (session, _):
        place = room.root / "workspace" / "daemon"
        await until(lambda: place.exists() and place.read_text().isdigit())
        daemon = int(place.read_text())
        assert daemon not in find_descendants(session.root_pid)
        assert is_alive(daemon)
    await until(lambda: not is_alive(daemon))


OWNER = """
import asyncio, os, sys
from pathlib import Path
from evalkit.sandbox.finding import find_session_boxes
from evalkit.sandbox.session import SessionJob, SessionLimits, Streams, own_folder, session_folder

async def main():
    with session_folder() as folder:
        for name in ("workspace", "home"):
            (folder / name).mkdir()
            own_folder(folder / name)
        (folder / "locked" / "in").mkdir(parents=True)
        (folder / "locked").chmod(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        job = SessionJob(("sh", "-c", "trap '' TERM HUP; (setsid sleep 100 &); sleep 100"), folder / "workspace", folder / "home")
        session = find_session_boxes(sys.argv[1]).sessions.start(job, SessionLimits(), Streams(nothing, nothing, nothing))
        print(folder, session.root_pid, flush=True)
        await asyncio.sleep(100)
asyncio.run(main())
"""


@needs_bubblewrap
async def test_a_killed_owner_leaves_no_process_and_no_folder() -> None:
    """After kill -9 nothing of it can tidy up any more."""
    owner = subprocess.Popen(  # noqa: ASYNC220 - it is waited for below
        [sys.executable, "-c", OWNER, "bubblewrap"], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(evalkit.__file__).parents[1])},
    )  # fmt: skip
    assert owner.stdout is not None
    folder, root = (await asyncio.to_thread(owner.stdout.readline)).decode().split()
    await asyncio.sleep(0.1)
    family = find_descendants(int(root))
    assert Path(folder).is_dir()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    await until(lambda: not any(map(is_alive, family)))
    await until(lambda: not Path(folder).exists())


def test_a_session_folder_is_gone_with_all_that_was_locked_in_it() -> None:
    """Also when the block raises."""
    with pytest.raises(ZeroDivisionError), session_folder() as folder:  # noqa: PT012
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a").chmod(0o000)
        assert folder.stat().st_mode & 0o777 == 0o711
        _ = 1 / 0
    assert not folder.exists()
