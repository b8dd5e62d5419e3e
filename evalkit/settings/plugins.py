"""What other distributions add, found through their entry points; nothing is imported before it is used.

==================== ============================================================================================
entry point group    adds
==================== ============================================================================================
``evalkit.modes``    a mode: ``name = "package.module:MODE"`` (:mod:`evalkit.modes.mode`)
``evalkit.graders``  graders: ``name = "package.module:GRADERS"``, a tuple of grader types
``evalkit.providers`` a provider preset: ``name = "package"``, whose ``conf/provider/<name>.yaml`` is the option
==================== ============================================================================================

The package that an entry point names may hold ``conf/`` (options for any group, found by Hydra's search path),
``schemas/`` (``mode_<name>.schema.json`` and what it refers to) and ``data/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError

GROUPS = ("evalkit.modes", "evalkit.graders", "evalkit.providers")


@cache
def find_entry_points(group: str) -> Mapping[str, EntryPoint]:
    """Return the entry points of one of :data:`GROUPS` by name."""
    return {point.name: point for point in sorted(_points_by_group()[group], key=lambda each: each.name)}


@cache
def _points_by_group() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the entry points of every group at once: to look for one, all that is installed is read."""
    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in GROUPS}


def load(point: EntryPoint, group: str) -> Any:
    """Return what an entry point names. Raises ConfigError where it cannot be imported."""
    try:
        return point.load()
    except Exception as error:
        distribution = point.dist.name if point.dist else "an unknown distribution"
        raise ConfigError(
            f"entry point {point.name} = {point.value} ({group}, of {distribution}) cannot be loaded "
            f"({type(error).__name__}: {error}); mend that package, or uninstall it"
        ) from error


@cache
def plugin_folders(name: str) -> tuple[Path, ...]:
    """Return the folders called `name` (``conf``, ``schemas``, ``data``) in packages that add something."""
    packages = {point.module.partition(".")[0] for group in GROUPS for point in find_entry_points(group).values()}
    folders = [root / name for package in sorted(packages - {"evalkit"}) for root in _package_roots(package)]
    return tuple(folder for folder in folders if folder.is_dir())


def _package_roots(package: str) -> list[Path]:
    spec = find_spec(package)
    return [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
