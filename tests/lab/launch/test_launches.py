"""The queue: N at a time, and nothing of it is lost with the lab."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.lab.launch.launches import Launches, LaunchRequest, rerun_words, resume_words, run_words
from evalkit.lab.launch.processes import is_running, signal_process
from evalkit.lab.settings import LabSettings

Until = Callable[[Callable[[], object]], None]


def _request(words: tuple[str, ...], tmp_path: Path, **more: object) -> LaunchRequest:
    return LaunchRequest(words, "run", tmp_path, **more)  # type: ignore[arg-type]


def _states(launches: Launches) -> list[str]:
    launches.advance()
    return [entry.state for entry in launches.list_launches()]


def test_one_at_a_time_and_the_others_wait(
    launches: Launches, waiting_words: tuple[str, ...], tmp_path: Path, until: Until
) -> None:
    """The next begins when one ends; one that waits can be taken out."""
    first, second, third = (launches.submit(_request(waiting_words, tmp_path)) for _ in range(3))
    assert [entry.state for entry in launches.list_launches()] == ["queued"] * 3
    assert _states(launches) == ["queued", "queued", "running"]
    assert launches.stop_launch(second.launch_id).state == "cancelled"  # type: ignore[union-attr]
    until(lambda: f"waiting as {first.run_id}" in launches.read_output(first.launch_id))
    assert launches.stop_launch(first.launch_id).stops == 1  # type: ignore[union-attr]
    until(lambda: _states(launches) == ["running", "cancelled", "ended"])
    ended = launches.get(first.launch_id)
    assert ended is not None
    assert (ended.exit_code, ended.line) == (130, "evalkit wait=yes")
    until(lambda: "waiting" in launches.read_output(third.launch_id))


def test_a_killed_lab_goes_on(
    lab_settings: LabSettings, launches: Launches, waiting_words: tuple[str, ...], tmp_path: Path, until: Until
) -> None:
    """What ran runs and is found with its directory; what waited waits; what ended meanwhile has ended."""
    running, waiting = (launches.submit(_request(waiting_words, tmp_path)) for _ in range(2))
    launches.advance()
    until(lambda: "waiting" in launches.read_output(running.launch_id))
    launches.stop()  # as its end would: the lock of the queue is given free
    with (tmp_path / ".lab" / "launches" / "queue.jsonl").open("ab") as file:
        file.write(b'{"event": "ended", "id": "')  # torn
    root = tmp_path / datetime.now().astimezone().strftime("%Y-%m-%d") / "99-run"
    root.mkdir(parents=True)
    (root / "provenance.json").write_text(json.dumps({"run_id": running.run_id}))
    (root / "status.json").write_text(json.dumps({"exit_code": 4}))
    again = Launches(lab_settings)
    again.open()
    assert _states(again) == ["queued", "running"]
    found = again.get(running.launch_id)
    assert found is not None
    assert (found.root, again.find_by_root(root), again.find_by_run(running.run_id[:16])) == (root, found, found)
    again.stop()
    signal_process(launches.folder(running.launch_id), signal.SIGKILL)
    until(lambda: not is_running(launches.folder(running.launch_id)))
    third = Launches(replace(lab_settings, at_once=2))
    third.open()
    assert _states(third) == ["running", "ended"]
    third.stop_launch(waiting.launch_id)
    until(lambda: _states(third) == ["ended", "ended"])
    third.stop()
    launches.open()


def test_a_lab_killed_while_it_launches_launches_again(
    lab_settings: LabSettings, launches: Launches, waiting_words: tuple[str, ...], tmp_path: Path, until: Until
) -> None:
    """Started in the queue, and no process ever said who it is."""
    entry = launches.submit(_request(waiting_words, tmp_path))
    launches._note("started", entry.launch_id)
    launches.stop()
    launches.open()
    assert launches.list_launches()[0].state == "queued"
    assert _states(launches) == ["running"]
    until(lambda: "waiting" in launches.read_output(entry.launch_id))


def test_asked_again_it_is_not_asked_so_kindly(
    launches: Launches, waiting_words: tuple[str, ...], tmp_path: Path, until: Until
) -> None:
    """A process that does not hear Ctrl-C ends at the second request."""
    entry = launches.submit(_request(("deaf=yes", *waiting_words), tmp_path))
    launches.advance()
    until(lambda: "waiting" in launches.read_output(entry.launch_id))
    launches.stop_launch(entry.launch_id)
    assert _states(launches) == ["running"]
    launches.stop_launch(entry.launch_id)
    until(lambda: _states(launches) == ["ended"])
    ended = launches.get(entry.launch_id)
    assert ended is not None
    assert (ended.exit_code, ended.stops) == (-signal.SIGTERM, 2)
    assert launches.stop_launch(entry.launch_id) == ended
    assert launches.stop_launch("nobody") is None


def test_a_directory_has_one_launch_that_goes_on_with_it(launches: Launches, tmp_path: Path) -> None:
    """The second is refused while the first waits or runs."""
    root = tmp_path / "run"
    request = LaunchRequest(resume_words(root), "resume", tmp_path, root, "a" * 32)
    first = launches.submit(request)
    assert (first.run_id, first.root) == ("a" * 32, root)
    with pytest.raises(ConfigError, match=r"run: evalkit resume .* is queued already; wait for it, or stop it"):
        launches.submit(request)
    launches.stop_launch(first.launch_id)
    assert launches.submit(request).state == "queued"
    rerun = launches.submit(LaunchRequest(rerun_words(root), "rerun", tmp_path, root))
    assert (rerun.root, rerun.source) == (None, root)


def test_a_resumed_run_keeps_its_id(
    launches: Launches, waiting_words: tuple[str, ...], tmp_path: Path, until: Until
) -> None:
    """No process that goes on with a run is given an id for it."""
    entry = launches.submit(LaunchRequest(waiting_words, "resume", tmp_path, tmp_path / "run", "a" * 32))
    launches.advance()
    until(lambda: launches.read_output(entry.launch_id) == "waiting as nobody\n")


def test_what_cannot_be_started_says_why(launches: Launches, lab_settings: LabSettings, tmp_path: Path) -> None:
    """And the queue goes on."""
    launches.settings = replace(lab_settings, working_dir=tmp_path / "gone")
    launches.submit(_request(("--version",), tmp_path))
    launches.advance()
    entry = launches.list_launches()[0]
    assert (entry.state, entry.exit_code) == ("ended", None)
    assert "gone" in entry.trouble


def test_two_labs_do_not_share_a_queue(launches: Launches, lab_settings: LabSettings) -> None:
    """The second says what to do; a read-only one needs no queue."""
    with pytest.raises(ConfigError, match="another lab has this home and its queue of launches"):
        Launches(lab_settings).start()
    readers = Launches(replace(lab_settings, read_only=True))
    readers.start()
    assert readers.list_launches() == []
    readers.stop()


def test_the_queue_is_followed(
    lab_settings: LabSettings, ended_after: list[Path], tmp_path: Path, until: Until
) -> None:
    """Without being asked: a launch begins and ends while the lab is up."""
    launches = Launches(lab_settings)
    launches.start()
    launches.start()  # as often as one likes
    entry = launches.submit(_request(("--version",), tmp_path))
    ended_after.append(launches.folder(entry.launch_id))
    until(lambda: launches.list_launches()[0].exit_code == 0)
    launches.stop()


def test_lines_as_one_types_them() -> None:
    """Each kind has its words."""
    assert run_words(["a=1"]) == ("a=1",)
    assert run_words(["a=1,2"], multirun=True) == ("-m", "a=1,2")
    assert rerun_words(Path("/r"), ["a=1"], multirun=True) == ("rerun", "/r", "-m", "a=1")
    assert resume_words(Path("/r"), ["limits.max_cost_usd=1"]) == ("resume", "/r", "limits.max_cost_usd=1")


def test_a_stop_that_comes_too_early_is_not_lost(
    launches: Launches, waiting_words: tuple[str, ...], tmp_path: Path, until: Until
) -> None:
    """A process that has not said who it is yet gets its signal once it has."""
    entry = launches.submit(_request(waiting_words, tmp_path))
    launches.advance()
    launches.stop_launch(entry.launch_id)
    until(lambda: _states(launches) == ["ended"])
