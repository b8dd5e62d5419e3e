"""What a launch has made is found by its id."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from evalkit.lab.launch.directories import find_directory, read_exit_code

NOW = datetime.now().astimezone()


def _run(output_dir: Path, at: datetime, **provenance: object) -> Path:
    root = output_dir / at.strftime("%Y-%m-%d") / f"{at.strftime('%H-%M-%S-%f')}_crawl_m"
    root.mkdir(parents=True)
    (root / "provenance.json").write_text(json.dumps(provenance))
    return root


def test_a_run_and_a_sweep_are_found(tmp_path: Path) -> None:
    """By what stands in their files, among others; what is damaged is passed over."""
    _run(tmp_path, NOW, run_id="b" * 32)
    mine = _run(tmp_path, NOW + timedelta(microseconds=1), run_id="a" * 32)
    (_run(tmp_path, NOW + timedelta(microseconds=2)) / "provenance.json").write_text("{")
    sweep = tmp_path / "sweeps" / NOW.strftime("%Y-%m-%d_%H-%M-%S-%f")
    sweep.mkdir(parents=True)
    (sweep / "plan.json").write_text(json.dumps({"sweep_id": "c" * 32}))
    assert find_directory(tmp_path, "a" * 32, NOW) == mine
    assert find_directory(tmp_path, "c" * 32, NOW) == sweep
    assert find_directory(tmp_path, "d" * 32, NOW) is None
    assert find_directory(tmp_path / "nowhere", "a" * 32, NOW) is None


def test_an_older_copy_is_another(tmp_path: Path) -> None:
    """What was there long before the launch is not its directory."""
    _run(tmp_path, NOW - timedelta(days=2), run_id="a" * 32)
    assert find_directory(tmp_path, "a" * 32, NOW) is None


def test_how_a_run_ended(tmp_path: Path) -> None:
    """As its status says; None where it says nothing."""
    assert read_exit_code(None) is None
    assert read_exit_code(tmp_path) is None
    (tmp_path / "status.json").write_text(json.dumps({"exit_code": 3}))
    assert read_exit_code(tmp_path) == 3
    (tmp_path / "status.json").write_text(json.dumps({"exit_code": None}))
    assert read_exit_code(tmp_path) is None
