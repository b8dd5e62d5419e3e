"""Changes in folders are told at once where the system can; and waiting ends when it should."""

from __future__ import annotations

import time
from pathlib import Path

from evalkit.lab.index.watching import FolderWatch


def _changed_within(watch: FolderWatch, seconds: float) -> set[Path]:
    watch.wait(seconds)
    return watch.take_changed()


def test_a_change_ends_the_wait(tmp_path: Path) -> None:
    """Long before its time is over."""
    watch = FolderWatch()
    watch.watch([tmp_path])
    begun_s, told = time.monotonic(), set[Path]()
    while not told and time.monotonic() - begun_s < 10:  # until the watch is up, nothing is told
        (tmp_path / f"{time.monotonic_ns()}").touch()
        told = _changed_within(watch, 0.2)
    watch.close()
    assert told == {tmp_path}


def test_waking_ends_the_wait_and_time_does_too() -> None:
    """Nothing needs to change."""
    watch = FolderWatch()
    watch.wake()
    begun_s = time.monotonic()
    assert _changed_within(watch, 10.0) == set()
    assert time.monotonic() - begun_s < 5
    assert _changed_within(watch, 0.01) == set()


def test_a_folder_that_is_gone_does_not_end_watching_for_good(tmp_path: Path) -> None:
    """The next call watches what is there."""
    watch = FolderWatch()
    watch.watch([tmp_path / "absent"])
    watch.close()
    watch.watch([tmp_path])
    begun_s, told = time.monotonic(), set[Path]()
    while not told and time.monotonic() - begun_s < 10:
        (tmp_path / f"{time.monotonic_ns()}").touch()
        told = _changed_within(watch, 0.2)
    watch.close()
    assert told == {tmp_path}
