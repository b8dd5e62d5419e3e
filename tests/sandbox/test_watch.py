"""Watching a box: what is kept of a stream, what bubblewrap tells, and an end that nobody here caused."""

import os
import selectors
import signal
import threading
import time
from pathlib import Path
from select import POLLIN, poll

import pytest
from boxes.attacks import adopting_orphans, find_children
from boxes.needs import needs_bubblewrap, needs_linux

from evalkit.errors import SandboxError
from evalkit.sandbox.box import BoxJob, BoxLimits
from evalkit.sandbox.finding import find_sandbox
from evalkit.sandbox.host_box import HostBox
from evalkit.sandbox.processes import find_descendants
from evalkit.sandbox.watch import KeptBytes, read_status


def test_the_beginning_of_a_stream_is_kept() -> None:
    """However it comes in pieces; how much there was is known."""
    stream = KeptBytes(5)
    for piece in (b"ab", b"", b"cdef", b"g"):
        stream.add(piece)
    assert (bytes(stream.kept), stream.seen, stream.truncated) == (b"abcde", 7, True)
    exact = KeptBytes(2)
    exact.add(b"ab")
    assert not exact.truncated


def test_status_is_read_line_by_line() -> None:
    """A line that has not come whole is not read yet."""
    assert read_status(b'{ "child-pid": 7, "net-namespace": 4 }\n{ "exit-co') == {"child-pid": 7, "net-namespace": 4}
    assert read_status(b'{ "child-pid": 7 }\n{ "exit-code": 0 }\n')["exit-code"] == 0


@needs_bubblewrap
def test_an_end_from_outside_is_no_fault_of_the_candidate() -> None:
    """Somebody, the kernel for one, kills the keeper of the box: that is said, and nothing is left."""
    sandbox = find_sandbox("bubblewrap")
    errors: list[SandboxError] = []

    def run() -> None:
        try:
            sandbox.run(BoxJob(("sleep", "100")), BoxLimits(wall_s=60))
        except SandboxError as error:
            errors.append(error)

    with adopting_orphans():
        runner = threading.Thread(target=run)
        runner.start()
        os.kill(_wait_for("bwrap"), signal.SIGKILL)
        runner.join(20)
        assert not runner.is_alive()
        assert find_children() == []
    assert "ended by something outside" in str(errors[0])


@needs_linux
def test_a_pipe_that_closes_while_others_are_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a box and room in one of its pipes can be told in one breath; the pipe is closed by then."""
    select = selectors.DefaultSelector.select

    def late(self: selectors.DefaultSelector, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        for key in self.get_map().values():
            if getattr(key.data, "__name__", "") == "_note_end":
                waiting = poll()
                waiting.register(key.fd, POLLIN)
                waiting.poll(30_000)  # as a thread that is not given the processor: the box has ended by its first look
        return sorted(select(self, timeout), key=lambda found: found[1])  # what can be read first, the end among it

    monkeypatch.setattr(selectors.DefaultSelector, "select", late)
    assert HostBox("none", confined=False).run(BoxJob(("sh", "-c", "exit 3")), BoxLimits()).exit_code == 3


def _wait_for(name: str) -> int:
    """Return the first process below this one of that name which has started something called sleep."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        names = {}
        for pid in find_descendants(os.getpid()):
            try:
                names[pid] = Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
        if "sleep" in names.values():
            return next(pid for pid, found in names.items() if found == name)
        time.sleep(0.02)
    pytest.fail(f"no {name} came up")
