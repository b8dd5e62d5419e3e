"""What produced a run: versions, code, machine, data, and the models asked for and served."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import evalkit
from evalkit.errors import ConfigError
from evalkit.records.json import content_sha256
from evalkit.settings.roles import ROLES
from evalkit.store.files import write_atomically

# Where a run lies, what it is called and what another command would write does not change what it measures.
_NOT_CONTENT = ("output_dir", "run_name", "voice")

RUN_ID_VARIABLE = "EVALKIT_RUN_ID"
"""Who starts a single run or a sweep may choose its id: 32 hexadecimal digits in this environment variable."""

_NAME_OR_VERSION = re.compile(r"^(Name|Version):[ \t]*(.*?)[ \t]*$", re.MULTILINE)


def config_sha256(config: Mapping[str, Any], datasets: Sequence[Mapping[str, Any]]) -> str:
    """Return the hash of what a run does: its config with files by content, without names and places.

    `datasets` has one ``{"path", "sha256", "bytes"}`` for each file the config names.
    """
    contents = {entry["path"]: entry["sha256"] for entry in datasets}
    return content_sha256(
        _by_content({key: value for key, value in config.items() if key not in _NOT_CONTENT}, contents)
    )


def find_run_id_problem(environ: Mapping[str, str]) -> str | None:
    """Return a message when the id that `environ` chooses for a run is none."""
    chosen = environ.get(RUN_ID_VARIABLE, "")
    if not chosen or re.fullmatch(r"[0-9a-f]{32}", chosen):
        return None
    return f"{RUN_ID_VARIABLE}: {chosen!r} is no id; expected 32 hexadecimal digits in lower case, or no such variable"


def take_run_id(environ: MutableMapping[str, str]) -> str:
    """Return the id that `environ` chooses, which is gone from it then, so that one run alone has it; else a new one.

    Raises ConfigError for one that is no id.
    """
    problem = find_run_id_problem(environ)
    if problem:
        raise ConfigError(problem)
    return environ.pop(RUN_ID_VARIABLE, "") or uuid4().hex


def describe_start(
    config: Mapping[str, Any],
    argv: Sequence[str],
    datasets: Sequence[Mapping[str, Any]],
    case_trials: Sequence[str],
    started_at: str,
) -> dict[str, Any]:
    """Return what is known of a run before its first case; `case_trials` are its keys, in the order of the tables."""
    return {
        "run_id": take_run_id(os.environ),
        "config_sha256": config_sha256(config, datasets),
        "evalkit_version": evalkit.__version__,
        "git": _describe_git(Path(evalkit.__file__).parent),
        "argv": list(argv),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": _installed_packages(),
        "datasets": list(datasets),
        "case_trials": list(case_trials),
        "models_asked": {role: config[role]["model"] for role in ROLES if role in config},
        "models_served": [],
        "started_at": started_at,
        "ended_at": None,
    }


def write_provenance(path: Path, provenance: Mapping[str, Any]) -> None:
    """Write ``provenance.json``."""
    write_atomically(path, json.dumps(provenance, indent=2, ensure_ascii=False) + "\n")


def _by_content(value: Any, contents: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _by_content(child, contents) for key, child in value.items()}
    return contents.get(value, value) if isinstance(value, str) else value


def _installed_packages() -> dict[str, str]:
    """Return name -> version of every distribution, by name."""
    found = [_name_and_version(item) for item in metadata.distributions()]
    return dict(sorted(found, key=lambda package: package[0].lower()))


def _name_and_version(item: metadata.Distribution) -> tuple[str, str]:
    """Return what a distribution says of itself: its own properties parse all of its text, ten times as slowly."""
    head = (item.read_text("METADATA") or "").partition("\n\n")[0]
    told = dict(_NAME_OR_VERSION.findall(head))
    return (told["Name"], told["Version"]) if len(told) == 2 else (item.name, item.version)


def _describe_git(folder: Path) -> dict[str, Any] | None:
    """Return commit and dirty flag of the checkout that `folder` lies in, or None outside one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
