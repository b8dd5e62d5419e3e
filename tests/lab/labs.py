"""Labs for tests: opened over a folder of runs that has been read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalkit.lab.application import open_lab
from evalkit.lab.lab import Lab
from evalkit.lab.settings import LabSettings


def make_lab(tmp_path: Path, *folders: Path, **settings: Any) -> Lab:
    """Return a lab that serves `folders`, by default ``<tmp_path>/outputs``, and has read what lies there.

    It follows nothing: after a change say ``lab.follower.catch_up()``, or start the follower.
    """
    served = folders or (tmp_path / "outputs",)
    for folder in served:
        folder.mkdir(parents=True, exist_ok=True)
    lab = open_lab(LabSettings(served, **{"home": tmp_path / ".lab", "working_dir": tmp_path, **settings}))
    lab.follower.catch_up()
    return lab
