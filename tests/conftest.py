"""Settings of the whole suite: property tests are never timed, since the machine may be busy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from stand_ins import StandInLms

settings.register_profile("evalkit", deadline=None)
settings.load_profile("evalkit")
# Hundreds of processes that tests start import evalkit: without its bytecode each would compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture
def lms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandInLms:
    """LM Studio's program on the search path, with a model loaded, another, and one for embeddings."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return StandInLms(folder, {"qwen/a": ["qwen/a"], "b": [], "embed-c": []})
