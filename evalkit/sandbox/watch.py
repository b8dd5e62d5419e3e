"""Watches a box from its start to the end of its last process: pipes, clock, memory, and how it ended.

Everything here runs outside the box. One thread does it all, so that many boxes can be watched from many threads.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evalkit.errors import SandboxError, printable
from evalkit.sandbox.box import MIB, BoxLimits, BoxResult, Ending
from evalkit.sandbox.descriptors import Descriptors
from evalkit.sandbox.lock_step import LockStep
from evalkit.sandbox.pipes import OurEnds
from evalkit.sandbox.processes import count_files, is_fuller, measure_memory

START_S = 30.0  # a box takes about 10 ms to make; a busy machine needs more, a broken one does not get there
LEAVE_S = 1.0  # what a program has to leave after its last answer
DIE_S = 10.0  # what the kernel has to end processes that were killed
LOOK_S = 0.03  # how often memory is looked at
PIECE = 64 * 1024
NOT_YET = math.inf
FOLDERS = ("/ws", "/tmp", "/dev/shm")  # noqa: S108 - as the box sees them
FILES_PER_MIB = 1024  # a file takes about a KiB of the kernel's memory, which no size of a folder counts


@dataclass
class StartedBox:
    """A box that was just started, and this process's ends of its pipes."""

    process: subprocess.Popen[bytes]
    root_pid: int
    """The process from which all in the box come, and without which none can live."""
    root: int
    """A descriptor of that process (pidfd)."""
    marker: bytes
    """What is written to stderr the moment before the command starts; what comes before is not the command's."""
    archive: bytes
    """What is written to stdin before that."""
    pipes: OurEnds
    has_status: bool = True
    """Whether the exit code comes in bubblewrap's JSON lines; otherwise it is that of `process`."""
    gently: bool = False
    """Whether `process` has to end the others itself, when told to by SIGTERM."""
    folders: tuple[str, ...] = FOLDERS
    """File systems of the box's own."""
    folder: Path | None = None
    """The folder of this machine that stands for them otherwise."""
    held: int | None = None
    """The end of a pipe that is kept open here until the command has opened it."""

    def end(self) -> None:
        """Kill all that is in the box; nothing happens when it is gone."""
        if self.gently:
            self.process.terminate()
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.root, signal.SIGKILL)
        self.process.kill()

    def bury(self) -> None:
        """End the box, and wait until its last process is gone."""
        self.end()
        waiting = select.poll()
        waiting.register(self.root, select.POLLIN)
        waiting.poll(DIE_S * 1000)
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(
            ChildProcessError
        ):  # it becomes our child where we are the first process of a container
            os.waitid(os.P_PIDFD, self.root, os.WEXITED | os.WNOHANG)


class KeptBytes:
    """The first bytes of a stream, and how many there were."""

    def __init__(self, most: int) -> None:
        self.kept = bytearray()
        self.seen = 0
        self._most = most

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.seen += len(data)
        self.kept += data[: max(0, self._most - len(self.kept))]

    @property
    def truncated(self) -> bool:
        """Whether more came than was kept."""
        return self.seen > len(self.kept)


