"""Folders that add options, known to all of Hydra: composing, launching, and ``glob(…)`` over a group's options.

The override ``hydra.searchpath`` reaches composing alone: a sweep over ``experiment=glob(pair_*)`` would not see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from evalkit.compose.config_files import use_quick_files
from evalkit.settings.plugins import plugin_folders

_folders: tuple[Path, ...] = ()


class SearchFolders(SearchPathPlugin):
    """Adds the folders of :func:`searching` behind the primary config's own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders."""
        for folder in _folders:
            search_path.append(provider="evalkit", path=f"file://{folder}")


@contextmanager
def searching(folders: tuple[Path, ...]) -> Iterator[None]:
    """Let Hydra, as far as it is set up while the block lasts, find options in `folders` and in plugins too."""
    global _folders  # noqa: PLW0603  Hydra makes its plugins itself and passes them nothing of ours
    Plugins.instance().register(SearchFolders)
    use_quick_files()
    saved, _folders = _folders, (*folders, *plugin_folders("conf"))
    try:
        yield
    finally:
        _folders = saved
