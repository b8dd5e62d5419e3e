"""What a run that was killed left loaded is unloaded by the process that outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stand_ins import StandIn, StandInLms, standing_in

from evalkit.peers.unloading import (
    NOTE_NAME,
    LoadedModel,
    read_note,
    unload_when_left_alone,
    unloading_afterwards,
    write_note,
)
from evalkit.store.run_directory import RunDirectory

_RUN = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from evalkit.peers.loaded_models import holding_models
from evalkit.providers.clients import Clients
from evalkit.settings.types import ModelSettings, ProviderSettings
from evalkit.store.run_directory import RunDirectory

async def run(root, url):
    provider = ProviderSettings("lmstudio", url, None, None, None, ModelSettings(), "chat")
    role = SimpleNamespace(provider=provider, model="a")
    async with holding_models({"assistant": role}, Clients({}), root, lambda _: None):
        print("loaded", flush=True)
        await asyncio.sleep(600)

root = Path(sys.argv[1])
with RunDirectory(root).exclusive():
    asyncio.run(run(root, sys.argv[2]))
"""

_HOLDING = """
import sys
from pathlib import Path
from evalkit.store.run_directory import RunDirectory

with RunDirectory(Path(sys.argv[1])).exclusive():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def studio() -> Iterator[StandIn]:
    with standing_in() as server:
        server.models = {"a": [], "b": ["b"]}
        yield server


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start_run(root: Path, url: str) -> subprocess.Popen[bytes]:
    """Return a process that runs in `root` and has loaded its model."""
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(root), url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"loaded\n"
    return process


def kill(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    os.kill(process.pid, number)
    process.communicate()


def test_a_killed_runs_model_is_unloaded(studio: StandIn, tmp_path: Path) -> None:
    """By kill -9, with nobody resuming it; the run's log says who did it, and the note is gone."""
    process = start_run(tmp_path, studio.url)
    assert studio.log == ["unload b", "load a"]
    kill(process)
    wait_until(lambda: not (tmp_path / NOTE_NAME).exists())
    assert studio.log[2:] == ["unload a"]
    assert studio.models == {"a": [], "b": []}
    assert "LM Studio: unloading a" in (tmp_path / "evalkit.log").read_text(encoding="utf-8")


def test_a_run_killed_while_it_loads_leaves_nothing_either(studio: StandIn, tmp_path: Path) -> None:
    """LM Studio goes on loading for nobody; what it has loaded then is unloaded."""
    assert studio.models is not None
    begun, may_end = threading.Event(), threading.Event()
    studio.hold_load = lambda: (begun.set(), may_end.wait(30))
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(tmp_path), studio.url], stdout=subprocess.PIPE)
    assert begun.wait(30)
    assert read_note(tmp_path) == [LoadedModel(studio.url, "a", None)]
    kill(process)
    may_end.set()
    wait_until(lambda: not (tmp_path / NOTE_NAME).exists())
    assert studio.log[1:] == ["load a", "unload a"]
    assert studio.models["a"] == []


def test_also_with_the_program(studio: StandIn, tmp_path: Path, lms: StandInLms) -> None:
    """Where the server is too old to unload anything."""
    studio.models = None
    write_note(tmp_path, [LoadedModel(studio.url, "qwen/a", "qwen/a")])
    unload_when_left_alone(tmp_path, {}, lambda _: None)
    assert lms.log == ["unload qwen/a"]
    assert not (tmp_path / NOTE_NAME).exists()


def test_a_run_that_goes_on_is_left_alone(studio: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever resumed it holds it, and unloads; so does a note of nothing."""
    assert studio.models is not None
    studio.models["a"] = ["a"]
    monkeypatch.setattr("evalkit.peers.unloading._PATIENCE_S", 0.0)
    write_note(tmp_path, [LoadedModel(studio.url, "a", "a")])
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        unload_when_left_alone(tmp_path, {}, lambda _: None)
        holder.communicate()
    assert studio.log == []
    unload_when_left_alone(tmp_path, {}, lambda _: None)
    assert studio.log == ["unload a"]


def test_it_tries_again(studio: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what was still being loaded and what could not be unloaded; and gives up some time, which leaves the note."""
    monkeypatch.setattr("evalkit.peers.unloading._FIRST_WAIT_S", 0.01)
    assert studio.models is not None
    loading = LoadedModel(studio.url, "a", None)
    write_note(tmp_path, [loading])
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "still being loaded" in line and studio.models is not None:
            studio.models["a"] = ["a"]

    unload_when_left_alone(tmp_path, {}, say)
    assert studio.log == ["unload a"]
    assert [line.partition(";")[0] for line in said] == [
        "LM Studio: a is still being loaded", "LM Studio: unloading a",
    ]  # fmt: skip
    monkeypatch.setattr("evalkit.peers.unloading._PATIENCE_S", 0.02)
    studio.models["a"], studio.refuses_to_unload = ["a"], True
    write_note(tmp_path, [loading])
    unload_when_left_alone(tmp_path, {}, say)
    assert read_note(tmp_path) == [loading]


def test_a_run_that_unloads_itself_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where none can be started, the run goes on."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr("evalkit.peers.unloading.subprocess.Popen", start)
    with unloading_afterwards(tmp_path):
        assert started[0].poll() is None
    assert started[0].returncode is not None
    monkeypatch.setattr("evalkit.peers.unloading.sys.executable", str(tmp_path / "no-python"))
    with unloading_afterwards(tmp_path):
        pass
    assert len(started) == 1


def test_a_note_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """It knew of no token."""
    entry = {"base_url": "http://127.0.0.1:1234/v1", "model": "a", "instance": "a"}
    (tmp_path / NOTE_NAME).write_text(json.dumps({"loaded": [entry]}), encoding="utf-8")
    assert read_note(tmp_path) == [LoadedModel(**entry)]
    assert not RunDirectory(tmp_path).is_held()
