"""Lines are checked by a child of the same evalkit, one at a time for each who asks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from evalkit.errors import ConfigError
from evalkit.lab.launch import checking
from evalkit.lab.launch.checking import Checking
from evalkit.lab.settings import LabSettings


def test_a_line_that_can_run(lab_settings: LabSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its jobs, its forecast, nothing wrong; what a preset makes a sweep is one."""
    monkeypatch.setenv("EVALKIT_RUN_ID", "chosen for another")
    checked = Checking(lab_settings).check(["experiment=chunk_sweep", "max_examples=1"])
    assert (checked.problems, checked.multirun, len(checked.jobs)) == ([], True, 6)
    assert checked.jobs[0]["config"]["max_examples"] == 1
    assert checked.forecast is not None
    assert checked.forecast["cases"] == 6


def test_what_is_refused_is_not_even_composed(lab_settings: LabSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No child is started for it; the problem stands at its key."""
    monkeypatch.setattr(checking.subprocess, "Popen", lambda *_, **__: pytest.fail("a child was started"))
    checked = Checking(lab_settings).check(["mode.data_csv=/etc/passwd"])
    assert [problem["key"] for problem in checked.problems] == ["mode.data_csv"]


def test_a_newer_question_ends_an_older_one(
    lab_settings: LabSettings, waiting_words: tuple[str, ...], until: Callable[[Callable[[], object]], None]
) -> None:
    """The older one says so; checks of others are left alone."""
    asked = Checking(lab_settings)
    told: list[str] = []

    def ask(asker: str) -> None:
        with pytest.raises(ConfigError) as caught:
            asked.check(waiting_words, asker=asker)
        told.append(f"{asker}: {caught.value}")

    first, other, second = (threading.Thread(target=ask, args=(asker,)) for asker in ("me", "somebody", "me"))
    first.start()
    until(lambda: "me" in asked._running)
    other.start()
    until(lambda: "somebody" in asked._running)
    second.start()
    until(lambda: told)
    assert told == ["me: a newer check took this one's place"]
    assert asked._running.keys() == {"me", "somebody"}
    for process in list(asked._running.values()):
        process.kill()
    for thread in (first, other, second):
        thread.join()
    assert asked._running == {}


def test_a_check_has_an_end(
    lab_settings: LabSettings, waiting_words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes too long is ended."""
    monkeypatch.setattr(checking, "_LONGEST_S", 0.05)
    with pytest.raises(ConfigError, match=r"took longer than 0\.05 s"):
        Checking(lab_settings).check(waiting_words)
