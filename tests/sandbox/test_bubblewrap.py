"""Boxes made by bubblewrap: what a job finds, many at once, and that nothing is left whatever interrupts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from boxes.attacks import adopting_orphans, find_children, open_descriptors
from boxes.needs import make_open_folder, needs_bubblewrap, needs_linux

import evalkit
from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits, Ending
from evalkit.sandbox.bubblewrap import Bubblewrap, is_dropping_root
from evalkit.sandbox.finding import find_sandbox

pytestmark = needs_linux
__all__ = ["make_open_folder"]
LIMITS = BoxLimits()


@pytest.fixture(name="box")
def _box() -> Bubblewrap:
    sandbox = find_sandbox("bubblewrap")
    assert isinstance(sandbox, Bubblewrap)
    return sandbox


def say(box: Bubblewrap, script: str, **fields: object) -> str:
    """Return what a shell script in a box says."""
    result = box.run(BoxJob(("sh", "-c", script), **fields), LIMITS)  # type: ignore[arg-type]
    assert (result.ending, result.exit_code, result.stderr) == (Ending.EXITED, 0, b"")
    return result.stdout.decode()


@needs_bubblewrap
def test_a_program_finds_what_its_job_brings(box: Bubblewrap) -> None:
    """Workspace, files, modes, variables, and a folder of the machine at its place."""
    folder = Path("/usr/share")
    said = say(
        box,
        "test -d /opt/share/doc && echo folder; pwd; ./a/run; cat -- '-x y'; cat /box/deep/file; echo $A;"
        " test -w a/run && echo w",
        workspace={"a/run": b"#!/bin/sh\necho ran\n", "-x y": b"odd\n"},
        executable_paths=frozenset({"a/run"}),
        files={"/box/deep/file": b"given\n", "/box/big": bytes(300_000)},
        environment={"A": "b c='$d'\n"},
        read_only={str(folder): "/opt/share"},
    )
    assert said == "folder\n/ws\nran\nodd\ngiven\nb c='$d'\nw\n"


@needs_bubblewrap
def test_hidden_folders_are_empty(box: Bubblewrap) -> None:
    """What is expected of a program never stands in its box, even where evalkit is installed below /usr."""
    hidden = next(path for path in Path("/usr/share").iterdir() if path.is_dir() and any(path.iterdir()))
    script = f"ls -A {hidden}; ls -A /opt/share/{hidden.name}; touch {hidden}/x 2>/dev/null || echo closed"
    said = say(box, script, read_only={"/usr/share": "/opt/share"}, hidden=(str(hidden),))
    assert said == "closed\n"
    own = str(Path(evalkit.__file__).parent)
    assert say(box, f"ls -A {own} 2>/dev/null; true") == ""


@needs_bubblewrap
def test_a_workspace_that_does_not_fit_is_said(box: Bubblewrap) -> None:
    """Not taken for a program that failed."""
    with pytest.raises(SandboxError, match=r"could not be made: tar: a: "):
        box.run(BoxJob(("true",), {"a": bytes(3 << 20)}), BoxLimits(workspace_bytes=1 << 20))


@needs_bubblewrap
def test_output_is_bounded_and_told_apart(box: Bubblewrap) -> None:
    """The beginning of each stream is kept, and that there was more is said."""
    job = BoxJob(("sh", "-c", "head -c 5000 /dev/zero; echo e >&2"))
    result = box.run(job, BoxLimits(output_bytes=1000))
    assert (len(result.stdout), result.stderr, result.truncated) == (1000, b"e\n", True)
    assert not box.run(BoxJob(("echo", "x")), LIMITS).truncated


@needs_bubblewrap
def test_memory_and_time_are_told(box: Bubblewrap) -> None:
    """As seen from outside."""
    source = "import time\nheld = bytearray(100 << 20)\ntime.sleep(0.3)\n"
    result = box.run(BoxJob(("/usr/bin/python3", "-c", source)), LIMITS)
    assert 0.3 < result.wall_s < 10
    assert 100 << 20 < result.peak_memory_bytes < 200 << 20


@needs_bubblewrap
def test_many_at_once(box: Bubblewrap) -> None:
    """Each box answers its own requests only; nothing of one is inherited by another, nothing is left."""
    script = 'r=${EVALKIT_PIPES%,*} w=${EVALKIT_PIPES#*,}; while read -r line <&$r; do echo "$1 $line" >&$w; done'
    before = open_descriptors()

    def ask(number: int) -> bool:
        result = box.run(
            BoxJob(("bash", "-c", f"{script}; ls /proc/self/fd", "box", str(number))),
            BoxLimits(wall_s=60),
            [b"a", b"b"],
        )
        fds = result.stdout.split()
        return result.answers == (b"%d a" % number, b"%d b" % number) and len(fds) == 6

    with adopting_orphans():
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(ask, range(80)))
        assert find_children() == []
    assert open_descriptors() == before


RUNNING = """
import signal, sys
from evalkit.sandbox.box import BoxJob, BoxLimits
from evalkit.sandbox.finding import find_sandbox
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
box = find_sandbox("bubblewrap")
print("ready", flush=True)
try:
    box.run(BoxJob(("sh", "-c", "sleep 100 & setsid sleep 100 & wait")), BoxLimits(wall_s=100))
except KeyboardInterrupt:
    import os
    print(len(os.listdir("/proc/self/fd")) - 1, flush=True)
"""


@needs_bubblewrap
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_whoever_started_it(number: signal.Signals) -> None:
    """Interrupted, terminated or killed: every process of the box goes too."""
    with adopting_orphans():
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNING], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": _root()}
        )
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == b"ready\n"
            _wait_for_two_sleepers(process.pid)
            process.send_signal(number)
            said = process.stdout.read()
        process.wait(20)
        assert find_children() == []
    assert said in ({b"3\n"} if number == signal.SIGINT else {b""})


def _root() -> str:
    return str(Path(evalkit.__file__).parents[1])


def _wait_for_two_sleepers(pid: int) -> None:
    from evalkit.sandbox.processes import find_descendants

    until = time.monotonic() + 20
    while time.monotonic() < until:
        names = [Path(f"/proc/{found}/comm") for found in find_descendants(pid)]
        if sum(name.exists() and name.read_text() == "sleep\n" for name in names) == 2:
            return
        time.sleep(0.02)
    pytest.fail("the box did not come up")


def test_a_bubblewrap_that_fails_leaves_nothing(open_folder: Path) -> None:
    """Missing, silent, talkative, or gone half-way: each is the machine's fault, and no descriptor stays open."""
    program = open_folder / "bwrap"
    before = open_descriptors()
    for script, says in (
        (None, "No such file|cannot be started"),
        ("exit 1", "without a word"),
        ("echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1", "uid map"),
        ("exec >&- 2>&-; sleep 0.1", "without a word"),
    ):
        if script is not None:
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        with pytest.raises(SandboxError, match=says):
            Bubblewrap(str(program)).run(BoxJob(("true",)), LIMITS)
    assert open_descriptors() == before


@needs_bubblewrap
@pytest.mark.skipif(os.getuid() != 0, reason="only root gives up rights")
def test_root_gives_up_its_rights(box: Bubblewrap, tmp_path: Path) -> None:
    """A folder that only root can read is not bound, and the message says so."""
    assert is_dropping_root()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(SandboxError, match="closed to other users"):
        box.run(BoxJob(("true",), read_only={str(closed): "/opt/x"}), LIMITS)
