"""Keeps compiled templates where Python keeps compiled modules: beside their source, and on the same terms.

Compiling those of a run's page takes a tenth of a second of every run, and gives the same each time.
"""

from __future__ import annotations

import pickle
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from evalkit.whole_files import write_whole


class CompiledTemplates(BytecodeCache):
    """Those of the package in `folder`. One that cannot be kept, or was kept and cannot be read, is compiled again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill `bucket` with what was kept, where that is of the template as it is now, and of this Python."""
        try:
            bucket.bytecode_from_string(self._path(bucket).read_bytes())
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what `bucket` has, unless Python is told to write none or cannot write there."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                write_whole(self._path(bucket), [bucket.bytecode_to_string()])

    def _path(self, bucket: Bucket) -> Path:
        return Path(cache_from_source(str(self._folder / f"{bucket.key}.j2")))
