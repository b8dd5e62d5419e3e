"""A lab and a run that are killed, and go on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness import Cli, command
from lab_process import LabProcess, lab_process
from live_runs import RUN_ID

from evalkit.store.provenance import RUN_ID_VARIABLE
from evalkit.store.run_directory import RunDirectory

TESTS = Path(__file__).parents[1]
BUSY_RUN = Path(__file__).with_name("busy_run.py")
PAUSE_S = 0.05
PATIENCE_S = 60
_JOURNALS = "20*/*/journal.jsonl"


class KilledLab:
    """A lab that is killed and started again at the same port."""

    def __init__(self, outputs: Path, stack: ExitStack) -> None:
        self._outputs = outputs
        self._stack = stack
        self._lab = self._start(0)

    def _start(self, port: int) -> LabProcess:
        return self._stack.enter_context(lab_process(self._outputs.parent, str(self._outputs), port=port))

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return self._lab.url

    def kill(self) -> None:
        """Kill it, as nobody can defend against."""
        self._lab.process.kill()
        self._lab.process.wait()

    def start_again(self) -> None:
        """Start it again, at the same port."""
        self._lab = self._start(self._lab.port)


@dataclass
class KilledRun:
    """A run that is killed and resumed, and may leave half a line.

    Attributes:
        directory: Its directory.
        process: The process that writes it.
        resume: Starts another that goes on with it.
        end: Has the process end it in order, and waits until it has.
        size_before: How long its journal was when it was resumed, in bytes.

    """

    directory: RunDirectory
    process: subprocess.Popen[bytes]
    resume: Callable[[], subprocess.Popen[bytes]]
    end: Callable[[subprocess.Popen[bytes]], None]
    size_before: int = 0

    def kill_and_resume(self, rng: random.Random) -> None:
        """Kill it; a power failure would have torn its last line."""
        self.stop()
        if rng.random() < 0.5:
            with self.directory.journal_path.open("ab") as file:
                file.write(b'{"event": "finished", "key": "case-'[: rng.randint(1, 34)])
        self.size_before = self.directory.journal_path.stat().st_size
        self.process = self.resume()

    def come_to_end(self) -> None:
        """Come to an end in order."""
        self.end(self.process)

    def stop(self) -> None:
        """Kill it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def busy_run(root: Path) -> Iterator[KilledRun]:
    """Have a small writer that goes on until the block ends."""
    paths = [str(TESTS), str(TESTS / "lab"), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def start() -> subprocess.Popen[bytes]:
        line = [sys.executable, str(BUSY_RUN), str(root), str(PAUSE_S)]
        return subprocess.Popen(line, env=environ, start_new_session=True)

    def end(process: subprocess.Popen[bytes]) -> None:
        root.with_name("enough").touch()
        assert process.wait(PATIENCE_S) == 0

    root.parent.mkdir(exist_ok=True)
    run = KilledRun(RunDirectory(root), start(), start, end)
    try:
        yield run
    finally:
        run.stop()


@contextmanager
def whole_run(cli: Cli, outputs: Path, *overrides: str) -> Iterator[KilledRun]:
    """Have ``evalkit OVERRIDES`` make a run below `outputs`, which goes on until the block ends at the latest."""

    def start(*args: str, **environ: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command(), *args],
            cwd=cli.cwd,
            env={**cli.env, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(process: subprocess.Popen[bytes]) -> None:
        # Before it goes on, it does not listen to interrupts yet.
        _wait_until(lambda: run.directory.journal_path.stat().st_size > run.size_before)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130

    outputs.mkdir()
    first = start(*overrides, f"output_dir={outputs}", **{RUN_ID_VARIABLE: RUN_ID})
    run = KilledRun(RunDirectory(outputs), first, lambda: start("resume", str(run.directory.root)), end)
    try:
        _wait_until(lambda: any(outputs.glob(_JOURNALS)))
        run.directory = RunDirectory(next(outputs.glob(_JOURNALS)).parent)
        yield run
    finally:
        run.stop()


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.05)
