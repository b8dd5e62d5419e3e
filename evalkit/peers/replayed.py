"""Stored runs as providers: found and checked before anything starts; :mod:`evalkit.peers.served` serves them.

``provider=replay provider.run=RUN_DIR`` takes every model's name from the stored run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.settings.roles import ROLES
from evalkit.store.journal import read_lines
from evalkit.store.run_directory import RunDirectory

REPLAY = "replay"
# A role that the stored run had not.
_NO_ROLE: Mapping[str, Any] = {"model": None, "provider": {"name": REPLAY}}


def with_recorded_models(config: Mapping[str, Any], working_dir: Path) -> dict[str, Any]:
    """Return a composed `config` in which replayed roles name the models of the runs they replay.

    Raises:
        ConfigError: A run to be replayed is missing, or is not a run.

    """
    filled = dict(config)
    if config["provider"]["name"] == REPLAY:
        filled["provider"] = _with_models(config["provider"], working_dir)
    for role in (role for role in ROLES if role in config):
        node = dict(config[role])
        if node["provider"] is not None and node["provider"]["name"] == REPLAY:
            node["provider"] = _with_models(node["provider"], working_dir)
        provider = node["provider"] or filled["provider"]
        if provider["name"] == REPLAY and node["model"] is None:
            stored = _stored_config(_directory(provider, working_dir)).get(role, _NO_ROLE)
            # Where the embedded provider served a role, no simulation file had a say in its model.
            node["model"] = stored["model"] if stored["provider"]["name"] in ("local", REPLAY) else None
        if provider["name"] == REPLAY and node.get("transcription_model", "") is None:
            node["transcription_model"] = _recorded_recogniser(_stored_config(_directory(provider, working_dir)), role)
        filled[role] = node
    return filled


@cache
def recorded_identity(run: Path) -> str:
    """Return the identity of a stored run: a hash of its records, whatever its folder."""
    hashes = [
        f"{line['key']}:{line['record_sha256']}"
        for line in read_lines(run / "journal.jsonl")
        if "record_sha256" in line
    ]
    return sha256("\n".join(sorted(hashes)).encode()).hexdigest()[:16]


def _recorded_recogniser(stored: Mapping[str, Any], role: str) -> str | None:
    """Return the model that a stored run asked for the words heard; None where it was made before there was one."""
    node = stored.get(role, _NO_ROLE)
    if "transcription_model" not in node or stored.get("turn_detection", {}).get("type") != "none":
        return None
    embedded = node["provider"]["models"]["transcription"] if node["provider"]["name"] == "local" else None
    return node["transcription_model"] or embedded


def _with_models(provider: Mapping[str, Any], working_dir: Path) -> dict[str, Any]:
    stored = _stored_config(_directory(provider, working_dir))
    caller = "simulator_text" if stored.get("simulator", {}).get("kind") == "text" else "simulator"
    used = {caller if role == "simulator" else role: stored[role]["model"] for role in ROLES if role in stored}
    recorded = {**stored["provider"]["models"], **{role: model for role, model in used.items() if model}}
    return {**provider, "models": {name: model or recorded.get(name) for name, model in provider["models"].items()}}


def _directory(provider: Mapping[str, Any], working_dir: Path) -> Path:
    return (working_dir / Path(str(provider["run"])).expanduser()).resolve()


@cache
def _stored_config(run: Path) -> dict[str, Any]:
    """Return the resolved config of a stored run that can be replayed. Raises ConfigError."""
    where = f"provider.run: {run}"
    if not run.is_dir():
        raise ConfigError(f"{where} is not a directory; name one that a run wrote, for example outputs/DATE/RUN")
    missing = [name for name in ("config.yaml", "journal.jsonl", "records", "events") if not (run / name).exists()]
    if missing:
        raise ConfigError(f"{where} holds no {', '.join(missing)}; name a directory that a run wrote, not a sweep's")
    if not RunDirectory(run).read_finished():
        raise ConfigError(f"{where} has no finished case; there is nothing to replay")
    return RunDirectory(run).read_config()
