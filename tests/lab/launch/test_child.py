"""A launched process says who it is, and becomes evalkit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import evalkit
from evalkit.lab.launch.processes import OUTPUT, read_identity, reap, start_process


def test_it_becomes_evalkit(tmp_path: Path, until: Callable[[Callable[[], object]], None]) -> None:
    """As the number it told, with its words, and not with what lies in the working directory."""
    (tmp_path / "evalkit.py").write_text("raise SystemExit('the wrong one')")
    folder = tmp_path / "launch"
    pid = start_process(folder, ["--version"], tmp_path, os.environ)
    until(lambda: reap(pid) == 0)
    assert (folder / OUTPUT).read_text() == f"{evalkit.__version__}\n"
    identity = read_identity(folder)
    assert identity is not None
    assert identity.pid == pid
