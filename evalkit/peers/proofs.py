"""What was proved before and need not be proved again: a mark in the cache between runs for each proof."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evalkit.providers.cache import open_cache
from evalkit.whole_files import write_whole


@dataclass(frozen=True)
class Proofs:
    """Proofs by what they depend on. A folder that cannot be written costs time only."""

    folder: Path

    @staticmethod
    def open() -> Proofs:
        """Return the proofs in the cache between runs (``$EVALKIT_CACHE``, or the user's cache folder)."""
        return Proofs(open_cache().directory.parent / "proofs")

    def has(self, depends_on: tuple[str, ...]) -> bool:
        """Whether it was proved with just these contents."""
        return self._mark(depends_on).is_file()

    def add(self, depends_on: tuple[str, ...]) -> None:
        """Keep that it was proved."""
        try:
            write_whole(self._mark(depends_on), ["\n".join(depends_on).encode()])
        except OSError:
            return

    def _mark(self, depends_on: tuple[str, ...]) -> Path:
        name = sha256("\0".join(depends_on).encode()).hexdigest()
        return self.folder / name[:2] / name
