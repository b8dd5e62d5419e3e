"""Launched processes that wait until they are signalled, in place of runs that take their time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evalkit.lab.launch import processes
from evalkit.lab.launch.launches import Launches
from evalkit.lab.launch.processes import is_running, read_identity, reap
from evalkit.lab.settings import LabSettings

WAITING = """
import os, signal, sys
if sys.orig_argv[-1:] == ["wait=yes"] and "evalkit.lab.launch.child" not in sys.orig_argv:
    if "deaf=yes" in sys.orig_argv:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    elif signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    print("waiting as", os.environ.get("EVALKIT_RUN_ID", "nobody"), flush=True)
    while True:
        signal.pause()
"""


@pytest.fixture
def waiting_words(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The words of a line whose process waits until it is interrupted; then its exit code is 130."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(WAITING, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    return ("wait=yes",)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until something is so."""

    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "it never came to be so"
            time.sleep(0.01)

    return wait


@pytest.fixture
def ended_after() -> Iterator[list[Path]]:
    """Folders of processes that are killed when the test ends."""
    folders: list[Path] = []
    yield folders
    for folder in folders:
        identity = read_identity(folder)
        if identity is not None and is_running(folder):
            os.killpg(identity.pid, 9)
        while identity is not None and identity.pid in processes._own and reap(identity.pid) is None:
            time.sleep(0.01)


@pytest.fixture
def launches(lab_settings: LabSettings, ended_after: list[Path]) -> Iterator[Launches]:
    """A queue that is advanced by hand."""
    queue = Launches(lab_settings)
    queue.open()
    yield queue
    ended_after += [queue.folder(entry.launch_id) for entry in queue.list_launches()]
    queue.stop()
