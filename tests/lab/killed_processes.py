"""A lab and a run that are killed, and go on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lab_process import LabProcess, lab_process

from evalkit.store.run_directory import RunDirectory

TESTS = Path(__file__).parents[1]
BUSY_RUN = Path(__file__).with_name("busy_run.py")
PAUSE_S = 0.05
PATIENCE_S = 60


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


class KilledRun:
    """A run that is killed and resumed, and may leave half a line."""

    def __init__(self, root: Path) -> None:
        self.directory = RunDirectory(root)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(TESTS), str(TESTS / "lab"), os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(
            [sys.executable, str(BUSY_RUN), str(self.directory.root), str(PAUSE_S)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )

    def kill_and_resume(self, rng: random.Random) -> None:
        """Kill it; a power failure would have torn its last line."""
        self.stop()
        if rng.random() < 0.5:
            with self.directory.journal_path.open("ab") as file:
                file.write(b'{"event": "finished", "key": "case-'[: rng.randint(1, 34)])
        self._process = self._start()

    def stop(self) -> None:
        """Kill it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Say that it is enough, and wait until it has come to its end."""
        self.directory.root.with_name("enough").touch()
        assert self._process.wait(PATIENCE_S) == 0


@contextmanager
def busy_run(root: Path) -> Iterator[KilledRun]:
    """Have a run that goes on until the block ends."""
    run = KilledRun(root)
    try:
        yield run
    finally:
        run.stop()