class BoxWatch:
    """One box, from start to end."""

    def __init__(
        self, box: StartedBox, descriptors: Descriptors, limits: BoxLimits, lock_step: LockStep | None, collect: int
    ) -> None:
        self._box = box
        self._descriptors = descriptors
        self._limits = limits
        self._lock_step = lock_step
        self._collect = collect
        self._stdout = KeptBytes(limits.output_bytes)
        self._stderr = KeptBytes(limits.output_bytes)
        self._collected = KeptBytes(collect)
        self._before = bytearray()  # stderr before the command started
        self._status = bytearray()
        self._archive = memoryview(box.archive)
        self._files_before = 0
        self._peak = 0
        self._began = time.monotonic()
        self._started = self._killed = self._ended = NOT_YET
        self._ending: Ending | None = None
        self._leave: tuple[float, Ending] | None = None  # until when it has to leave by itself, and what it is if not
        self._next_look = 0.0

    def watch(self) -> BoxResult:
        """Return what came of the box, once its last process is gone.

        Raises SandboxError when its command never started, or when it ended for a reason outside it.
        """
        with selectors.DefaultSelector() as self._selector:
            self._register_all()
            while self._selector.get_map():
                for key, _ in self._selector.select(LOOK_S):
                    if key.fileobj in self._selector.get_map():  # what was just handled may have closed it
                        key.data()
                if self._look():
                    break
        exit_code = self._find_exit_code()
        ending = self._ending or (Ending.TIMEOUT if exit_code == 128 + signal.SIGXCPU else Ending.EXITED)
        return BoxResult(
            ending=ending,
            exit_code=exit_code,
            stdout=bytes(self._stdout.kept),
            stderr=bytes(self._stderr.kept),
            truncated=self._stdout.truncated or self._stderr.truncated,
            answers=tuple(self._lock_step.answers) if self._lock_step else (),
            wall_s=self._ended - self._started,
            peak_memory_bytes=self._peak,
            collected=self._find_collected(exit_code),
        )

    def _register_all(self) -> None:
        """Listen at every pipe, and for the end of the box."""
        pipes = self._box.pipes
        self._read_all(pipes.stdout_from, self._take_stdout)
        self._read_all(pipes.stderr_from, self._take_stderr)
        self._read_all(pipes.status_from, self._take_status)
        if pipes.collected_from is not None:
            self._read_all(pipes.collected_from, self._collected.add)
        if pipes.answers_from is not None and self._lock_step is not None:
            self._exchange(pipes.answers_from, self._lock_step)
        self._selector.register(self._box.root, selectors.EVENT_READ, self._note_end)
        if pipes.archive_to is not None:
            os.set_blocking(pipes.archive_to, False)
            self._selector.register(
                pipes.archive_to, selectors.EVENT_WRITE, partial(self._write_archive, pipes.archive_to)
            )
        if pipes.requests_to is not None:
            os.set_blocking(pipes.requests_to, False)

    def _exchange(self, answers_from: int, lock_step: LockStep) -> None:
        """Listen to answers. A program that closed its pipe may leave; one that stays then is no partner."""

        def take(data: bytes) -> None:
            lock_step.receive(data)
            if lock_step.broken:
                self._end(Ending.PROTOCOL)
            else:
                self._send()

        def stop() -> None:
            if not lock_step.complete:
                self._stop_sending(Ending.PROTOCOL)

        self._read_all(answers_from, take, stop)

    def _read_all(
        self, descriptor: int, take: Callable[[bytes], None], at_end: Callable[[], None] | None = None
    ) -> None:
        """Give everything that can be read from a descriptor to `take`, and stop listening at its end."""

        def read() -> None:
            try:
                data = os.read(descriptor, PIECE)
            except BlockingIOError:
                return
            if data:
                take(data)
                return
            self._selector.unregister(descriptor)
            if at_end is not None:
                at_end()

        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, read)

    # what comes out of the box

    def _take_stdout(self, data: bytes) -> None:
        self._stdout.add(data)
        self._stop_flood()

    def _take_stderr(self, data: bytes) -> None:
        if self._started == NOT_YET:
            self._before += data
            head, found, data = bytes(self._before).partition(self._box.marker)
            if not found:
                del self._before[:-PIECE]
                return
            self._before[:] = head
            self._started = time.monotonic()
            self._files_before = count_files(self._box.root_pid, self._box.folders)
            if self._box.held is not None:
                self._descriptors.close(self._box.held)
            self._send()
        self._stderr.add(data)
        self._stop_flood()

    def _stop_flood(self) -> None:
        if self._stdout.seen + self._stderr.seen > self._limits.flood_bytes:
            self._end(Ending.OUTPUT)

    def _take_status(self, data: bytes) -> None:
        self._status += data

    # what goes into the box

    def _write_archive(self, pipe: int) -> None:
        try:
            self._archive = self._archive[os.write(pipe, self._archive[:PIECE]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._archive = self._archive[:0]
        if not self._archive:
            self._close(pipe)

    def _send(self) -> None:
        """Write as much of the current request as the pipe takes; close the pipe after the last answer."""
        pipe, lock_step = self._box.pipes.requests_to, self._lock_step
        if pipe is None or lock_step is None or self._leave is not None:
            return
        if lock_step.complete:
            self._measure()
            self._stop_sending(Ending.EXITED)
            return
        try:
            while lock_step.outgoing:
                lock_step.wrote(os.write(pipe, lock_step.outgoing[:PIECE]))
        except BlockingIOError:
            if pipe not in self._selector.get_map():
                self._selector.register(pipe, selectors.EVENT_WRITE, self._send)
            return
        except BrokenPipeError:
            self._stop_sending(Ending.PROTOCOL)
            return
        if pipe in self._selector.get_map():
            self._selector.unregister(pipe)

    def _stop_sending(self, if_it_stays: Ending) -> None:
        """Close the pipe of the requests, and give the program its second to leave."""
        if self._leave is None and self._box.pipes.requests_to is not None:
            self._close(self._box.pipes.requests_to)
            self._leave = (time.monotonic() + LEAVE_S, if_it_stays)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)
        self._descriptors.close(descriptor)

    # clock, memory, end

    def _look(self) -> bool:
        """Hold the box to its limits; return whether nothing more can come of it."""
        now = time.monotonic()
        if self._ended < NOT_YET:
            return now > self._ended + LEAVE_S  # whoever still holds a pipe is none of ours
        if self._killed < NOT_YET:
            if now > self._killed + DIE_S:
                raise SandboxError(f"the processes of a box did not end within {DIE_S:.0f} s of being killed")
        elif self._started == NOT_YET:
            if now > self._began + START_S:
                raise SandboxError(f"the box was not ready within {START_S:.0f} s: {self._said_before()}")
        elif now > self._started + self._limits.wall_s:
            self._end(Ending.TIMEOUT)
        elif self._leave is not None and now > self._leave[0]:
            self._end(self._leave[1])
        elif now >= self._next_look:
            self._measure()
            self._next_look = now + LOOK_S
        return False

    def _measure(self) -> None:
        """Look at memory and files, and end the box when it holds more than it may."""
        limits = self._limits
        used = measure_memory(self._box.root_pid, limits.memory_bytes, without_root=self._box.gently)
        self._peak = max(self._peak, used)
        room = limits.workspace_bytes + limits.temp_bytes
        most_files = room * FILES_PER_MIB // MIB
        files = count_files(self._box.root_pid, self._box.folders) - self._files_before
        full = files > most_files or (
            self._box.folder is not None and is_fuller(self._box.folder, most_bytes=room, most_files=most_files)
        )
        if used > limits.memory_bytes or full:
            self._end(Ending.MEMORY)

    def _end(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
            self._killed = time.monotonic()
            self._box.end()

    def _note_end(self) -> None:
        """Note that the last process is gone, and close what nobody reads any more."""
        self._ended = time.monotonic()
        self._selector.unregister(self._box.root)
        for pipe in (self._box.pipes.archive_to, self._box.pipes.requests_to):
            if pipe is not None:
                self._close(pipe)

    def _find_exit_code(self) -> int | None:
        """Return the command's exit code, or None when the box was ended from here."""
        own = self._box.process.wait()
        if self._started == NOT_YET:
            raise SandboxError(f"the box could not be made: {self._said_before()}")
        if self._killed < NOT_YET:
            return None
        code = read_status(bytes(self._status)).get("exit-code") if self._box.has_status else own
        if code is None:
            raise SandboxError(f"the box was ended by something outside it (its keeper's exit code: {own})")
        return code

    def _find_collected(self, exit_code: int | None) -> bytes | None:
        """Return the collected file when the command ended well and the file is no longer than it may be."""
        if self._box.pipes.collected_from is None or exit_code != 0:
            return None
        return None if self._collected.truncated or not self._collected.seen else bytes(self._collected.kept)

    def _said_before(self) -> str:
        text = bytes(self._before).decode(errors="replace").strip()
        return printable(text[-500:]) or "it said nothing"


def read_status(lines: bytes) -> dict[str, int]:
    """Return what bubblewrap has told about the box so far: ``child-pid``, and ``exit-code`` at the end."""
    found: dict[str, int] = {}
    for line in lines.splitlines(keepends=True):
        if line.endswith(b"\n"):
            found |= {name: value for name, value in json.loads(line).items() if isinstance(value, int)}
    return found
