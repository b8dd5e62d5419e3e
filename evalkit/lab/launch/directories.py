"""The directory that a launch has made, found by the id that it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

# Folders are named by local time, which goes back an hour once a year.
_MARGIN = timedelta(minutes=70)


def find_directory(output_dir: Path, run_id: str, since: datetime) -> Path | None:
    """Return the run's or sweep's directory below `output_dir` with this id, made after `since`; None so far."""
    earliest = (since - _MARGIN).astimezone()
    for root in _newer_runs(output_dir, earliest):
        if _stored(root / "provenance.json").get("run_id") == run_id:
            return root
    for root in _newer(output_dir / "sweeps", earliest.strftime("%Y-%m-%d_%H-%M-%S")):
        if _stored(root / "plan.json").get("sweep_id") == run_id:
            return root
    return None


def read_exit_code(root: Path | None) -> int | None:
    """Return how the run in `root` ended; None where nobody knows: it was killed, or is a sweep."""
    code = _stored(root / "status.json").get("exit_code") if root else None
    return code if isinstance(code, int) else None


def _newer_runs(output_dir: Path, earliest: datetime) -> Iterator[Path]:
    day, hour = earliest.strftime("%Y-%m-%d"), earliest.strftime("%H-%M-%S")
    for folder in _newer(output_dir, day):
        if folder.name != "sweeps":
            yield from _newer(folder, hour if folder.name == day else "")


def _newer(folder: Path, name: str) -> list[Path]:
    """Return the folders in `folder` whose name is not before `name`, the last first."""
    try:
        return sorted((entry for entry in folder.iterdir() if entry.name >= name and entry.is_dir()), reverse=True)
    except OSError:
        return []


def _stored(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
