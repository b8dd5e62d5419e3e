"""A process ends at once, and as any other does."""

from __future__ import annotations

import subprocess
import sys

import pytest

_BEGINNING = """
import atexit, os, sys, threading, time
from evalkit.process_end import run_process

class Slow:
    def __del__(self):
        os.write(1, b"taken apart\\n")

slow = Slow()
"""


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", _BEGINNING + program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", [0, 3, 130])
def test_it_ends_with_the_code_and_frees_nothing(code: int) -> None:
    """What was printed is there; no object is taken apart."""
    done = _run(f"""
def main():
    print("said", end="")
    return {code}
run_process(main)
""")
    assert (done.returncode, done.stdout, done.stderr) == (code, "said", "")


def test_threads_and_exit_functions_have_their_time() -> None:
    """As at any end, in this order: threads, then exit functions, the last first."""
    done = _run("""
def later():
    time.sleep(0.3)
    print("thread")
def main():
    atexit.register(print, "first")
    atexit.register(print, "last")
    threading.Thread(target=later).start()
    return 0
run_process(main)
""")
    assert (done.returncode, done.stdout.split()) == (0, ["thread", "last", "first"])


def test_a_failure_is_shown_as_python_shows_it() -> None:
    """With its traceback and exit code, and everything is taken apart."""
    done = _run("run_process(lambda: 1 // 0)")
    assert (done.returncode, done.stdout) == (1, "taken apart\n")
    assert "ZeroDivisionError" in done.stderr


def test_nobody_reads_what_it_says() -> None:
    """What cannot be written is told as Python tells it."""
    program = _BEGINNING + "run_process(lambda: print('x' * 100_000) or 0)"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "BrokenPipeError" in process.stderr.read()
    assert process.returncode != 0
