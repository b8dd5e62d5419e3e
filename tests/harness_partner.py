"""Asks a program over two pipes, one line after the other, as a box does; for tests of harnesses without a box."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.sandbox.lock_step import LockStep

LONGEST_ANSWER = 1 << 20
MOST_S = 60.0


@dataclass(frozen=True)
class Exchange:
    """What came of asking: the answer lines, whether one came that nobody had asked for, and how the program left."""

    answers: tuple[bytes, ...]
    broken: bool
    exit_code: int
    stdout: bytes
    stderr: bytes


def ask_program(command: Sequence[str | Path], requests: Sequence[bytes], folder: Path) -> Exchange:
    """Start a program in `folder`, with only the pipes in its environment, and ask it every line of `requests`."""
    steps = LockStep(requests, LONGEST_ANSWER)
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    environment = {"EVALKIT_PIPES": f"{theirs_in},{theirs_out}"}
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command, cwd=folder, pass_fds=(theirs_in, theirs_out), env=environment,
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
        )  # fmt: skip
        watch = threading.Timer(MOST_S, process.kill)
        watch.start()
        for end in (theirs_in, theirs_out):
            os.close(end)
        _exchange(steps, ours_out, ours_in)
        os.close(ours_out)
        exit_code = process.wait()
        watch.cancel()
        os.close(ours_in)
        for stream in (stdout, stderr):
            stream.seek(0)
        return Exchange(tuple(steps.answers), steps.broken, exit_code, stdout.read(), stderr.read())


def _exchange(steps: LockStep, requests_to: int, answers_from: int) -> None:
    while not steps.complete and not steps.broken:
        try:
            while steps.outgoing:
                steps.wrote(os.write(requests_to, steps.outgoing))
        except BrokenPipeError:
            return
        data = os.read(answers_from, 1 << 16)
        if not data:
            return
        steps.receive(data)
