"""Recordings of a run: each file is read once, then measures and hashes come from memory.

Reading, decoding, measuring and hashing wait for the disk and leave the interpreter alone for most of their time, so
several files are read at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evalkit.audio.conformance import MeasuredRecording, measure_recording
from evalkit.audio.wav import decode_wav
from evalkit.datasets.files import read_bytes
from evalkit.errors import DataError

_AT_ONCE = min(4, os.cpu_count() or 1)


class Recordings:
    """Reads recordings, and keeps the measures of each."""

    def __init__(self) -> None:
        self._known: dict[Path, MeasuredRecording | DataError] = {}

    def read_all(self, paths: Iterable[Path]) -> None:
        """Read files. A file with a problem raises its error in :meth:`get`, not here."""
        unread = [path for path in dict.fromkeys(paths) if path not in self._known]
        with ThreadPoolExecutor(_AT_ONCE) as readers:
            self._known.update(zip(unread, readers.map(_read, unread), strict=True))

    def get(self, path: Path) -> MeasuredRecording:
        """Return what the file at `path` is, read once. Raises DataError where it is not a WAV file."""
        if path not in self._known:
            self._known[path] = _read(path)
        known = self._known[path]
        if isinstance(known, DataError):
            raise known
        return known


def _read(path: Path) -> MeasuredRecording | DataError:
    try:
        content = read_bytes(path)
        return measure_recording(decode_wav(path, content), content)
    except DataError as error:
        return error
