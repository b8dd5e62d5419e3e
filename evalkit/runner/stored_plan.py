"""``plan.json`` at a sweep's root: what is to run, written before the first job starts.

==================== =======================================================================================
``format``           2; a reader refuses numbers that it does not know, and this one knows 1 too
``evalkit_version``  what planned it
``sweep_id``         32 hexadecimal digits, its own; whoever started it may have chosen them (``EVALKIT_RUN_ID``)
``working_dir``      the folder that relative paths count from
``source``           ``config_dir``, ``config_name``, ``search_dirs``: where configs were composed from. A primary
                     config that did not ship (``evalkit rerun -m``) is kept in ``source/`` beside the plan
``overrides``        the whole line, Hydra's own overrides (``hydra/launcher=…``) included
``launcher``         the name of the launcher that the line has chosen
``config``           the config of the first job, as composed: relative paths are still relative, nulls not yet
                     filled
``jobs``             a list, by number, a line each: ``job`` (its number), ``overrides`` (its own, Hydra's not among
                     them), ``directory`` (its folder's name in the root), ``config_sha256`` (as in
                     ``provenance.json``), and in what its config is another than the first job's: ``set`` (a list
                     of path and value; a path is a list of keys) and ``unset`` (paths that it has not)
==================== =======================================================================================

In format 1 each job had its whole ``config`` in place of ``set`` and ``unset``: with ten thousand jobs, 100 megabytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evalkit
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Job, Plan, Source
from evalkit.settings.resources import resource_dir
from evalkit.store.files import write_atomically
from evalkit.store.planned_configs import WITH_WHOLE_CONFIGS, describe_difference, planned_configs
from evalkit.store.provenance import take_run_id

_FORMAT = 2
_Config = Mapping[str, Any]


@dataclass(frozen=True)
class StoredPlan:
    """The content of ``plan.json``: the plan, the folder its relative paths count from, and each job's config hash."""

    plan: Plan
    working_dir: Path
    config_sha256: tuple[str, ...]


def write_plan(planned: Plan, root: Path, *, working_dir: Path, config_sha256: Sequence[str]) -> None:
    """Write ``plan.json`` into `root`. `config_sha256` has one for each job."""
    source = _kept_source(planned.source, root)
    first: _Config = planned.jobs[0].config if planned.jobs else {}
    document = {
        "format": _FORMAT,
        "evalkit_version": evalkit.__version__,
        "sweep_id": take_run_id(os.environ),
        "working_dir": str(working_dir),
        "source": {
            "config_dir": str(source.config_dir),
            "config_name": source.config_name,
            "search_dirs": [str(folder) for folder in source.search_dirs],
        },
        "overrides": list(planned.overrides),
        "launcher": planned.launcher,
        "config": first,
    }
    lines = [
        json.dumps(_describe(job, sha256, first), ensure_ascii=False)
        for job, sha256 in zip(planned.jobs, config_sha256, strict=True)
    ]
    head = json.dumps(document, indent=1, ensure_ascii=False).removesuffix("\n}")
    jobs = ",\n  ".join(lines)
    write_atomically(root / "plan.json", f'{head},\n "jobs": [\n  {jobs}\n ]\n}}\n')


def read_plan(root: Path) -> StoredPlan:
    """Return the plan of the sweep in `root`. Raises ConfigError when there is none that this version can read."""
    path = root / "plan.json"
    if not path.is_file():
        raise ConfigError(f"{root}: holds no plan.json; expected the root of a sweep (outputs/sweeps/…)")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] not in (_FORMAT, WITH_WHOLE_CONFIGS):
            raise ConfigError(
                f"{path}: format {document['format']!r} is not known; this version reads {WITH_WHOLE_CONFIGS} "
                f"and {_FORMAT}"
            )
        return _plan_from(document)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is not the plan of a sweep ({type(error).__name__}: {error})") from error


def read_planned_configs(root: Path) -> dict[int, _Config]:
    """Return the config of each job by its number, as far as a plan in `root` can be read: for who can do without."""
    try:
        return {job.number: job.config for job in read_plan(root).plan.jobs}
    except ConfigError:
        return {}


def _describe(job: Job, config_sha256: str, first: _Config) -> dict[str, Any]:
    return {
        "job": job.number,
        "overrides": list(job.overrides),
        "directory": job.directory_name,
        "config_sha256": config_sha256,
        **describe_difference(first, job.config),
    }


def _kept_source(source: Source, root: Path) -> Source:
    """Return `source`, its primary config copied into `root` when it is not the shipped one, which stays."""
    if source.config_dir == resource_dir("conf"):
        return source
    kept = root / "source"
    kept.mkdir()
    shutil.copy(source.config_dir / f"{source.config_name}.yaml", kept)
    return Source(kept, source.config_name, source.search_dirs)


def _plan_from(document: Mapping[str, Any]) -> StoredPlan:
    source = document["source"]
    jobs = document["jobs"]
    planned = Plan(
        source=Source(
            Path(source["config_dir"]), source["config_name"], tuple(Path(folder) for folder in source["search_dirs"])
        ),
        overrides=tuple(document["overrides"]),
        multirun=True,
        jobs=tuple(
            Job(int(job["job"]), tuple(job["overrides"]), config, job["directory"])
            for job, config in zip(jobs, planned_configs(document), strict=True)
        ),
        launcher=document["launcher"],
    )
    return StoredPlan(planned, Path(document["working_dir"]), tuple(job["config_sha256"] for job in jobs))
