"""The groups of ``conf/`` and their options, as people choose them by name, found without Hydra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.settings.plugins import plugin_folders
from evalkit.settings.resources import resource_dir

# Hydra's own, and what only the options of a mode pull in.
_NOT_CHOSEN = frozenset({"hydra", "schema", "family"})


def option_folders(further: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the folders that hold groups: the shipped ``conf/``, those of plugins, and `further` ones."""
    return tuple(dict.fromkeys((resource_dir("conf"), *plugin_folders("conf"), *further)))


def list_groups(further: Sequence[Path] = ()) -> dict[str, list[str]]:
    """Return every group that people choose from, with its options, also those that `further` folders add."""
    found: dict[str, set[str]] = {}
    for folder in option_folders(further):
        for group in folder.iterdir() if folder.is_dir() else ():
            if group.is_dir() and group.name not in _NOT_CHOSEN:
                found.setdefault(group.name, set()).update(path.stem for path in group.glob("*.yaml"))
    return {group: sorted(found[group]) for group in sorted(found)}
