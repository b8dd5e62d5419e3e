"""Settings of the whole suite: how workers share its files, and that property tests are never timed."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from stand_ins import StandInLms
from waiting_files import WAITING_FILES, WaitingBesideComputing, give_way

settings.register_profile("evalkit", deadline=None)
settings.load_profile("evalkit")
# Hundreds of processes that tests start import evalkit: without its bytecode each would compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Have ``-n auto`` start more workers than there are cores, for the files that wait."""
    return (yield) + len(WAITING_FILES)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WaitingBesideComputing | None:
    """Let those workers have the files that wait, where whole files are handed out."""
    return WaitingBesideComputing(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure() -> None:
    """Let the others give way to the one that holds calls at the speed of speech."""
    give_way()


@pytest.fixture
def lms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInLms:
    """LM Studio's program on the search path, with a model loaded, another, and one for embeddings."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return StandInLms(folder, {"qwen/a": ["qwen/a"], "b": [], "embed-c": []})
