"""A service that stays warm: found by the next run, gone by itself, never another one's."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import psutil
import pytest

from evalkit.service import warm
from evalkit.service.child import ServiceChild, ServiceOptions
from evalkit.service.warm import Unused, WarmService, find_or_start, folder, may_be_kept, stop_all

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs locks that end with their process")

KEEP_ALIVE_S = 2.0
OPTIONS = ServiceOptions(speech="pico", transcription="pocketsphinx", keep_alive_s=KEEP_ALIVE_S, warm=())
# A run: takes the service, says whose it is, and works until it is told to end.
_RUN = f"""
import sys
from pathlib import Path
from evalkit.service.child import ServiceOptions
from evalkit.service.warm import find_or_start
options = ServiceOptions(speech="pico", transcription="pocketsphinx", keep_alive_s={KEEP_ALIVE_S}, warm=())
with find_or_start(options, Path(sys.argv[1]), "here") as service:
    print(service.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A folder of its own for warm services, which are all gone afterwards."""
    yield tmp_path / "services"
    stop_all(tmp_path / "services")


def _run(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _RUN, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _pid(run: subprocess.Popen[bytes]) -> int:
    assert run.stdout is not None
    return int(run.stdout.readline())


def _is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _is_gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _is_running(pid)


def test_unused_for_long_enough():
    """The time counts from the last use."""
    unused = Unused(10.0, now_s=100.0)
    assert not unused.is_over(109.9, used=False)
    assert not unused.is_over(110.0, used=True)
    assert not unused.is_over(119.9, used=False)
    assert unused.is_over(120.0, used=False)


@pytest.mark.parametrize(
    "change",
    [
        {"keep_alive_s": 0.0},
        {"faults": "flaky"},
        {"api_key_env": "A_KEY"},
        {"brain_api_key_env": "A_KEY"},
        {"require_key_env": "A_KEY"},
    ],
)
def test_what_is_never_kept(change):
    """Unless it was asked for, and never with a key or faults."""
    assert may_be_kept(OPTIONS)
    assert not may_be_kept(replace(OPTIONS, **change))


def test_a_configuration_of_its_own(monkeypatch):
    """Another engine, model or endpoint, other code or another machine is another service; what is warm is not."""
    name = warm._name(OPTIONS, "here")
    assert warm._name(replace(OPTIONS, warm=("speech",), keep_alive_s=60.0), "here") == name
    others = [
        warm._name(replace(OPTIONS, speech="hibari"), "here"),
        warm._name(replace(OPTIONS, transcription_model="m"), "here"),
        warm._name(replace(OPTIONS, base_url="http://x/v1"), "here"),
        warm._name(replace(OPTIONS, brain="chat", brain_url="http://x/v1"), "here"),
        warm._name(OPTIONS, "there"),
    ]
    monkeypatch.setattr(warm, "_code", lambda: [("a.py", 1, 2)])
    assert len({name, *others, warm._name(OPTIONS, "here")}) == 7


def test_where_the_files_are(tmp_path: Path):
    """With the cache that was chosen, else in the runtime folder, else with the user's cache."""
    assert folder({"EVALKIT_CACHE": "/c", "XDG_RUNTIME_DIR": "/r"}) == Path("/c/services")
    assert folder({"XDG_RUNTIME_DIR": "/r", "XDG_CACHE_HOME": "/x"}) == Path("/r/evalkit")
    assert folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/evalkit/services")


def test_the_next_run_finds_it_and_loads_what_it_needs(directory: Path):
    """The same process serves both; an engine that the first run did not need is loaded for the second."""
    with find_or_start(OPTIONS, directory, "here") as first:
        assert isinstance(first, WarmService)
        health = first.url.removesuffix("/v1") + "/healthz"
        assert httpx2.get(health).json()["loaded"] == []
    with find_or_start(replace(OPTIONS, warm=("transcription",)), directory, "here") as second:
        assert (second.pid, second.url, second.models) == (first.pid, first.url, first.models)
        assert httpx2.get(health).json()["loaded"] == ["transcription"]
    assert second.url.startswith("http://127.0.0.1:")
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stop_all(directory) == [first.pid]
    assert _is_gone_within(first.pid, 10)


def test_two_runs_at_once_share_one_and_a_killed_run_holds_none(directory: Path):
    """It stays as long as a run works, also one that does nothing; killed runs leave no orphan for long."""
    with _run(directory) as one, _run(directory) as two:
        pid = _pid(one)
        assert _pid(two) == pid
        one.send_signal(signal.SIGKILL)
        assert not _is_gone_within(pid, KEEP_ALIVE_S + 1.5)
        two.send_signal(signal.SIGKILL)
    assert _is_gone_within(pid, KEEP_ALIVE_S + 10)
    assert not list(directory.glob("*.json"))


def test_what_another_server_answers_in_its_place(directory: Path):
    """An address whose owner has changed is not used, and nobody is stopped for it."""
    with find_or_start(OPTIONS, directory, "here") as first:
        (path,) = directory.glob("*.json")
        place = json.loads(path.read_text())
        path.write_text(json.dumps({**place, "token": "another"}))
        assert stop_all(directory) == []
    with find_or_start(OPTIONS, directory, "here") as second:
        assert second.pid != first.pid
    os.kill(first.pid, signal.SIGTERM)
    assert _is_gone_within(first.pid, 10)


def test_an_address_beyond_this_machine(directory: Path):
    """Whoever can write the file cannot send a run elsewhere."""
    directory.mkdir(mode=0o700)
    place = {"url": "http://192.0.2.1:80/v1", "pid": 1, "models": [], "token": "t"}
    (directory / "x.json").write_text(json.dumps(place))
    assert warm._read(directory / "x") is None


def test_a_folder_that_others_may_enter(tmp_path: Path):
    """Nothing is shared through it: the run has a service of its own, which ends with the run."""
    (tmp_path / "open").mkdir(mode=0o755)
    with find_or_start(OPTIONS, tmp_path / "open", "here") as service:
        assert isinstance(service, ServiceChild)
    assert not _is_running(service.pid)
    assert list((tmp_path / "open").iterdir()) == []
