"""Finds a file that a simulation names: beside the simulation, beside the index, or in a folder above the index.

So that ``shared/tools.json`` means the same whether `shared` stands next to the data or next to the folder it is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.errors import DataError


def search_folders(naming_path: Path, index_path: Path) -> tuple[Path, ...]:
    """Return the folders in which a path that stands in `naming_path` is looked up, in order, each once."""
    index_folder = index_path.resolve().parent
    return tuple(dict.fromkeys([naming_path.resolve().parent, index_folder, *index_folder.parents]))


def find_file(named: str, folders: Sequence[Path]) -> Path:
    """Return the first file called `named`, which may have folders in it, in `folders`. An absolute path is itself.

    Raises:
        DataError: There is none. The message lists where it looked.

    """
    candidates = list(dict.fromkeys(folder / named for folder in folders))
    for candidate in candidates:
        if _is_file(candidate):
            return candidate.resolve()
    raise DataError(f"no such file: {named!r}; looked for {', '.join(str(candidate) for candidate in candidates)}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a folder that may not be read
        return False
